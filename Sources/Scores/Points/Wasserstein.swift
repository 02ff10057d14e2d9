import Base
import Configuration

/// The Wasserstein-1 distance between as many samples as reals, exactly: the mean Euclidean
/// distance of the cheapest pairing of both.
///
/// Of n samples of one distribution against another n of the same it is not 0: it falls as
/// n^(-1/2) for points of the plane (with a logarithm), as n^(-1/d) for d dimensions. Compare at
/// equal n.
package struct Wasserstein: Score {
  package static let name = "wasserstein"
  package static let isDefault = false
  package let columns = ["wasserstein (1)"]
  package let wantedSamples = (training: 1000, evaluation: 2000)
  private let most: Int

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {
    most = try options.integer("samples", default: 2000, in: 1...10_000)
  }

  package static func refusal(of subject: ScoreSubject) -> String? {
    subject.refusalWithoutGenerator
  }

  private func count(_ samples: Int, _ reals: Int) -> Int { min(most, samples, reals) }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    let (samples, reals) = try input.vectors()
    let count = count(samples.count, reals.count)
    return [try Self.distance(samples.prefix(count), reals.prefix(count), input.team)]
  }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    let count = count(setting.samples, setting.reals)
    return [
      reportLine("Wasserstein", "\(scoreText(values[0])) (W1 of \(count) samples and reals, exact)")
    ]
  }

  /// The distance between two sets of as many vectors; NaN where some are not finite.
  ///
  /// Costs are computed in slices of rows, the pairing by rank 0.
  package static func distance(
    _ a: Vectors, _ b: Vectors, _ team: ScoreTeam
  ) throws -> Double {
    precondition(a.count == b.count, "a pairing of \(a.count) and \(b.count) vectors")
    guard a.areFinite, b.areFinite else { return .nan }
    let count = a.count
    let slices = ScoreTeam.ranges(count, parts: 64, shortest: 8)
    let costs: [Double] = try team.gather(slices.map { $0.count * count }) { slice, values in
      for (index, row) in slices[slice].enumerated() {
        for column in 0..<count {
          values[index * count + column] = distance(a, row, b, column)
        }
      }
    }
    let sum: [Double] = try team.once(1) { sum in
      costs.withUnsafeBufferPointer { costs in
        let columns = Assignment.solve(costs.start, count: count)
        sum[0] = columns.enumerated().reduce(0) { $0 + costs[$1.offset * count + $1.element] }
      }
    }
    return sum[0] / Double(count)
  }

  /// The Euclidean distance of a vector of a and one of b, by differences.
  private static func distance(_ a: Vectors, _ row: Int, _ b: Vectors, _ column: Int) -> Double {
    let dimension = a.dimension
    return a.values.withUnsafeBufferPointer { a in
      b.values.withUnsafeBufferPointer { b in
        var sum = 0.0
        for index in 0..<dimension {
          let difference =
            Double(a[row * dimension + index]) - Double(b[column * dimension + index])
          sum += difference * difference
        }
        return sum.squareRoot()
      }
    }
  }
}
