/// The derivative of `function` at `point` along `direction`, by central differences of fourth
/// order.
///
///     (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / (12 h)
///
/// In Float32 code the difference loses digits to rounding (error about |f| 2^-24 / h) and to
/// curvature (about h^4): steps of about 1e-2 of the point's size serve both.
package func directionalDerivative<Failure: Error>(
  at point: [Float], along direction: [Float], step: Float,
  of function: ([Float]) throws(Failure) -> Double
) throws(Failure) -> Double {
  // Float rounds point + h direction: what counts is the step that was really taken, so h is a
  // power of 2 and the caller's data of moderate size.
  let h = Float(sign: .plus, exponent: step.exponent, significand: 1)
  func value(_ factor: Float) throws(Failure) -> Double {
    try function(zip(point, direction).map { $0 + factor * h * $1 })
  }
  let near = try value(1) - value(-1)
  let far = try value(2) - value(-2)
  return (8 * near - far) / (12 * Double(h))
}

/// The directional derivative of a function of Doubles.
package func directionalDerivative<Failure: Error>(
  at point: [Double], along direction: [Double], step: Double,
  of function: ([Double]) throws(Failure) -> Double
) throws(Failure) -> Double {
  func value(_ factor: Double) throws(Failure) -> Double {
    try function(zip(point, direction).map { $0 + factor * step * $1 })
  }
  let near = try value(1) - value(-1)
  let far = try value(2) - value(-2)
  return (8 * near - far) / (12 * step)
}
