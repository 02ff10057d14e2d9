import COpenBLAS

/// Products of row-major matrices by OpenBLAS with one thread: what the products of panels
/// (`PanelProduct`), which training uses, are measured against.
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

  /// Oracle of `multiply`: the same product by its definition, summed in Double.
  package static func multiplyNaive(
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

/// What the linked BLAS says of itself.
package enum BLAS {
  /// Keeps every product on the calling thread.
  ///
  /// To be called once, before the first product.
  package static func useOneThread() { openblas_set_num_threads(1) }

  package static var threads: Int { Int(openblas_get_num_threads()) }

  /// The kernel set chosen for this processor, such as `Haswell`.
  package static var kernel: String { String(cString: openblas_get_corename()) }

  /// Version and build options, such as `OpenBLAS 0.3.21 DYNAMIC_ARCH ...`.
  package static var configuration: String { String(cString: openblas_get_config()) }
}
