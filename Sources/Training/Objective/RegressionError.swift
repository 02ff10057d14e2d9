import Base

/// How far the critic's estimates p of a condition's numbers c are off.
///
/// The mean over the numbers of
///
/// | error | of a number | derivative |
/// |---|---|---|
/// | `squared` | (p - c)^2 | 2 (p - c) |
/// | `absolute` | abs(p - c) | sign(p - c) |
/// | `absolutePercentage` | 100 abs(p - c) / s | 100 sign(p - c) / s, s = max(abs(c), 1e-7) |
///
/// The last two are Keras's `mean_absolute_error` and `mean_absolute_percentage_error`, as 3DGAN
/// takes them. At p = c their derivative is 0. Computed in Double.
package enum RegressionError: String, Sendable, CaseIterable {
  case squared, absolute, absolutePercentage

  /// Computes the error of one sample, and its derivative.
  ///
  /// - Parameters:
  ///   - estimates: p.
  ///   - numbers: c, as many.
  ///   - weight: A factor on the derivative only, not on the returned error.
  ///   - gradient: Overwritten with `weight` times the derivative.
  /// - Returns: The error, not weighted.
  package func evaluate(
    _ estimates: FloatBuffer, _ numbers: FloatBuffer, weight: Double,
    gradient: MutableFloatBuffer
  ) -> Double {
    let count = estimates.count
    precondition(
      numbers.count == count && gradient.count == count,
      "\(count) estimates of \(numbers.count) numbers, \(gradient.count) derivatives")
    var sum = 0.0
    for index in 0..<count {
      let difference = Double(estimates[index]) - Double(numbers[index])
      let sign = difference > 0 ? 1.0 : difference < 0 ? -1.0 : 0
      let term: (value: Double, derivative: Double)
      switch self {
      case .squared: term = (difference * difference, 2 * difference)
      case .absolute: term = (abs(difference), sign)
      case .absolutePercentage:
        let scale = 100 / max(abs(Double(numbers[index])), 1e-7)
        term = (scale * abs(difference), scale * sign)
      }
      sum += term.value
      gradient[index] = Float(weight * term.derivative / Double(count))
    }
    return sum / Double(count)
  }

  /// Its unit: the numbers have any.
  package var unit: String { self == .absolutePercentage ? "%" : "1" }
}
