import Base
import Configuration

/// The Wasserstein-1 distance of each element by itself: whether each feature of a sample is
/// distributed as in the reals, whatever the others are.
///
/// Of unlike numbers of samples and reals the first of the larger set are taken.
package struct MarginalWasserstein: Score {
  package static let name = "marginalWasserstein"
  package static let isDefault = false
  package let columns = ["marginal_wasserstein (1)", "marginal_wasserstein_max (1)"]
  package let wantedSamples = (training: 1000, evaluation: 10_000)

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {}

  package static func refusal(of subject: ScoreSubject) -> String? {
    subject.refusalWithoutGenerator
  }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    let dimension = input.samples.shape.elementCount
    let count = min(input.samples.count, input.reals.count)
    let found = try Self.distances(
      Vectors(try input.sampleValues(), dimension: dimension).prefix(count),
      Vectors(try input.realValues(), dimension: dimension).prefix(count), input.team)
    return [
      found.reduce(0, +) / Double(dimension), found.reduce(0) { $0 > $1 ? $0 : $1 },
    ]
  }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    [
      reportLine(
        "marginal W1",
        "\(scoreText(values[0])) on average over the elements, \(scoreText(values[1])) of the "
          + "worst (\(min(setting.samples, setting.reals)) samples and reals)")
    ]
  }

  /// The distance of each element: a slice is some elements.
  package static func distances(
    _ a: Vectors, _ b: Vectors, _ team: ScoreTeam
  ) throws -> [Double] {
    guard a.areFinite, b.areFinite else { return Array(repeating: .nan, count: a.dimension) }
    let slices = ScoreTeam.ranges(a.dimension, parts: 64)
    return try team.gather(slices.map(\.count)) { slice, values in
      for (index, element) in slices[slice].enumerated() {
        values[index] = Line.distance(column(element, of: a), column(element, of: b))
      }
    }
  }

  private static func column(_ element: Int, of vectors: Vectors) -> [Double] {
    vectors.values.withUnsafeBufferPointer { values in
      (0..<vectors.count).map { Double(values[$0 * vectors.dimension + element]) }
    }
  }
}
