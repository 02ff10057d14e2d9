import Base
import Configuration
import Foundation

/// The squared maximum mean discrepancy with a Gaussian kernel (Gretton et al. 2012):
///
///     k(x, y) = exp(-|x - y|^2 / (2 s^2))
///
/// by the unbiased estimator on m samples x and n reals y,
///
///     mean over i != j of k(x_i, x_j) + mean over i != j of k(y_i, y_j) - 2 mean of k(x_i, y_j)
///
/// which is negative now and then where distributions are alike. The width s is the median distance
/// of the first 1000 reals to each other unless it is given.
package struct MeanDiscrepancy: Score {
  package static let name = "meanDiscrepancy"
  package static let isDefault = false
  package let columns = ["mmd_squared (1)"]
  package let wantedSamples = (training: 1000, evaluation: 5000)
  private let width: Double?

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {
    width = try options.optionalNumber("width", in: 0...1e30, above: 0)
  }

  package static func refusal(of subject: ScoreSubject) -> String? {
    subject.refusalWithoutGenerator
  }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    let (samples, reals) = try input.vectors()
    guard samples.count > 1, reals.count > 1 else {
      throw Fault("meanDiscrepancy: takes two samples or more, found \(samples.count)")
    }
    guard samples.areFinite, reals.areFinite else { return [.nan] }
    let width = try width ?? Self.medianDistance(reals.prefix(1000), input.team)
    return [try Self.estimate(samples, reals, width: width, input.team)]
  }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    let text = width.map { String(format: "%g", $0) } ?? "the reals' median distance"
    return [
      reportLine(
        "MMD squared",
        "\(scoreText(values[0])) (Gaussian kernel of width \(text), unbiased, \(setting.counts))")
    ]
  }

  /// The median of the distances between different vectors: of an even number the mean of both in
  /// the middle.
  package static func medianDistance(_ vectors: Vectors, _ team: ScoreTeam) throws -> Double {
    let all = try team.communicator.agree { try SquaredDistances(vectors, vectors) }
    let slices = ScoreTeam.ranges(vectors.count, parts: 32, shortest: 32)
    var found: [Double] = try team.gather(
      slices.map { $0.reduce(0) { $0 + $1 } }
    ) { slice, values in
      let rows = slices[slice]
      all.tile(rows, 0..<rows.upperBound) { tile in
        var index = 0
        for (place, row) in rows.enumerated() {
          for column in 0..<row {
            values[index] = tile[place * rows.upperBound + column]
            index += 1
          }
        }
      }
    }
    found.sort()
    let (low, high) = (found[(found.count - 1) / 2], found[found.count / 2])
    return (low.squareRoot() + high.squareRoot()) / 2
  }

  /// The estimate; a slice is a panel of rows.
  package static func estimate(
    _ samples: Vectors, _ reals: Vectors, width: Double, _ team: ScoreTeam
  ) throws -> Double {
    let among = { (vectors: Vectors) in
      let pairs = Double(vectors.count) * Double(vectors.count - 1)
      return 2 * (try kernelSum(vectors, vectors, width, isSymmetric: true, team)) / pairs
    }
    let between = try kernelSum(samples, reals, width, isSymmetric: false, team)
    return try among(samples) + among(reals)
      - 2 * between / (Double(samples.count) * Double(reals.count))
  }

  /// The sum of the kernel over all pairs; of a set with itself over pairs of different vectors,
  /// each once.
  private static func kernelSum(
    _ a: Vectors, _ b: Vectors, _ width: Double, isSymmetric: Bool, _ team: ScoreTeam
  ) throws -> Double {
    let all = try team.communicator.agree { try SquaredDistances(a, b) }
    let panels = ScoreTeam.ranges(a.count, length: 256)
    let columns = ScoreTeam.ranges(b.count, length: 256)
    let scale = -1 / (2 * width * width)
    let sums: [Double] = try team.gather(panels.map { _ in 1 }) { slice, values in
      let rows = panels[slice]
      for range in columns where !isSymmetric || range.lowerBound < rows.upperBound {
        all.tile(rows, range) { tile in
          for (place, row) in rows.enumerated() {
            let count = isSymmetric ? min(range.count, max(0, row - range.lowerBound)) : range.count
            for column in 0..<count {
              values[0] += exp(tile[place * range.count + column] * scale)
            }
          }
        }
      }
    }
    return sums.reduce(0, +)
  }
}
