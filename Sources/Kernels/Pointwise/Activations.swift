import Base
import Foundation

/// A smooth function that is applied to every value, y = f(x), as PyTorch defines it.
///
/// s is the logistic function, s(x) = 1 / (1 + exp(-x)).
package enum ActivationFunction: Sendable, Equatable {
  case tanh
  /// s(x).
  case sigmoid
  /// log(1 + exp(x)).
  case softplus
  /// x for x > 0, alpha (exp(x) - 1) elsewhere, alpha >= 0 (Clevert et al. 2016, arXiv:1511.07289).
  case elu(alpha: Float)
  /// x P(x), P the distribution function of N(0, 1) (Hendrycks and Gimpel 2016, arXiv:1606.08415).
  case gelu
  /// x s(2 u) with u = sqrt(2/pi) (x + 0.044715 x^3): PyTorch's GELU with `approximate='tanh'`.
  case geluTanh
  /// x s(x), also called SiLU (Ramachandran et al. 2017, arXiv:1710.05941).
  case swish

  /// Whether the derivatives are taken from y; from x otherwise.
  ///
  /// They are where y tells x and says as much of the derivatives.
  package var derivativesReadOutput: Bool {
    switch self {
    case .tanh, .sigmoid, .elu: true
    case .softplus, .gelu, .geluTanh, .swish: false
    }
  }

  @inline(__always)
  fileprivate func run(_ sweep: some FormulaSweep) {
    switch self {
    case .tanh: sweep.run(HyperbolicTangent())
    case .sigmoid: sweep.run(Sigmoid())
    case .softplus: sweep.run(Softplus())
    case .elu(let alpha): sweep.run(ELU(alpha: alpha))
    case .gelu: sweep.run(GELU())
    case .geluTanh: sweep.run(ApproximateGELU())
    case .swish: sweep.run(Swish())
    }
  }
}

/// Sweeps of an `ActivationFunction` over values.
///
/// Outputs are overwritten; an output may be one of the inputs. A value's result does not depend on
/// where it lies. Letters: v is the function's output y where `derivativesReadOutput`, else its
/// input x.
package enum Activations {
  /// y = f(x).
  package static func apply(
    _ function: ActivationFunction, _ x: FloatBuffer, into y: MutableFloatBuffer
  ) {
    precondition(x.count == y.count, "\(function) of \(x.count) values into \(y.count)")
    guard let x = x.baseAddress, let target = y.baseAddress else { return }
    function.run(ValueSweep(count: y.count, x: x, y: target))
  }

  /// dx = f'(v) dy; with a direction t for dy this is also J t.
  package static func gradient(
    _ function: ActivationFunction, _ dy: FloatBuffer, at v: FloatBuffer,
    into dx: MutableFloatBuffer
  ) {
    precondition(
      dy.count == dx.count && v.count == dx.count,
      "gradient of \(function) of \(dy.count) and \(v.count) values into \(dx.count)")
    guard let dy = dy.baseAddress, let v = v.baseAddress, let target = dx.baseAddress else {
      return
    }
    function.run(GradientSweep(count: dx.count, dy: dy, v: v, dx: target))
  }

  /// share = f''(v) d t: the gradient of <f'(x) d, t> with respect to x.
  package static func share(
    _ function: ActivationFunction, _ d: FloatBuffer, _ t: FloatBuffer, at v: FloatBuffer,
    into share: MutableFloatBuffer
  ) {
    precondition(
      d.count == share.count && t.count == share.count && v.count == share.count,
      "share of \(function) of \(d.count), \(t.count) and \(v.count) values into \(share.count)")
    guard let d = d.baseAddress, let t = t.baseAddress, let v = v.baseAddress,
      let target = share.baseAddress
    else { return }
    function.run(ShareSweep(count: share.count, d: d, t: t, v: v, share: target))
  }
}

// MARK: - Sweeps

/// A loop over values, compiled once for each formula.
private protocol FormulaSweep {
  func run(_ formula: some Formula)
}

private struct ValueSweep: FormulaSweep {
  let count: Int
  let x: UnsafePointer<Float>
  let y: UnsafeMutablePointer<Float>

  @inline(__always)
  func run(_ formula: some Formula) {
    var index = 0
    while index < count {
      y.setLanes(index, of: count, formula.value(x.lanes(index, of: count)))
      index += 8
    }
  }
}

private struct GradientSweep: FormulaSweep {
  let count: Int
  let dy: UnsafePointer<Float>
  let v: UnsafePointer<Float>
  let dx: UnsafeMutablePointer<Float>

  @inline(__always)
  func run(_ formula: some Formula) {
    var index = 0
    while index < count {
      let slope = formula.slope(v.lanes(index, of: count))
      dx.setLanes(index, of: count, dy.lanes(index, of: count) * slope)
      index += 8
    }
  }
}

private struct ShareSweep: FormulaSweep {
  let count: Int
  let d: UnsafePointer<Float>
  let t: UnsafePointer<Float>
  let v: UnsafePointer<Float>
  let share: UnsafeMutablePointer<Float>

  @inline(__always)
  func run(_ formula: some Formula) {
    var index = 0
    while index < count {
      let curvature = formula.curvature(v.lanes(index, of: count))
      share.setLanes(
        index, of: count, curvature * d.lanes(index, of: count) * t.lanes(index, of: count))
      index += 8
    }
  }
}

// MARK: - Formulas

private protocol Formula {
  func value(_ x: SIMD8<Float>) -> SIMD8<Float>
  /// f' at v: the output y or the input x, see `ActivationFunction.derivativesReadOutput`.
  func slope(_ v: SIMD8<Float>) -> SIMD8<Float>
  /// f'' at v.
  func curvature(_ v: SIMD8<Float>) -> SIMD8<Float>
}

/// f' = 1 - y^2, f'' = -2 y (1 - y^2).
private struct HyperbolicTangent: Formula {
  /// With e = exp(-2 |x|) - 1 it is -e / (2 + e), and x's sign: near 0 nothing cancels.
  @inline(__always)
  func value(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let e = (x.negativeMagnitude * 2).exponentialMinusOne()
    let magnitude = -e / (2 + e)
    return magnitude.replacing(with: -magnitude, where: x .< 0)
  }
  @inline(__always)
  func slope(_ y: SIMD8<Float>) -> SIMD8<Float> { 1 - y * y }
  @inline(__always)
  func curvature(_ y: SIMD8<Float>) -> SIMD8<Float> { -2 * y * (1 - y * y) }
}

/// f' = y (1 - y), f'' = y (1 - y) (1 - 2 y).
private struct Sigmoid: Formula {
  @inline(__always)
  func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x.logistic() }
  @inline(__always)
  func slope(_ y: SIMD8<Float>) -> SIMD8<Float> { y * (1 - y) }
  @inline(__always)
  func curvature(_ y: SIMD8<Float>) -> SIMD8<Float> { y * (1 - y) * (1 - 2 * y) }
}

/// f' = s(x), f'' = s (1 - s).
private struct Softplus: Formula {
  /// max(x, 0) + log(1 + e), e = exp(-|x|): nothing overflows.
  ///
  /// log(1 + e) = 2 artanh(q) with q = e / (2 + e) <= 1/3: seven terms of the series
  /// q + q^3/3 + ... leave a relative error of 2e-8.
  @inline(__always)
  func value(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let e = x.negativeMagnitude.exponential()
    let q = e / (2 + e)
    let square = q * q
    var sum = SIMD8<Float>(repeating: 2 / 13)
    sum = SIMD8(repeating: 2 / 11).addingProduct(square, sum)
    sum = SIMD8(repeating: 2 / 9).addingProduct(square, sum)
    sum = SIMD8(repeating: 2 / 7).addingProduct(square, sum)
    sum = SIMD8(repeating: 2 / 5).addingProduct(square, sum)
    sum = SIMD8(repeating: 2 / 3).addingProduct(square, sum)
    sum = SIMD8(repeating: 2).addingProduct(square, sum)
    return x.replacing(with: 0, where: x .< 0).addingProduct(q, sum)
  }
  @inline(__always)
  func slope(_ x: SIMD8<Float>) -> SIMD8<Float> { x.logistic() }
  @inline(__always)
  func curvature(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let (s, rest) = x.logisticAndRest()
    return s * rest
  }
}

/// f' = 1 for y > 0, y + alpha elsewhere; f'' = 0 and y + alpha.
///
/// With alpha >= 0 the sign of y tells that of x. At 0 the left side holds, as in PyTorch.
private struct ELU: Formula {
  let alpha: Float

  @inline(__always)
  func value(_ x: SIMD8<Float>) -> SIMD8<Float> {
    (x.negativeMagnitude.exponentialMinusOne() * alpha).replacing(with: x, where: x .> 0)
  }
  @inline(__always)
  func slope(_ y: SIMD8<Float>) -> SIMD8<Float> { (y + alpha).replacing(with: 1, where: y .> 0) }
  @inline(__always)
  func curvature(_ y: SIMD8<Float>) -> SIMD8<Float> {
    (y + alpha).replacing(with: 0, where: y .> 0)
  }
}

/// With P and p the distribution function and density of N(0, 1): f' = P + x p, f'' = p (2 - x^2).
private struct GELU: Formula {
  /// erfc, not 1 + erf: for negative x the sum would cancel.
  @inline(__always)
  private func distribution(_ x: SIMD8<Float>) -> SIMD8<Float> {
    (x * -Float(0.5.squareRoot())).map(erfcf) * 0.5
  }
  @inline(__always)
  private func density(_ x: SIMD8<Float>) -> SIMD8<Float> {
    (x * x * -0.5).exponential() * 0.398_942_28
  }
  @inline(__always)
  func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x * distribution(x) }
  @inline(__always)
  func slope(_ x: SIMD8<Float>) -> SIMD8<Float> { distribution(x) + x * density(x) }
  @inline(__always)
  func curvature(_ x: SIMD8<Float>) -> SIMD8<Float> { density(x) * (2 - x * x) }
}

/// With w = 2 u and s = s(w): f' = s + x s (1 - s) w',
/// f'' = s (1 - s) (2 w' + x (w'^2 (1 - 2 s) + w'')).
private struct ApproximateGELU: Formula {
  /// 2 sqrt(2/pi).
  private let scale: Float = 1.595_769_1
  private let cubic: Float = 0.044_715

  /// x as it enters w: from 16 on s is 0 or 1, while w of large values is infinite.
  @inline(__always)
  private func bounded(_ x: SIMD8<Float>) -> SIMD8<Float> {
    x.replacing(with: 16, where: x .> 16).replacing(with: -16, where: x .< -16)
  }
  /// s(w) and 1 - s(w).
  @inline(__always)
  private func gate(_ x: SIMD8<Float>) -> (logistic: SIMD8<Float>, rest: SIMD8<Float>) {
    let sum: SIMD8<Float> = x + x * x * x * cubic
    return (sum * scale).logisticAndRest()
  }
  /// w'.
  @inline(__always)
  private func gateSlope(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let sum: SIMD8<Float> = 1 + x * x * (3 * cubic)
    return sum * scale
  }
  @inline(__always)
  func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x * gate(bounded(x)).logistic }
  @inline(__always)
  func slope(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let x = bounded(x)
    let (s, rest) = gate(x)
    let change: SIMD8<Float> = s * rest * gateSlope(x)
    return s + x * change
  }
  @inline(__always)
  func curvature(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let x = bounded(x)
    let (s, rest) = gate(x)
    let first = gateSlope(x)
    let second: SIMD8<Float> = x * (6 * cubic * scale)
    let bend: SIMD8<Float> = first * first * (rest - s) + second
    let factor: SIMD8<Float> = 2 * first + x * bend
    return s * rest * factor
  }
}

/// f' = s (1 + x (1 - s)), f'' = s (1 - s) (2 + x (1 - 2 s)).
private struct Swish: Formula {
  @inline(__always)
  func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x * x.logistic() }
  @inline(__always)
  func slope(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let (s, rest) = x.logisticAndRest()
    return s * (1 + x * rest)
  }
  @inline(__always)
  func curvature(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let (s, rest) = x.logisticAndRest()
    return s * rest * (2 + x * (rest - s))
  }
}

// MARK: - The exponential function

extension SIMD8<Float> {
  /// Lane by lane, for functions of the C library.
  @inline(__always)
  fileprivate func map(_ function: (Float) -> Float) -> Self {
    var result = Self.zero
    for lane in 0..<8 { result[lane] = function(self[lane]) }
    return result
  }

  /// -|x|.
  @inline(__always)
  fileprivate var negativeMagnitude: Self { replacing(with: -self, where: self .> 0) }

  /// s(x), from exp(-|x|): nothing overflows, and small values keep their digits.
  @inline(__always)
  fileprivate func logistic() -> Self {
    logisticAndRest().logistic
  }

  /// s(x) and 1 - s(x) = s(-x), which a difference would round to few digits for large x.
  @inline(__always)
  fileprivate func logisticAndRest() -> (logistic: Self, rest: Self) {
    let e = negativeMagnitude.exponential()
    let upper = 1 / (1 + e)
    let lower = e * upper
    let isNegative = self .< 0
    return (
      upper.replacing(with: lower, where: isNegative),
      lower.replacing(with: upper, where: isNegative)
    )
  }

  /// exp(x) for x <= 0, subnormal results too.
  @inline(__always)
  func exponential() -> Self {
    // exp(-104) rounds to 0.
    let (fraction, exponent) = replacing(with: -104, where: self .< -104).reduced()
    // In two factors: 2^exponent alone may be below the normal numbers.
    let half = exponent &>> 1
    return (1 + fraction) * Self.power(half) * Self.power(exponent &- half)
  }

  /// exp(x) - 1 for x <= 0.
  ///
  /// Near 0, where the exponent is 0, the fraction itself: nothing cancels.
  @inline(__always)
  fileprivate func exponentialMinusOne() -> Self {
    // exp(-30) - 1 rounds to -1.
    let (fraction, exponent) = replacing(with: -30, where: self .< -30).reduced()
    let scale = Self.power(exponent)
    return (scale - 1).addingProduct(fraction, scale)
  }

  /// exp(x) = (1 + fraction) 2^exponent.
  ///
  /// x = exponent ln 2 + r, |r| <= ln 2 / 2, with ln 2 in two parts whose first product is exact;
  /// fraction = exp(r) - 1 by its series to r^7, relative error 2e-8.
  @inline(__always)
  private func reduced() -> (fraction: Self, exponent: SIMD8<Int32>) {
    // Added to a number below 2^22 this leaves its nearest integer in the low bits.
    let rounder: Float = 0x1.8p23
    let shifted = Self(repeating: rounder).addingProduct(self, 1.442_695_04)
    let exponent =
      unsafeBitCast(shifted, to: SIMD8<Int32>.self) &- Int32(bitPattern: rounder.bitPattern)
    let whole = shifted - rounder
    let r = addingProduct(whole, -0.693_359_375).addingProduct(whole, 2.121_944_4e-4)
    var sum = Self(repeating: 1 / 5040)
    sum = Self(repeating: 1 / 720).addingProduct(r, sum)
    sum = Self(repeating: 1 / 120).addingProduct(r, sum)
    sum = Self(repeating: 1 / 24).addingProduct(r, sum)
    sum = Self(repeating: 1 / 6).addingProduct(r, sum)
    sum = Self(repeating: 1 / 2).addingProduct(r, sum)
    return (r.addingProduct(r * r, sum), exponent)
  }

  /// 2^exponent, for exponents from -126 to 127.
  @inline(__always)
  private static func power(_ exponent: SIMD8<Int32>) -> Self {
    unsafeBitCast((exponent &+ 127) &<< 23, to: Self.self)
  }
}
