/// Up to eight values of one dimension, each a vector of channels, and Winograd's matrices on them.
///
/// Places are either positions 0 ... 7 (of outputs, taps or inputs), or the points infinity, 1/2,
/// -1/2, 3/2, -3/2, 0, 1 and -1 in this order. Places from a function's count on are not read, and
/// have no meaning in its result. All functions are inlined, mostly with constant counts; counts of
/// points are 1 to 6 or 8, those of positions that are evaluated 1 to 4 or 6.
///
/// With x_p the point of place p, V_k has the rows (1, x_p, ..., x_p^(k-1)), and (0, ..., 0, 1) for
/// infinity:
///
/// | function | matrix | from | to |
/// |---|---|---|---|
/// | `evaluated` | V_k | k positions | all points |
/// | `collected` | V_k^T | points | k positions |
/// | `interpolated` | V_n^-T | n positions | n points |
/// | `spread` | V_n^-1 | n points | n positions |
///
/// Lanes are independent: no sum goes over channels. Sums are written in one order, with the same
/// fused multiply-adds for registers of 8 and of 16 lanes, so both have the same bits. Points x and
/// -x share their even and their odd part, which saves multiplications.
struct WinogradVector {
  var v0 = Lanes.zero
  var v1 = Lanes.zero
  var v2 = Lanes.zero
  var v3 = Lanes.zero
  var v4 = Lanes.zero
  var v5 = Lanes.zero
  var v6 = Lanes.zero
  var v7 = Lanes.zero

  @inline(__always)
  init() {}

  /// Places below `count` from `body`; the others zero.
  ///
  /// - Parameters:
  ///   - count: 0 to 8.
  ///   - body: Gives the vector of a place; called in the places' order.
  @inline(__always)
  init(count: Int, _ body: (Int) -> Lanes) {
    if count > 0 { v0 = body(0) }
    if count > 1 { v1 = body(1) }
    if count > 2 { v2 = body(2) }
    if count > 3 { v3 = body(3) }
    if count > 4 { v4 = body(4) }
    if count > 5 { v5 = body(5) }
    if count > 6 { v6 = body(6) }
    if count > 7 { v7 = body(7) }
  }

  /// Hands the places below `count`, 0 to 8, to `body` in their order.
  @inline(__always)
  func forEach(count: Int, _ body: (Int, Lanes) -> Void) {
    if count > 0 { body(0, v0) }
    if count > 1 { body(1, v1) }
    if count > 2 { body(2, v2) }
    if count > 3 { body(3, v3) }
    if count > 4 { body(4, v4) }
    if count > 5 { body(5, v5) }
    if count > 6 { body(6, v6) }
    if count > 7 { body(7, v7) }
  }

  /// The polynomial with `count` coefficients at the points, V_count v: r_p = sum over k of v_k
  /// x_p^k.
  ///
  /// At infinity it is the last coefficient. From three coefficients on a pair of points is even +
  /// odd and even - odd, each part summed from the lowest power on.
  ///
  /// - Parameter count: Coefficients, 1 to 4 or 6.
  /// - Returns: The values at all eight points, of which a tile stores its own.
  @inline(__always)
  func evaluated(count: Int) -> WinogradVector {
    var r = WinogradVector()
    switch count {
    case 1:
      (r.v0, r.v1, r.v2, r.v3, r.v4, r.v6, r.v7) = (v0, v0, v0, v0, v0, v0, v0)
    case 2:
      r.v0 = v1
      r.v1 = v0.addingProduct(v1, Lanes(repeating: 0.5))
      r.v2 = v0.addingProduct(v1, Lanes(repeating: -0.5))
      r.v3 = v0.addingProduct(v1, Lanes(repeating: 1.5))
      r.v4 = v0.addingProduct(v1, Lanes(repeating: -1.5))
      (r.v6, r.v7) = (v0 + v1, v0 - v1)
    default:
      var even = v0.addingProduct(v2, Lanes(repeating: 0.25))
      var wideEven = v0.addingProduct(v2, Lanes(repeating: 2.25))
      var unitEven = v0 + v2
      var (odd, wideOdd, unitOdd) = (v1 * 0.5, v1 * 1.5, v1)
      if count > 3 {
        odd = odd.addingProduct(v3, Lanes(repeating: 0.125))
        wideOdd = wideOdd.addingProduct(v3, Lanes(repeating: 3.375))
        unitOdd += v3
      }
      if count > 4 {
        even = even.addingProduct(v4, Lanes(repeating: 1.0 / 16))
        wideEven = wideEven.addingProduct(v4, Lanes(repeating: 81.0 / 16))
        unitEven += v4
        odd = odd.addingProduct(v5, Lanes(repeating: 1.0 / 32))
        wideOdd = wideOdd.addingProduct(v5, Lanes(repeating: 243.0 / 32))
        unitOdd += v5
      }
      r.v0 = count > 4 ? v5 : count > 3 ? v3 : v2
      (r.v1, r.v2) = (even + odd, even - odd)
      (r.v3, r.v4) = (wideEven + wideOdd, wideEven - wideOdd)
      (r.v6, r.v7) = (unitEven + unitOdd, unitEven - unitOdd)
    }
    r.v5 = v0
    return r
  }

  /// The transpose of `evaluated`, V_count^T v: r_k = sum over p of x_p^k v_p.
  ///
  /// Infinity counts for the last position only, 0 for the first. A position adds up the pairs 1/2,
  /// 3/2 and 1 in this order, then 0, then infinity.
  ///
  /// - Parameters:
  ///   - points: How many of the points there are, 1 to 6 or 8.
  ///   - count: Positions of the result, 1 to 4 or 6.
  /// - Returns: The values at the positions.
  @inline(__always)
  func collected(points: Int, count: Int) -> WinogradVector {
    var r = WinogradVector()
    if points > 1 {
      let sum = points > 2 ? v1 + v2 : v1
      let difference = points > 2 ? v1 - v2 : v1
      let wideSum = points > 4 ? v3 + v4 : v3
      let wideDifference = points > 4 ? v3 - v4 : v3
      let (unitSum, unitDifference) = (v6 + v7, v6 - v7)
      /// A position's value from three pairs of points: their sums or differences by a power each.
      @inline(__always)
      func position(
        _ near: Lanes, _ wide: Lanes, _ unit: Lanes, by power: Float, _ widePower: Float
      ) -> Lanes {
        let value = near * power
        guard points > 3 else { return value }
        let both = value.addingProduct(wide, Lanes(repeating: widePower))
        return points > 6 ? both + unit : both
      }
      r.v0 = position(sum, wideSum, unitSum, by: 1, 1)
      if points > 5 { r.v0 += v5 }
      if count > 1 { r.v1 = position(difference, wideDifference, unitDifference, by: 0.5, 1.5) }
      if count > 2 { r.v2 = position(sum, wideSum, unitSum, by: 0.25, 2.25) }
      if count > 3 { r.v3 = position(difference, wideDifference, unitDifference, by: 0.125, 3.375) }
      if count > 4 {
        r.v4 = position(sum, wideSum, unitSum, by: 1.0 / 16, 81.0 / 16)
        r.v5 = position(
          difference, wideDifference, unitDifference, by: 1.0 / 32, 243.0 / 32)
      }
    }
    switch count {
    case 1: r.v0 += v0
    case 2: r.v1 += v0
    case 3: r.v2 += v0
    case 4: r.v3 += v0
    default: r.v5 += v0
    }
    return r
  }

  /// The transposed inverse of V_count, V_count^-T v: r_p = sum over k of l_pk v_k.
  ///
  /// Row p, (l_p0, l_p1, ...), is the Lagrange polynomial of point p, row infinity the product of
  /// (x - q) over the finite points q. Up to four points all its numbers are exact in Float; 1/6,
  /// 1/9, 1/45 and others of more points are rounded.
  ///
  /// - Parameter count: Positions and points, 1 to 6 or 8. Which points they are follows from it:
  ///   the first ones.
  /// - Returns: The values at the points.
  @inline(__always)
  func interpolated(count: Int) -> WinogradVector {
    var r = WinogradVector()
    switch count {
    case 1: r.v0 = v0
    case 2:
      r.v0 = v1.addingProduct(v0, Lanes(repeating: -0.5))
      r.v1 = v0
    case 3:
      let half = v0 * 0.5
      r.v0 = v2.addingProduct(v0, Lanes(repeating: -0.25))
      r.v1 = half + v1
      r.v2 = half - v1
    case 4:
      r.v0 = v3.addingProduct(v2, Lanes(repeating: -1.5))
        .addingProduct(v1, Lanes(repeating: -0.25)).addingProduct(v0, Lanes(repeating: 0.375))
      r.v1 = (v1 - v2).addingProduct(v0, Lanes(repeating: 0.75))
      r.v2 = (v2 * 0.5).addingProduct(v0, Lanes(repeating: 0.375)) - v1
      r.v3 = (v2 * 0.5).addingProduct(v0, Lanes(repeating: -0.125))
    case 5:
      let even = (v0 * (9.0 / 16)).addingProduct(v2, Lanes(repeating: -0.25))
      let odd = (v1 * (9.0 / 8)).addingProduct(v3, Lanes(repeating: -0.5))
      let wideEven = (v2 * 0.25).addingProduct(v0, Lanes(repeating: -1.0 / 16))
      let wideOdd = (v3 * (1.0 / 6)).addingProduct(v1, Lanes(repeating: -1.0 / 24))
      r.v0 = v4.addingProduct(v2, Lanes(repeating: -2.5))
        .addingProduct(v0, Lanes(repeating: 9.0 / 16))
      r.v1 = even + odd
      r.v2 = even - odd
      r.v3 = wideEven + wideOdd
      r.v4 = wideEven - wideOdd
    case 6:
      let even = (v2 * 2.25) - v4
      let odd = (v1 * (9.0 / 8)).addingProduct(v3, Lanes(repeating: -0.5))
      let wideEven = (v4 * (1.0 / 9)).addingProduct(v2, Lanes(repeating: -1.0 / 36))
      let wideOdd = (v3 * (1.0 / 6)).addingProduct(v1, Lanes(repeating: -1.0 / 24))
      r.v0 = v5.addingProduct(v3, Lanes(repeating: -2.5))
        .addingProduct(v1, Lanes(repeating: 9.0 / 16))
      r.v1 = even + odd
      r.v2 = even - odd
      r.v3 = wideEven + wideOdd
      r.v4 = wideEven - wideOdd
      r.v5 = v0.addingProduct(v2, Lanes(repeating: -40.0 / 9))
        .addingProduct(v4, Lanes(repeating: 16.0 / 9))
    default:
      let even = (v2 * 3).addingProduct(v4, Lanes(repeating: -13.0 / 3))
        .addingProduct(v6, Lanes(repeating: 4.0 / 3))
      let odd = (v1 * 1.5).addingProduct(v3, Lanes(repeating: -13.0 / 6))
        .addingProduct(v5, Lanes(repeating: 2.0 / 3))
      let wideEven = (v2 * (1.0 / 45)).addingProduct(v4, Lanes(repeating: -1.0 / 9))
        .addingProduct(v6, Lanes(repeating: 4.0 / 45))
      let wideOdd = (v1 * (1.0 / 30)).addingProduct(v3, Lanes(repeating: -1.0 / 6))
        .addingProduct(v5, Lanes(repeating: 2.0 / 15))
      let unitEven = (v2 * -0.3).addingProduct(v4, Lanes(repeating: 4.0 / 3))
        .addingProduct(v6, Lanes(repeating: -8.0 / 15))
      let unitOdd = (v1 * -0.3).addingProduct(v3, Lanes(repeating: 4.0 / 3))
        .addingProduct(v5, Lanes(repeating: -8.0 / 15))
      r.v0 = v7.addingProduct(v1, Lanes(repeating: -9.0 / 16))
        .addingProduct(v3, Lanes(repeating: 49.0 / 16)).addingProduct(v5, Lanes(repeating: -3.5))
      (r.v1, r.v2) = (even + odd, even - odd)
      (r.v3, r.v4) = (wideEven + wideOdd, wideEven - wideOdd)
      (r.v6, r.v7) = (unitEven + unitOdd, unitEven - unitOdd)
      r.v5 = v0.addingProduct(v6, Lanes(repeating: -16.0 / 9))
        .addingProduct(v2, Lanes(repeating: -49.0 / 9))
        .addingProduct(v4, Lanes(repeating: 56.0 / 9))
    }
    return r
  }

  /// The transpose of `interpolated`, V_count^-1 v: r_k = sum over p of l_pk v_p.
  ///
  /// It gives the coefficients of the polynomial that has the values v at the points: the inverse
  /// of `evaluated` with as many of each.
  ///
  /// - Parameter count: Points and positions, 1 to 6 or 8.
  /// - Returns: The values at the positions.
  @inline(__always)
  func spread(count: Int) -> WinogradVector {
    var r = WinogradVector()
    switch count {
    case 1: r.v0 = v0
    case 2:
      r.v0 = v1.addingProduct(v0, Lanes(repeating: -0.5))
      r.v1 = v0
    case 3:
      r.v0 = ((v1 + v2) * 0.5).addingProduct(v0, Lanes(repeating: -0.25))
      r.v1 = v1 - v2
      r.v2 = v0
    case 4:
      r.v0 = ((v0 + v2) * 0.375).addingProduct(v1, Lanes(repeating: 0.75))
        .addingProduct(v3, Lanes(repeating: -0.125))
      r.v1 = (v1 - v2).addingProduct(v0, Lanes(repeating: -0.25))
      r.v2 = ((v2 + v3) * 0.5).addingProduct(v0, Lanes(repeating: -1.5)) - v1
      r.v3 = v0
    case 5:
      let (sum, difference) = (v1 + v2, v1 - v2)
      let (wideSum, wideDifference) = (v3 + v4, v3 - v4)
      r.v0 = ((sum + v0) * (9.0 / 16)).addingProduct(wideSum, Lanes(repeating: -1.0 / 16))
      r.v1 = (difference * (9.0 / 8)).addingProduct(
        wideDifference, Lanes(repeating: -1.0 / 24))
      r.v2 = ((wideSum - sum) * 0.25).addingProduct(v0, Lanes(repeating: -2.5))
      r.v3 = (wideDifference * (1.0 / 6)).addingProduct(difference, Lanes(repeating: -0.5))
      r.v4 = v0
    case 6:
      let (sum, difference) = (v1 + v2, v1 - v2)
      let (wideSum, wideDifference) = (v3 + v4, v3 - v4)
      r.v0 = v5
      r.v1 = (difference * (9.0 / 8)).addingProduct(
        wideDifference, Lanes(repeating: -1.0 / 24)
      ).addingProduct(
        v0, Lanes(repeating: 9.0 / 16))
      r.v2 = (sum * 2.25).addingProduct(wideSum, Lanes(repeating: -1.0 / 36))
        .addingProduct(v5, Lanes(repeating: -40.0 / 9))
      r.v3 = (wideDifference * (1.0 / 6)).addingProduct(difference, Lanes(repeating: -0.5))
        .addingProduct(v0, Lanes(repeating: -2.5))
      r.v4 = (wideSum * (1.0 / 9)).addingProduct(v5, Lanes(repeating: 16.0 / 9)) - sum
      r.v5 = v0
    default:
      let (sum, difference) = (v1 + v2, v1 - v2)
      let (wideSum, wideDifference) = (v3 + v4, v3 - v4)
      let (unitSum, unitDifference) = (v6 + v7, v6 - v7)
      r.v0 = v5
      r.v1 = (difference * 1.5).addingProduct(v0, Lanes(repeating: -9.0 / 16))
        .addingProduct(unitDifference, Lanes(repeating: -0.3))
        .addingProduct(wideDifference, Lanes(repeating: 1.0 / 30))
      r.v2 = (v5 * (-49.0 / 9)).addingProduct(sum, Lanes(repeating: 3))
        .addingProduct(unitSum, Lanes(repeating: -0.3))
        .addingProduct(wideSum, Lanes(repeating: 1.0 / 45))
      r.v3 = (v0 * (49.0 / 16)).addingProduct(difference, Lanes(repeating: -13.0 / 6))
        .addingProduct(unitDifference, Lanes(repeating: 4.0 / 3))
        .addingProduct(wideDifference, Lanes(repeating: -1.0 / 6))
      r.v4 = (v5 * (56.0 / 9)).addingProduct(sum, Lanes(repeating: -13.0 / 3))
        .addingProduct(unitSum, Lanes(repeating: 4.0 / 3))
        .addingProduct(wideSum, Lanes(repeating: -1.0 / 9))
      r.v5 = (v0 * -3.5).addingProduct(difference, Lanes(repeating: 2.0 / 3))
        .addingProduct(unitDifference, Lanes(repeating: -8.0 / 15))
        .addingProduct(wideDifference, Lanes(repeating: 2.0 / 15))
      r.v6 = (v5 * (-16.0 / 9)).addingProduct(sum, Lanes(repeating: 4.0 / 3))
        .addingProduct(unitSum, Lanes(repeating: -8.0 / 15))
        .addingProduct(wideSum, Lanes(repeating: 4.0 / 45))
      r.v7 = v0
    }
    return r
  }
}
