import Base
import Foundation

/// Distributions in the plane, two numbers a sample: those of Gulrajani et al.'s `gan_toy.py`, and
/// a ring whose radius and width are the sample's condition.
///
/// n, m are standard normal, u uniform in [0, 1):
///
/// | name | sample | noise s | scale |
/// |---|---|---|---|
/// | gaussians8 | one of 8 centres on the circle of radius 2, + s (n, m) | 0.02 | 1.414 |
/// | gaussians25 | one of (2 i, 2 j), i and j in -2 ... 2, + s (n, m) | 0.05 | 2.828 |
/// | swissroll | t (cos t, sin t) + s (n, m), t = 1.5 pi (1 + 2 u) | 0.25 | 7.5 |
/// | ring | r (cos 2 pi u, sin 2 pi u) + s w (n, m), r uniform in [0.5, 2), w in [0, 1) | 0.2 | 1 |
///
/// and everything divided by the scale. The roll is columns 0 and 2 of scikit-learn's
/// `make_swiss_roll`.
package struct ToyDistribution: Sendable, Equatable {
  package enum Form: String, Sendable, CaseIterable {
    case gaussians8
    case gaussians25
    case swissroll
    case ring
  }

  package var form: Form
  /// Standard deviation of the noise, before the division.
  package var noise: Double
  /// What samples are divided by.
  package var scale: Double

  /// The published values, or others.
  package init(_ form: Form, noise: Double? = nil, scale: Double? = nil) {
    self.form = form
    let published: (noise: Double, scale: Double)
    switch form {
    case .gaussians8: published = (0.02, 1.414)
    case .gaussians25: published = (0.05, 2.828)
    case .swissroll: published = (0.25, 7.5)
    case .ring: published = (0.2, 1)
    }
    self.noise = noise ?? published.noise
    self.scale = scale ?? published.scale
  }

  /// The means of the Gaussians after the division, empty for the others.
  package var centres: [(x: Double, y: Double)] {
    switch form {
    case .gaussians8, .gaussians25: return (0..<centreCount).map(centre)
    case .swissroll, .ring: return []
    }
  }

  /// What the numbers of the samples' conditions are called: the radius of a ring, not divided, and
  /// its width, the share of the noise that it has.
  package var conditionNames: [String] { form == .ring ? ["radius", "width"] : [] }

  /// Radius and width of a ring's sample: random numbers 2 and 3 of block 0, of which 0 is the
  /// angle.
  fileprivate func ring(
    _ sample: Int, from stream: RandomStream
  ) -> (radius: Double, width: Double) {
    let bits = stream.bits(sample: sample, block: 0)
    return (0.5 + 1.5 * Double(bits[2]) * 0x1p-32, Double(bits[3]) * 0x1p-32)
  }

  private var centreCount: Int { form == .gaussians8 ? 8 : 25 }

  private func centre(_ index: Int) -> (x: Double, y: Double) {
    if form == .gaussians25 {
      return (2 * Double(index / 5 - 2) / scale, 2 * Double(index % 5 - 2) / scale)
    }
    // Axes and diagonals in `gan_toy.py`'s order, without the C library's cosine.
    let diagonal = 1 / 2.0.squareRoot()
    let unit: (x: Double, y: Double)
    switch index {
    case 0: unit = (1, 0)
    case 1: unit = (-1, 0)
    case 2: unit = (0, 1)
    case 3: unit = (0, -1)
    case 4: unit = (diagonal, diagonal)
    case 5: unit = (diagonal, -diagonal)
    case 6: unit = (-diagonal, diagonal)
    default: unit = (-diagonal, -diagonal)
    }
    return (2 * unit.x / scale, 2 * unit.y / scale)
  }

  /// Sample `sample` of `stream`, computed in Double and rounded once.
  ///
  /// Block 0 of the random numbers chooses the place, block 1 is the noise.
  ///
  /// - Parameters:
  ///   - sample: its number.
  ///   - stream: random numbers.
  ///   - cell: the Gaussian to draw from; nil for one at random.
  /// - Returns: the point.
  func draw(_ sample: Int, from stream: RandomStream, cell: Int? = nil) -> (x: Float, y: Float) {
    let bits = stream.bits(sample: sample, block: 1)
    let u = (Double(bits[0]) + 1) * 0x1p-32
    let radius = noise * (-2 * log(u)).squareRoot()
    let angle = 2 * Double.pi * Double(bits[1]) * 0x1p-32
    var (n, m) = (radius * cos(angle), radius * sin(angle))
    let place: (x: Double, y: Double)
    switch form {
    case .gaussians8, .gaussians25:
      place = centre(cell ?? stream.integer(below: centreCount, sample: sample))
    case .swissroll:
      let t = 1.5 * Double.pi * (1 + 2 * Double(stream.bits(sample: sample, block: 0)[0]) * 0x1p-32)
      place = (t * cos(t) / scale, t * sin(t) / scale)
    case .ring:
      let (r, width) = ring(sample, from: stream)
      let t = 2 * Double.pi * Double(stream.bits(sample: sample, block: 0)[0]) * 0x1p-32
      place = (r * cos(t) / scale, r * sin(t) / scale)
      (n, m) = (n * width, m * width)
    }
    return (Float(place.x + n / scale), Float(place.y + m / scale))
  }
}

/// Points in the plane: a fixed set, or new ones at every use.
///
/// A sample is a vector of two numbers, (2, 1, 1), without a class; of a ring, which is always a
/// fixed set, its condition is radius and width. A fixed sample i is a function of (data seed, i),
/// with gaussians25 from cell i mod 25, so that the cells are equally full. A fresh one is a
/// function of its draw (run's seed, batch of reals, place in the batch) and not of its index;
/// `count` then only says how many of them make an epoch.
package final class ToyDataset: Dataset {
  package let distribution: ToyDistribution
  package let count: Int
  package let shape = Shape(channels: 2, height: 1, width: 1)
  package var condition: ConditionShape {
    ConditionShape(numbers: distribution.conditionNames.count)
  }
  /// Whether every use draws anew.
  package let isFresh: Bool
  /// x, y of every sample; empty for fresh ones.
  private let points: [Float]
  /// The condition of every sample of a ring; empty for others.
  private let conditions: [Float]

  /// - Parameters:
  ///   - distribution: of the samples.
  ///   - count: samples, 1 or more; of an epoch, for fresh ones.
  ///   - seed: of fixed samples; `nil` for fresh ones.
  package init(_ distribution: ToyDistribution, count: Int, seed: UInt64?) {
    precondition(count > 0, "\(count) samples")
    precondition(
      seed != nil || distribution.conditionNames.isEmpty, "fresh samples with conditions")
    self.distribution = distribution
    self.count = count
    isFresh = seed == nil
    guard let seed else {
      points = []
      conditions = []
      return
    }
    let stream = RandomStream(seed: seed, purpose: .drawing)
    points = (0..<count).flatMap { index in
      let cell = distribution.form == .gaussians25 ? index % 25 : nil
      let point = distribution.draw(index, from: stream, cell: cell)
      return [point.x, point.y]
    }
    conditions =
      distribution.conditionNames.isEmpty
      ? []
      : (0..<count).flatMap { index in
        let (radius, width) = distribution.ring(index, from: stream)
        return [Float(radius), Float(width)]
      }
  }

  package var name: String { distribution.form.rawValue + (isFresh ? " (fresh)" : "") }

  package func copyCondition(at index: Int, into condition: Condition) {
    guard !conditions.isEmpty else { return }
    let count = condition.numbers.count
    for number in 0..<count { condition.numbers[number] = conditions[index * count + number] }
  }

  package func copySample(
    at index: Int, draw: SampleDraw, into output: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(index >= 0 && index < count, "sample \(index) of \(count)")
    precondition(output.count == 2, "output has \(output.count) elements, a sample 2")
    if isFresh {
      let stream = RandomStream(seed: draw.seed, purpose: .drawing, step: draw.batch)
      let point = distribution.draw(draw.position, from: stream)
      output[0] = point.x
      output[1] = point.y
    } else {
      output[0] = points[2 * index]
      output[1] = points[2 * index + 1]
    }
  }
}
