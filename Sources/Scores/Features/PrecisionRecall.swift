import Base
import Configuration

/// Precision, recall, density and coverage of features: fidelity and variety apart.
///
/// With B(x) the ball around a vector that ends at its k-th nearest vector of the same set,
///
/// - precision: the share of samples in the ball of any real;
/// - recall: the share of reals in the ball of any sample (both Kynkaanniemi et al. 2019,
///   arXiv:1904.06991, k = 3, the ball with its surface);
/// - density: samples in the ball of a real, over k, averaged over the samples;
/// - coverage: the share of reals with a sample in their ball (both Naeem et al. 2020,
///   arXiv:2002.09797, k = 5, the ball without its surface).
package struct PrecisionRecall: Score {
  package static let name = "prdc"
  package static let isDefault = false
  package let columns = ["precision (1)", "recall (1)", "density (1)", "coverage (1)"]
  /// 10 000 against 10 000, as both papers have.
  package let wantedSamples = (training: 2000, evaluation: 10_000)
  private let network: String
  private let k: Int
  private let densityK: Int

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {
    network = try subject.networkName(options)
    k = try options.integer("k", default: 3, in: 1...1000)
    densityK = try options.integer("densityK", default: 5, in: 1...1000)
  }

  package static func refusal(of subject: ScoreSubject) -> String? {
    subject.refusalWithoutFeatures
  }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    let sets = try input.features(of: network)
    return try Self.values(sets.samples, sets.reals, k: k, densityK: densityK, input.team)
  }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    let end = "\(setting.counts), \(setting.name(ofNetwork: network))"
    return [
      reportLine("precision", "\(scoreText(values[0])) (k = \(k); \(end))"),
      reportLine("recall", "\(scoreText(values[1])) (k = \(k))"),
      reportLine("density", "\(scoreText(values[2])) (k = \(densityK))"),
      reportLine("coverage", "\(scoreText(values[3])) (k = \(densityK))"),
    ]
  }

  /// The four values.
  ///
  /// - Parameters:
  ///   - samples: More than `k`.
  ///   - reals: More than both numbers of neighbours.
  ///   - k: Neighbours of precision and recall.
  ///   - densityK: Neighbours of density and coverage.
  ///   - team: All ranks.
  /// - Returns: Precision, recall, density, coverage; NaN where features are not finite.
  /// - Throws: On all ranks, where OpenBLAS is missing or there are too few vectors.
  package static func values(
    _ samples: Vectors, _ reals: Vectors, k: Int, densityK: Int, _ team: ScoreTeam
  ) throws -> [Double] {
    let most = max(k, densityK)
    guard samples.count > k, reals.count > most else {
      throw Fault(
        "prdc: \(samples.count) samples and \(reals.count) reals are too few for \(most) neighbours"
      )
    }
    guard samples.areFinite, reals.areFinite else { return Array(repeating: .nan, count: 4) }
    let ofReals = try Nearest.distances(reals, count: most, team)
    let ofSamples = try Nearest.distances(samples, count: k, team)
    let radii = Radii(
      ofReals: (0..<reals.count).map { ofReals[$0 * most + k - 1] },
      ofSamples: (0..<samples.count).map { ofSamples[$0 * k + k - 1] },
      forDensity: (0..<reals.count).map { ofReals[$0 * most + densityK - 1] })
    let found = try compare(samples, reals, radii, team)
    return [
      share(found.isPrecise), share(found.isRecalled),
      found.inside.reduce(0, +) / Double(densityK * samples.count), share(found.isCovered),
    ]
  }

  private static func share(_ flags: [Bool]) -> Double {
    Double(flags.count { $0 }) / Double(flags.count)
  }

  /// Squared distances to the k-th nearest.
  private struct Radii {
    var ofReals: [Double]
    var ofSamples: [Double]
    var forDensity: [Double]
  }

  private struct Comparison {
    var isPrecise: [Bool]
    var isRecalled: [Bool]
    /// Reals whose ball a sample is in.
    var inside: [Double]
    var isCovered: [Bool]
  }

  /// Holds all samples against all reals: a slice is a panel of reals.
  private static func compare(
    _ samples: Vectors, _ reals: Vectors, _ radii: Radii, _ team: ScoreTeam
  ) throws -> Comparison {
    let all = try team.communicator.agree { try SquaredDistances(reals, samples) }
    let panels = ScoreTeam.ranges(reals.count, parts: 20, shortest: 64)
    let columns = ScoreTeam.ranges(samples.count, parts: 20, shortest: 64)
    let count = samples.count
    // Of each real: is it recalled, is it covered; of each sample: is it precise, balls it is in.
    let found: [Double] = try team.gather(panels.map { 2 * $0.count + 2 * count }) {
      slice, values in
      let rows = panels[slice]
      let ofSamples = values.start + 2 * rows.count
      for range in columns {
        all.tile(rows, range) { tile in
          for row in 0..<rows.count {
            let (radius, densityRadius) = (
              radii.ofReals[rows.lowerBound + row], radii.forDensity[rows.lowerBound + row]
            )
            for column in range {
              let distance = tile[row * range.count + column - range.lowerBound]
              if distance <= radius { ofSamples[column] = 1 }
              if distance <= radii.ofSamples[column] { values[row] = 1 }
              if distance < densityRadius {
                ofSamples[count + column] += 1
                values[rows.count + row] = 1
              }
            }
          }
        }
      }
    }
    var comparison = Comparison(
      isPrecise: Array(repeating: false, count: count), isRecalled: [],
      inside: Array(repeating: 0, count: count), isCovered: [])
    var first = 0
    for rows in panels {
      comparison.isRecalled += found[first..<first + rows.count].map { $0 > 0 }
      comparison.isCovered += found[first + rows.count..<first + 2 * rows.count].map { $0 > 0 }
      first += 2 * rows.count
      for column in 0..<count {
        if found[first + column] > 0 { comparison.isPrecise[column] = true }
        comparison.inside[column] += found[first + count + column]
      }
      first += 2 * count
    }
    return comparison
  }
}
