import Base
import Foundation

/// Rows of noise vectors from one to another: what lies between two samples of a generator.
///
/// Row r goes from noise vector 2 r to 2 r + 1 in `steps` even steps, ends included.
///
///     linear      (1 - t) a + t b
///     spherical   sin((1 - t) w) / sin w * a + sin(t w) / sin w * b,  w the angle between a and b
///
/// Spherical interpolation (Shoemake 1985; for noise: White 2016, arXiv:1609.04468) keeps the
/// length that normal noise has, while the middle of a straight line is too short for what the
/// generator was trained on.
package struct NoiseInterpolation: Sendable {
  package let steps: Int
  package let isSpherical: Bool

  package init(steps: Int, isSpherical: Bool) {
    precondition(steps >= 2, "\(steps) steps from one vector to another")
    self.steps = steps
    self.isSpherical = isSpherical
  }

  /// Overwrites `output` with place `index % steps` of row `index / steps`.
  ///
  /// - Parameters:
  ///   - index: Place in the rows, one after the other.
  ///   - output: As many values as a noise vector has.
  ///   - noise: Called with a number and a buffer: overwrites the buffer with the noise vector of
  ///     that number.
  package func fill(
    _ index: Int, _ output: MutableFloatBuffer, noise: (Int, MutableFloatBuffer) -> Void
  ) {
    let row = index / steps
    let t = Double(index % steps) / Double(steps - 1)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * output.count) { ends in
      let start = MutableFloatBuffer(rebasing: ends[..<output.count])
      let end = MutableFloatBuffer(rebasing: ends[output.count...])
      noise(2 * row, start)
      noise(2 * row + 1, end)
      let (first, second) = weights(t, FloatBuffer(start), FloatBuffer(end))
      for element in output.indices {
        output[element] = Float(
          first * Double(start[element]) + second * Double(end[element]))
      }
    }
  }

  private func weights(_ t: Double, _ a: FloatBuffer, _ b: FloatBuffer) -> (Double, Double) {
    guard isSpherical else { return (1 - t, t) }
    var (product, squareA, squareB) = (0.0, 0.0, 0.0)
    for (x, y) in zip(a, b) {
      product += Double(x) * Double(y)
      squareA += Double(x) * Double(x)
      squareB += Double(y) * Double(y)
    }
    let cosine = product / (squareA * squareB).squareRoot()
    let sine = (1 - cosine * cosine).squareRoot()
    // Parallel vectors, or one of length 0: every way between them is the straight one.
    guard sine > 1e-6 else { return (1 - t, t) }
    let angle = acos(cosine)
    return (sin((1 - t) * angle) / sine, sin(t * angle) / sine)
  }
}
