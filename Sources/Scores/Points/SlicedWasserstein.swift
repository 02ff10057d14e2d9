import Base
import Configuration

/// The mean over random directions of the Wasserstein-1 distance of both sets projected on them.
///
/// The sliced distance of Rabin et al. 2011 and Bonneel et al. 2015. Directions are uniform on the
/// unit sphere, and a function of the seed alone: the same at every evaluation of a run. Of unlike
/// numbers of samples and reals the first of the larger set are taken.
package struct SlicedWasserstein: Score {
  package static let name = "slicedWasserstein"
  package static let isDefault = false
  package let columns = ["sliced_wasserstein (1)"]
  package let wantedSamples = (training: 1000, evaluation: 10_000)
  private let projections: Int

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {
    projections = try options.integer("projections", default: 256, in: 1...100_000)
  }

  package static func refusal(of subject: ScoreSubject) -> String? {
    subject.refusalWithoutGenerator
  }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    let (samples, reals) = try input.vectors()
    let count = min(samples.count, reals.count)
    let directions = Directions.random(
      projections, dimension: samples.dimension, seed: input.seed)
    let found = try Self.distances(
      samples.prefix(count), reals.prefix(count), along: directions, input.team)
    return [found.reduce(0, +) / Double(projections)]
  }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    [
      reportLine(
        "sliced W1",
        "\(scoreText(values[0])) (\(projections) directions of seed \(setting.seed), "
          + "\(min(setting.samples, setting.reals)) samples and reals)")
    ]
  }

  /// The distance along each direction: a slice is a direction.
  ///
  /// - Parameters:
  ///   - a: Vectors.
  ///   - b: As many.
  ///   - directions: Of the same dimension; taken as long as they are.
  ///   - team: All ranks.
  /// - Returns: W1 a direction; NaN where vectors are not finite.
  /// - Throws: What an exchange throws.
  package static func distances(
    _ a: Vectors, _ b: Vectors, along directions: Vectors, _ team: ScoreTeam
  ) throws -> [Double] {
    guard a.areFinite, b.areFinite else {
      return Array(repeating: .nan, count: directions.count)
    }
    return try team.gather((0..<directions.count).map { _ in 1 }) { slice, values in
      values[0] = Line.distance(
        project(a, on: directions, slice), project(b, on: directions, slice))
    }
  }

  private static func project(_ vectors: Vectors, on directions: Vectors, _ slice: Int) -> [Double]
  {
    let dimension = vectors.dimension
    return vectors.values.withUnsafeBufferPointer { values in
      directions.values.withUnsafeBufferPointer { directions in
        (0..<vectors.count).map { row in
          var sum = 0.0
          for index in 0..<dimension {
            sum +=
              Double(values[row * dimension + index])
              * Double(directions[slice * dimension + index])
          }
          return sum
        }
      }
    }
  }
}

/// Random directions.
package enum Directions {
  /// Unit vectors, uniform on the sphere: normal numbers of Philox over their length.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - dimension: Of each.
  ///   - seed: Of which they are a function.
  /// - Returns: The vectors.
  package static func random(_ count: Int, dimension: Int, seed: UInt64) -> Vectors {
    let stream = RandomStream(seed: seed, purpose: .scoring, step: ScoringStep.projections)
    var values = [Float](repeating: 0, count: count * dimension)
    values.withUnsafeMutableBufferPointer { values in
      for direction in 0..<count {
        let part = UnsafeMutableBufferPointer(
          rebasing: values[direction * dimension..<(direction + 1) * dimension])
        stream.normals(sample: direction, into: part)
        let length = part.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        for index in part.indices { part[index] = Float(Double(part[index]) / length) }
      }
    }
    return Vectors(values, dimension: dimension)
  }
}
