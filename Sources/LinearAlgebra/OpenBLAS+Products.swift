/// Products of row-major matrices.
///
/// Training does not use them: scores are made of those in Double, and `bench --layers` has those
/// in Float beside the kernels' own.
extension OpenBLAS {
  /// The arguments of `cblas_sgemm`.
  ///
  /// Order, two transpositions, rows, columns, inner, alpha, A, its row's length, B, its row's
  /// length, beta, C, its row's length.
  typealias SGEMM =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32,
      UnsafePointer<Float>, Int32, Float, UnsafeMutablePointer<Float>, Int32
    ) -> Void

  /// The arguments of `cblas_dgemm`, the same in Double.
  typealias DGEMM =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Double, UnsafePointer<Double>, Int32,
      UnsafePointer<Double>, Int32, Double, UnsafeMutablePointer<Double>, Int32
    ) -> Void

  /// The arguments of `cblas_dsyrk`.
  ///
  /// Order, triangle, transposition, order of C, inner, alpha, A, its row's length, beta, C, its
  /// row's length.
  typealias DSYRK =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Double, UnsafePointer<Double>, Int32, Double,
      UnsafeMutablePointer<Double>, Int32
    ) -> Void

  /// `CBLAS_ORDER`, `CBLAS_TRANSPOSE` and `CBLAS_UPLO`.
  private static let rowMajor: Int32 = 101
  private static let (asItIs, transposed): (Int32, Int32) = (111, 112)
  private static let lower: Int32 = 122

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
  package func multiply(
    rows: Int, columns: Int, inner: Int,
    _ a: UnsafePointer<Float>, transposeA: Bool = false,
    _ b: UnsafePointer<Float>, transposeB: Bool = false,
    into c: UnsafeMutablePointer<Float>, accumulate: Bool = false
  ) {
    sgemm(
      Self.rowMajor, transposeA ? Self.transposed : Self.asItIs,
      transposeB ? Self.transposed : Self.asItIs,
      Int32(rows), Int32(columns), Int32(inner), 1,
      a, Int32(transposeA ? rows : inner), b, Int32(transposeB ? inner : columns),
      accumulate ? 1 : 0, c, Int32(columns))
  }

  /// The same in Double.
  package func multiply(
    rows: Int, columns: Int, inner: Int,
    _ a: UnsafePointer<Double>, transposeA: Bool = false,
    _ b: UnsafePointer<Double>, transposeB: Bool = false,
    into c: UnsafeMutablePointer<Double>, accumulate: Bool = false
  ) {
    dgemm(
      Self.rowMajor, transposeA ? Self.transposed : Self.asItIs,
      transposeB ? Self.transposed : Self.asItIs,
      Int32(rows), Int32(columns), Int32(inner), 1,
      a, Int32(transposeA ? rows : inner), b, Int32(transposeB ? inner : columns),
      accumulate ? 1 : 0, c, Int32(columns))
  }

  /// The lower triangle of C = A A^T: half the operations of the product.
  ///
  /// - Parameters:
  ///   - rows: Rows of A; rows and columns of C.
  ///   - inner: Columns of A.
  ///   - a: A, row-major.
  ///   - c: C, row-major; above its diagonal it stays as it is.
  package func multiplyByTranspose(
    rows: Int, inner: Int, _ a: UnsafePointer<Double>, into c: UnsafeMutablePointer<Double>
  ) {
    dsyrk(
      Self.rowMajor, Self.lower, Self.asItIs, Int32(rows), Int32(inner), 1, a, Int32(inner), 0, c,
      Int32(rows))
  }
}
