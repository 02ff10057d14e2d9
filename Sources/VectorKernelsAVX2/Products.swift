import KernelLayouts

/// Products of matrices in panels of 16 columns: see `ProductLayout`.
///
/// With AVX-512 a block of 12 rows of two panels takes 24 of the 32 registers; with AVX2 one of six
/// rows of a panel takes 12 of the 16.
package enum Products {
  /// c = a b, or c += a b: a is rows x steps, b steps x panels of 16.
  package static func multiply(
    _ layout: ProductLayout, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    into c: UnsafeMutablePointer<Float>
  ) {
    var panel = 0
    #if AVX512
      while panel + 2 <= layout.panels {
        pair(layout, a, b + panel * layout.bPanel, c + panel * layout.cPanel)
        panel += 2
      }
    #endif
    while panel < layout.panels {
      single(layout, a, b + panel * layout.bPanel, c + panel * layout.cPanel)
      panel += 1
    }
  }

  /// c = a^T b, or c += a^T b: a is steps x rows in panels, b steps x panels of 16.
  package static func multiplyTransposed(
    _ layout: ProductLayout, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    into c: UnsafeMutablePointer<Float>
  ) {
    var panel = 0
    #if AVX512
      while panel + 2 <= layout.panels {
        pairTransposed(layout, a, b + panel * layout.bPanel, c + panel * layout.cPanel)
        panel += 2
      }
    #endif
    while panel < layout.panels {
      singleTransposed(layout, a, b + panel * layout.bPanel, c + panel * layout.cPanel)
      panel += 1
    }
  }

  // A function for each, or the compiler stops inlining.

  #if AVX512
    @inline(never)
    private static func pair(
      _ layout: ProductLayout, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
      _ c: UnsafeMutablePointer<Float>
    ) {
      sweep(12, 2, isTransposed: false, layout, layout.rows, a, b, c)
    }

    @inline(never)
    private static func pairTransposed(
      _ layout: ProductLayout, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
      _ c: UnsafeMutablePointer<Float>
    ) {
      sweepTransposed(8, 2, layout, a, b, c)
    }

    private static var mostRows: Int { @inline(__always) get { 12 } }
    private static var mostTransposedRows: Int { @inline(__always) get { 8 } }
  #else
    private static var mostRows: Int { @inline(__always) get { 6 } }
    private static var mostTransposedRows: Int { @inline(__always) get { 6 } }
  #endif

  @inline(never)
  private static func single(
    _ layout: ProductLayout, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    _ c: UnsafeMutablePointer<Float>
  ) {
    sweep(mostRows, 1, isTransposed: false, layout, layout.rows, a, b, c)
  }

  @inline(never)
  private static func singleTransposed(
    _ layout: ProductLayout, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    _ c: UnsafeMutablePointer<Float>
  ) {
    sweepTransposed(mostTransposedRows, 1, layout, a, b, c)
  }

  /// The 16 rows of a panel of a at a time.
  @inline(__always)
  private static func sweepTransposed(
    _ most: Int, _ columns: Int, _ layout: ProductLayout, _ a: UnsafePointer<Float>,
    _ b: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>
  ) {
    var (row, panel) = (0, a)
    while row < layout.rows {
      sweep(
        most, columns, isTransposed: true, layout, min(16, layout.rows - row), panel, b,
        c + row * layout.cRow)
      row += 16
      panel += layout.aPanel
    }
  }

  /// Blocks of `most` rows, then of what is left: 16 as 8 + 8, not 12 + 4.
  @inline(__always)
  private static func sweep(
    _ most: Int, _ columns: Int, isTransposed: Bool, _ layout: ProductLayout, _ rows: Int,
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>
  ) {
    let step = isTransposed ? 1 : 16
    var row = 0
    while row < rows {
      let left = rows - row
      let (a, c) = (a + row * step, c + row * layout.cRow)
      if most == 12, left == 12 || left > 16 {
        ProductBlock.multiply(12, columns, isTransposed: isTransposed, layout, a, b, c)
        row += 12
      } else if most >= 8, left >= 8 {
        ProductBlock.multiply(8, columns, isTransposed: isTransposed, layout, a, b, c)
        row += 8
      } else if most == 6, left >= 6 {
        ProductBlock.multiply(6, columns, isTransposed: isTransposed, layout, a, b, c)
        row += 6
      } else if left >= 4 {
        ProductBlock.multiply(4, columns, isTransposed: isTransposed, layout, a, b, c)
        row += 4
      } else if left >= 2 {
        ProductBlock.multiply(2, columns, isTransposed: isTransposed, layout, a, b, c)
        row += 2
      } else {
        ProductBlock.multiply(1, columns, isTransposed: isTransposed, layout, a, b, c)
        row += 1
      }
    }
  }
}
