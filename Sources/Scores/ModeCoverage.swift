import Configuration
import Datasets
import Foundation

/// How much of a mixture of Gaussians a generator covers: modes hit, and the share of its samples
/// that lie on a mode.
///
/// A sample lies on a mode if it is within `reach` standard deviations of the mode's centre. A mode
/// is hit if at least a five-hundredth of the samples lie on it, 20 of 10 000: single strays of a
/// generator that has dropped the mode do not count. Srivastava et al. 2017 (VEEGAN,
/// arXiv:1705.07761, section 5.1), and Lin et al. 2018 (PacGAN, arXiv:1712.04086) after it, take 3
/// deviations and any one sample; `modesTouched` counts in that way.
package struct ModeCoverage: Equatable, Sendable {
  /// The modes' centres.
  package let centres: [SIMD2<Double>]
  /// The standard deviation of a mode along each axis.
  package let deviation: Double
  /// Deviations around a centre that belong to its mode.
  package let reach: Double

  /// What was found for a set of samples.
  package struct Result: Equatable, Sendable {
    package var samples: Int
    /// Samples on each mode, in the order of the centres.
    package var counts: [Int]
    package var modes: Int { counts.count }
    /// Samples that make a mode a hit.
    package var leastSamples: Int { max(1, samples / 500) }
    /// Modes with at least `leastSamples`.
    package var modesHit: Int { counts.filter { $0 >= leastSamples }.count }
    /// Modes with any sample.
    package var modesTouched: Int { counts.filter { $0 > 0 }.count }
    /// The share of samples that lie on a mode.
    package var share: Double {
      samples > 0 ? Double(counts.reduce(0, +)) / Double(samples) : 0
    }
  }

  package init(centres: [SIMD2<Double>], deviation: Double, reach: Double = 4) {
    precondition(!centres.isEmpty && deviation > 0 && reach > 0, "no modes")
    self.centres = centres
    self.deviation = deviation
    self.reach = reach
  }

  /// The modes of a mixture, as its samples are scaled; nil for the roll, which has none.
  package init?(_ distribution: ToyDistribution, reach: Double = 4) {
    guard !distribution.centres.isEmpty, distribution.noise > 0 else { return nil }
    self.init(
      centres: distribution.centres.map { SIMD2($0.x, $0.y) },
      deviation: distribution.noise / distribution.scale, reach: reach)
  }

  /// Counts samples x0, y0, x1, y1, ...; a sample that is not finite lies on no mode.
  package func evaluate(_ samples: [Float]) -> Result {
    precondition(samples.count % 2 == 0, "\(samples.count) values are not pairs")
    var counts = [Int](repeating: 0, count: centres.count)
    let limit = (reach * deviation) * (reach * deviation)
    for first in stride(from: 0, to: samples.count, by: 2) {
      let sample = SIMD2(Double(samples[first]), Double(samples[first + 1]))
      var nearest = (mode: 0, distance: Double.infinity)
      for (mode, centre) in centres.enumerated() {
        let distance = ((sample - centre) * (sample - centre)).sum()
        if distance < nearest.distance { nearest = (mode, distance) }
      }
      if nearest.distance <= limit { counts[nearest.mode] += 1 }
    }
    return Result(samples: samples.count / 2, counts: counts)
  }
}

extension ModeCoverage: Score {
  package static let name = "modeCoverage"

  package static func refusal(of subject: ScoreSubject) -> String? {
    if let refusal = subject.refusalWithoutGenerator { return refusal }
    guard case .toy(let distribution, _, _) = subject.source, ModeCoverage(distribution) != nil
    else {
      return "the data of \(subject.name) have no modes to count; expected data.source gaussians8 "
        + "or gaussians25"
    }
    return nil
  }

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {
    let reach = try options.number("reach", default: 4, in: 0...1e6, above: 0)
    guard case .toy(let distribution, _, _) = subject.source,
      let modes = ModeCoverage(distribution, reach: reach)
    else { preconditionFailure("\(subject.name) has no modes") }
    self = modes
  }

  package var columns: [String] {
    ["modes_hit (count)", "modes_touched (count)", "on_mode (1)"]
  }

  /// 2500 and 10 000, as the literature counts: 100 and 400 for each of 25 modes.
  package var wantedSamples: (training: Int, evaluation: Int) { (2500, 10_000) }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    let found = evaluate(try input.sampleValues())
    return [Double(found.modesHit), Double(found.modesTouched), found.share]
  }

  package func summary(_ values: [Double]) -> String {
    let share = String(format: "%.1f", 100 * values[2])
    return "\(Int(values[0])) of \(centres.count) modes, \(share) % on one"
  }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    let least = Result(samples: setting.samples, counts: []).leastSamples
    return [
      reportLine(
        "modes hit",
        "\(Int(values[0])) of \(centres.count) (\(least) of \(setting.samples) samples or more; "
          + "\(Int(values[1])) with any)"),
      reportLine(
        "on a mode",
        "\(String(format: "%.2f", 100 * values[2])) % of the samples (within \(reachText) "
          + "standard deviations)"),
    ]
  }

  private var reachText: String { String(format: "%g", reach) }
}
