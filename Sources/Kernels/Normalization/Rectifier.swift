import Base

/// A (leaky) ReLU right behind a normalization, computed in the normalization's own sweeps: y = v
/// where v > 0, slope v elsewhere, with v = (x - mean) scale + offset as `normalize` forms it.
///
/// A backward sweep reads x as it is, and forms v again to tell the side of the kink: that costs a
/// multiplication, and reading y would cost a tensor. The bits are those of `normalize` and
/// `Elementwise.leakyReLU` in turn, and of `leakyReLUGradient` before the backward sweep: y > 0
/// just where v > 0, since the slope is not negative.
package struct Rectifier {
  private let slope: Float
  private let scale: UnsafePointer<Float>
  private let offset: UnsafePointer<Float>

  /// Keeps pointers to `scale` and `offset`, which must outlive the rectifier.
  ///
  /// - Parameters:
  ///   - slope: The factor on negative values of v; at least 0.
  ///   - scale: gamma r, a value a channel, as given to `normalize`.
  ///   - offset: beta, a value a channel, as given to `normalize`.
  package init(slope: Float, scale: FloatBuffer, offset: FloatBuffer) {
    precondition(slope >= 0, "slope \(slope) is negative")
    precondition(
      scale.count == offset.count, "\(scale.count) scales with \(offset.count) offsets")
    guard let scale = scale.baseAddress, let offset = offset.baseAddress else {
      preconditionFailure("a rectifier of no channels")
    }
    self.slope = slope
    self.scale = scale
    self.offset = offset
  }

  /// y of eight values of v.
  @inline(__always)
  func output(_ v: SIMD8<Float>) -> SIMD8<Float> {
    (v * slope).replacing(with: v, where: v .> SIMD8<Float>.zero)
  }

  @inline(__always)
  func output(_ v: Float) -> Float { v > 0 ? v : v * slope }

  /// The gradient at v of a gradient d at y, for channels from `c` on; J t of a direction likewise.
  ///
  /// - Parameters:
  ///   - d: The gradient at y, or a direction, of eight channels.
  ///   - centred: x - mean of those channels.
  ///   - c: The first of the eight channels.
  /// - Returns: d where v > 0, slope d elsewhere.
  @inline(__always)
  func gradient(_ d: SIMD8<Float>, _ centred: SIMD8<Float>, _ c: Int) -> SIMD8<Float> {
    let v = offset.lanes(c).addingProduct(centred, scale.lanes(c))
    return (d * slope).replacing(with: d, where: v .> SIMD8<Float>.zero)
  }

  @inline(__always)
  func gradient(_ d: Float, _ centred: Float, _ c: Int) -> Float {
    offset[c].addingProduct(centred, scale[c]) > 0 ? d : d * slope
  }
}
