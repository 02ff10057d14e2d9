import Base

/// Products of a matrix A (rows x columns, row-major) with a vector, summed in Double.
package enum MatrixVector {
  /// y = A x + b: `columns` values in, `rows` out; without b, y = A x.
  ///
  /// Overwrites y, which must not be x.
  package static func multiply(
    _ a: FloatBuffer, rows: Int, columns: Int, _ x: FloatBuffer, adding b: FloatBuffer? = nil,
    into y: MutableFloatBuffer
  ) {
    precondition(
      b == nil || b?.count == rows, "an offset of \(b?.count ?? 0) values for \(rows)")
    check(a, rows, columns, x.count, columns, y.count, rows)
    guard let a = a.baseAddress, let x = x.baseAddress else { return }
    for row in 0..<rows {
      var lanes = SIMD8<Double>.zero
      var column = 0
      while column + 8 <= columns {
        lanes = lanes.addingProduct(
          SIMD8<Double>(a.lanes(row * columns + column)), SIMD8<Double>(x.lanes(column)))
        column += 8
      }
      var sum = b.map { Double($0[row]) } ?? 0
      for lane in 0..<8 { sum += lanes[lane] }
      while column < columns {
        sum += Double(a[row * columns + column]) * Double(x[column])
        column += 1
      }
      y[row] = Float(sum)
    }
  }

  /// y = A^T x: `rows` values in, `columns` out.
  ///
  /// Overwrites y, which must not be x.
  package static func multiplyTransposed(
    _ a: FloatBuffer, rows: Int, columns: Int, _ x: FloatBuffer, into y: MutableFloatBuffer
  ) {
    check(a, rows, columns, x.count, rows, y.count, columns)
    guard let a = a.baseAddress, let y = y.baseAddress else { return }
    var column = 0
    while column + 8 <= columns {
      var sum = SIMD8<Double>.zero
      for row in 0..<rows {
        sum = sum.addingProduct(
          SIMD8<Double>(a.lanes(row * columns + column)), SIMD8(repeating: Double(x[row])))
      }
      y.setLanes(column, SIMD8<Float>(sum))
      column += 8
    }
    while column < columns {
      var sum = 0.0
      for row in 0..<rows { sum += Double(a[row * columns + column]) * Double(x[row]) }
      y[column] = Float(sum)
      column += 1
    }
  }

  private static func check(
    _ a: FloatBuffer, _ rows: Int, _ columns: Int, _ input: Int, _ inputs: Int, _ output: Int,
    _ outputs: Int
  ) {
    precondition(
      a.count == rows * columns && input == inputs && output == outputs,
      "a product of \(a.count) values as \(rows) x \(columns) with \(input) into \(output)")
  }
}
