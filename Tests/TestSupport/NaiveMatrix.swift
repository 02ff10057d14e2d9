/// Products of row-major matrices as tests expect them.
package enum NaiveMatrix {
  /// A matrix product by its definition, summed in Double: the oracle of `Matrix.multiply`.
  package static func multiply(
    rows: Int, columns: Int, inner: Int,
    _ a: UnsafePointer<Float>, transposeA: Bool = false,
    _ b: UnsafePointer<Float>, transposeB: Bool = false,
    into c: UnsafeMutablePointer<Float>, accumulate: Bool = false
  ) {
    for row in 0..<rows {
      for column in 0..<columns {
        var sum = accumulate ? Double(c[row * columns + column]) : 0
        for k in 0..<inner {
          let left = transposeA ? a[k * rows + row] : a[row * inner + k]
          let right = transposeB ? b[column * inner + k] : b[k * columns + column]
          sum += Double(left) * Double(right)
        }
        c[row * columns + column] = Float(sum)
      }
    }
  }
}
