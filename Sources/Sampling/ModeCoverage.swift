import Configuration
import Datasets

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
  package init?(_ distribution: ToyDistribution) {
    guard !distribution.centres.isEmpty, distribution.noise > 0 else { return nil }
    self.init(
      centres: distribution.centres.map { SIMD2($0.x, $0.y) },
      deviation: distribution.noise / distribution.scale)
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
