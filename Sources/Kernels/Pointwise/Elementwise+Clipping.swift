import Base

extension Elementwise {
  /// x = limit where x > limit, -limit where x < -limit, in place.
  ///
  /// A NaN stays a NaN, so that clipping hides no divergence. This is the weight clipping of
  /// Arjovsky et al. 2017, arXiv:1701.07875.
  ///
  /// - Parameters:
  ///   - x: The values, changed in place.
  ///   - limit: The largest magnitude that is left; not negative.
  package static func clip(_ x: MutableFloatBuffer, limit: Float) {
    precondition(limit >= 0, "clipping to [\(-limit), \(limit)]")
    guard let target = x.baseAddress else { return }
    let (low, high) = (SIMD8(repeating: -limit), SIMD8(repeating: limit))
    var index = 0
    while index + 8 <= x.count {
      let value = target.lanes(index)
      target.setLanes(
        index,
        value.replacing(with: high, where: value .> high).replacing(with: low, where: value .< low))
      index += 8
    }
    while index < x.count {
      let value = target[index]
      target[index] = value > limit ? limit : (value < -limit ? -limit : value)
      index += 1
    }
  }
}
