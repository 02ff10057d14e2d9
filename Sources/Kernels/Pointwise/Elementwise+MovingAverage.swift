import Base

extension Elementwise {
  /// average = decay average + (1 - decay) x, in place.
  ///
  /// Computed as average + (1 - decay) (x - average). The factors of the other form, rounded one by
  /// one, do not add up to 1: at decay 0.9999 an average of constants would settle 2e-4 beside
  /// them.
  ///
  /// - Parameters:
  ///   - x: The new values, as many as `average` has.
  ///   - decay: The weight of the old average, in [0, 1]; 0 copies x.
  ///   - average: The average, changed in place.
  package static func movingAverage(
    of x: FloatBuffer, decay: Double, into average: MutableFloatBuffer
  ) {
    precondition(
      x.count == average.count, "an average of \(average.count) values over \(x.count)")
    precondition((0...1).contains(decay), "an average of decay \(decay)")
    guard let x = x.baseAddress, let target = average.baseAddress else { return }
    let share = Float(1 - decay)
    guard share != 1 else { return target.update(from: x, count: average.count) }
    let lanes = SIMD8(repeating: share)
    var index = 0
    while index + 8 <= average.count {
      let before = target.lanes(index)
      target.setLanes(index, before.addingProduct(x.lanes(index) - before, lanes))
      index += 8
    }
    while index < average.count {
      let before = target[index]
      target[index] = before.addingProduct(x[index] - before, share)
      index += 1
    }
  }
}
