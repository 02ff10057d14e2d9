import COpenBLAS

/// Products of row-major matrices by OpenBLAS with one thread.
///
/// Training does not use them: `bench --layers` has them beside the kernels' own.
package enum Matrix {
  /// C = op(A) op(B), or C += op(A) op(B) when `accumulate`.
  ///
  /// - Parameters:
  ///   - rows: Rows of op(A) and C.
  ///   - columns: Columns of op(B) and C.
  ///   - inner: Columns of op(A), rows of op(B).
  ///   - a: A, row-major: rows x inner, or inner x rows when `transposeA`.
  ///   - transposeA: Whether op(A) is the transpose of A.
  ///   - b: B, row-major: inner x columns, or columns x inner when `transposeB`.
  ///   - transposeB: Whether op(B) is the transpose of B.
  ///   - c: C, row-major: rows x columns; must not overlap `a` or `b`. Overwritten, whatever it
  ///     held (NaN too), unless `accumulate`.
  ///   - accumulate: Whether the product is added to C.
  @inline(__always)
  package static func multiply(
    rows: Int, columns: Int, inner: Int,
    _ a: UnsafePointer<Float>, transposeA: Bool = false,
    _ b: UnsafePointer<Float>, transposeB: Bool = false,
    into c: UnsafeMutablePointer<Float>, accumulate: Bool = false
  ) {
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      blasint(rows), blasint(columns), blasint(inner), 1,
      a, blasint(transposeA ? rows : inner), b, blasint(transposeB ? inner : columns),
      accumulate ? 1 : 0, c, blasint(columns))
  }
}
