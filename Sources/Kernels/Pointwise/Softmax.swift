import Base
import Foundation

/// The softmax of rows, y_i = exp(x_i) / sum_j exp(x_j), with its derivatives from y.
///
/// Sums are in Double, the largest value taken out first. Outputs are overwritten; an output may be
/// one of the inputs.
package enum Softmax {
  /// y = softmax(x) of one row.
  package static func apply(_ x: FloatBuffer, into y: MutableFloatBuffer) {
    precondition(x.count == y.count, "softmax of \(x.count) values into \(y.count)")
    let largest = Double(x.max() ?? 0)
    var sum = 0.0
    for value in x { sum += exp(Double(value) - largest) }
    for index in x.indices { y[index] = Float(exp(Double(x[index]) - largest) / sum) }
  }

  /// dx = y (dy - <y, dy>); with a direction t for dy this is also J t, as J is symmetric.
  package static func gradient(
    _ dy: FloatBuffer, at y: FloatBuffer, into dx: MutableFloatBuffer
  ) {
    precondition(
      dy.count == dx.count && y.count == dx.count,
      "gradient of softmax of \(dy.count) and \(y.count) values into \(dx.count)")
    let mean = dot(dy, y)
    for index in dx.indices { dx[index] = Float(Double(y[index]) * (Double(dy[index]) - mean)) }
  }

  /// The gradient of <J d, t> = sum_i y_i d_i t_i - <y, d> <y, t> with respect to x.
  ///
  /// With g_i = d_i t_i - d_i <y, t> - t_i <y, d> it is y (g - <y, g>).
  package static func share(
    _ d: FloatBuffer, _ t: FloatBuffer, at y: FloatBuffer, into share: MutableFloatBuffer
  ) {
    precondition(
      d.count == share.count && t.count == share.count && y.count == share.count,
      "share of softmax of \(d.count), \(t.count) and \(y.count) values into \(share.count)")
    let (meanD, meanT) = (dot(d, y), dot(t, y))
    func inner(_ index: Int) -> Double {
      let (d, t) = (Double(d[index]), Double(t[index]))
      return d * t - d * meanT - t * meanD
    }
    var mean = 0.0
    for index in y.indices { mean += Double(y[index]) * inner(index) }
    for index in share.indices { share[index] = Float(Double(y[index]) * (inner(index) - mean)) }
  }

  private static func dot(_ a: FloatBuffer, _ b: FloatBuffer) -> Double {
    var sum = 0.0
    for index in a.indices { sum += Double(a[index]) * Double(b[index]) }
    return sum
  }
}
