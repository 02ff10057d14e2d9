/// Box and Muller's method for four pairs at a time: sqrt(-2 ln u) times cos and sin of 2 pi v.
///
/// In Double, with functions of our own: the C library's take one number at a time, and differ in
/// their last bits from library to library. Errors are within three units of the last place of a
/// Double, so that once rounded to Float a number practically always has the bits of the exact one.
package enum NormalPairs {
  package typealias Lanes = SIMD4<Double>

  /// The pairs of some random 32-bit numbers.
  ///
  /// - Parameters:
  ///   - u: Gives the radius: (u + 1) / 2^32, in (0, 1].
  ///   - v: Gives the angle: v / 2^32 of a turn.
  /// - Returns: The standard normal numbers of the four pairs, one pair behind the other.
  @inline(__always)
  package static func normals(u: SIMD4<UInt32>, v: SIMD4<UInt32>) -> SIMD8<Float> {
    let radius = (-2 * logarithm((number(Words(truncatingIfNeeded: u)) + 1) * 0x1p-32))
      .squareRoot()
    let (cosine, sine) = cosineAndSine(
      ofTurn: number(Words(truncatingIfNeeded: v)) * 0x1p-32)
    let (first, second) = (SIMD4<Float>(radius * cosine), SIMD4<Float>(radius * sine))
    return SIMD8(
      first[0], second[0], first[1], second[1], first[2], second[2], first[3], second[3])
  }

  private typealias Words = SIMD4<UInt64>

  /// Whole numbers below 2^52 as Doubles, by way of 2^52 + n, whose last bits are n's: AVX2 has no
  /// such conversion, and Swift's goes number by number.
  @inline(__always)
  private static func number(_ n: Words) -> Lanes {
    unsafeBitCast(n | (0x1p52).bitPattern, to: Lanes.self) - 0x1p52
  }

  @inline(__always)
  private static func bits(_ x: Lanes) -> Words { unsafeBitCast(x, to: Words.self) }

  /// ln x of positive, normal numbers.
  ///
  /// x = 2^k m with m between sqrt(1/2) and sqrt(2), and ln m = 2 artanh s with s = (m - 1) /
  /// (m + 1): s^2 < 0.0295, so ten terms of the series are enough.
  @inline(__always)
  static func logarithm(_ x: Lanes) -> Lanes {
    // The bits of sqrt(1/2), a little below it: subtracted, the exponent is k and the rest m's.
    let root: UInt64 = 0x3FE6_A09E_0000_0000
    let shifted = bits(x) &- root
    // k + 1024, which is not negative.
    let exponent = number((shifted &+ (1024 << 52)) &>> 52) - 1024
    let mantissa = (shifted & 0x000F_FFFF_FFFF_FFFF) &+ root
    let f = unsafeBitCast(mantissa, to: Lanes.self) - 1
    let s = f / (f + 2)
    let square = s * s
    let series = polynomial(square, Self.artanh)
    // f, and not 2 s, first: exact, where x is close to 1 and ln x to f.
    let half = 0.5 * f * f
    let rest = s * (half + square * series)
    return exponent * ln2.high + (f - (half - (rest + exponent * ln2.low)))
  }

  /// cos and sin of 2 pi v, v in [0, 1).
  ///
  /// The angle is rounded to Double first, as `2 * Double.pi * v`; then quarters of a turn are
  /// taken off, and series of what is left, at most pi / 4, are enough.
  @inline(__always)
  static func cosineAndSine(ofTurn v: Lanes) -> (cosine: Lanes, sine: Lanes) {
    // Rounded to whole numbers by the sum, whose last bits are theirs.
    let sum = 4 * v + 0x1p52
    let quarters = sum - 0x1p52
    let angle = (2 * Double.pi) * v
    let x = angle - quarters * quarterTurn.high - quarters * quarterTurn.low
    let square = x * x
    let sine = bits(x + x * square * polynomial(square, Self.sine))
    let cosine = bits(1 + square * polynomial(square, Self.cosine))
    // By bits: the two change places in odd quarters, and their signs go with the quarter.
    let quadrant = bits(sum)
    let change = (sine ^ cosine) & (0 &- (quadrant & 1))
    let sign = Words(repeating: 1 << 63)
    return (
      unsafeBitCast(cosine ^ change ^ ((quadrant &+ 1) &<< 62 & sign), to: Lanes.self),
      unsafeBitCast(sine ^ change ^ (quadrant &<< 62 & sign), to: Lanes.self)
    )
  }

  /// ln 2 as the sum of two numbers: the first has few enough bits for exact products.
  private static var ln2: (high: Double, low: Double) {
    @inline(__always) get { (0x1.62e42fefap-1, 0x1.cf79abc9e3b3ap-40) }
  }
  /// pi / 2, the same way.
  private static var quarterTurn: (high: Double, low: Double) {
    @inline(__always) get { (0x1.921fb544p0, 0x1.0b4611a626331p-34) }
  }

  private typealias Coefficients = (
    Double, Double, Double, Double, Double, Double, Double, Double, Double
  )

  /// 2 (artanh s - s) / s^3 by ascending powers of s^2.
  private static var artanh: Coefficients {
    @inline(__always)
    get {
      (2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19)
    }
  }
  /// (sin x - x) / x^3 by ascending powers of x^2.
  private static var sine: Coefficients {
    @inline(__always)
    get {
      (
        -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362_880, -1.0 / 39_916_800, 1.0 / 6_227_020_800,
        -1.0 / 1_307_674_368_000, 1.0 / 355_687_428_096_000, -1.0 / 121_645_100_408_832_000
      )
    }
  }
  /// (cos x - 1) / x^2 by ascending powers of x^2.
  private static var cosine: Coefficients {
    @inline(__always)
    get {
      (
        -1.0 / 2, 1.0 / 24, -1.0 / 720, 1.0 / 40_320, -1.0 / 3_628_800, 1.0 / 479_001_600,
        -1.0 / 87_178_291_200, 1.0 / 20_922_789_888_000, -1.0 / 6_402_373_705_728_000
      )
    }
  }

  /// The value at x by Horner's rule.
  @inline(__always)
  private static func polynomial(_ x: Lanes, _ c: Coefficients) -> Lanes {
    func step(_ sum: Lanes, _ coefficient: Double) -> Lanes { sum * x + coefficient }
    let high = step(step(step(step(Lanes(repeating: c.8), c.7), c.6), c.5), c.4)
    return step(step(step(step(high, c.3), c.2), c.1), c.0)
  }
}
