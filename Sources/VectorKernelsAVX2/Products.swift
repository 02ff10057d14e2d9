import KernelLayouts

/// Products of matrices in panels of 16 columns: see `ProductLayout`.
///
/// With AVX-512 a block of 12 rows of two panels takes 24 of the 32 registers; with AVX2 one of six
/// rows of a panel takes 12 of the 16.
package enum Products {
  /// c = a b, plus the addend: a is rows x steps, b steps x panels of 16.
  ///
  /// The addend may be c.
  package static func multiply(
    _ layout: ProductLayout, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    adding addend: UnsafePointer<Float>?, into c: UnsafeMutablePointer<Float>
  ) {
    var panel = 0
    #if AVX512
      while panel + 2 <= layout.panels {
        pair(Panel(panel, layout, b, addend, c), layout, a)
        panel += 2
      }
    #endif
    while panel < layout.panels {
      single(Panel(panel, layout, b, addend, c), layout, a)
      panel += 1
    }
  }

  /// c = a^T b, plus the addend: a is steps x rows in panels, b steps x panels of 16.
  package static func multiplyTransposed(
    _ layout: ProductLayout, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    adding addend: UnsafePointer<Float>?, into c: UnsafeMutablePointer<Float>
  ) {
    var panel = 0
    #if AVX512
      while panel + 2 <= layout.panels {
        pairTransposed(Panel(panel, layout, b, addend, c), layout, a)
        panel += 2
      }
    #endif
    while panel < layout.panels {
      singleTransposed(Panel(panel, layout, b, addend, c), layout, a)
      panel += 1
    }
  }

  /// What belongs to one panel of the result.
  private struct Panel {
    let b: UnsafePointer<Float>
    let addend: UnsafePointer<Float>?
    let c: UnsafeMutablePointer<Float>

    @inline(__always)
    init(
      _ panel: Int, _ layout: ProductLayout, _ b: UnsafePointer<Float>,
      _ addend: UnsafePointer<Float>?, _ c: UnsafeMutablePointer<Float>
    ) {
      self.b = b + panel * layout.bPanel
      self.addend = addend.map { $0 + panel * layout.addendPanel }
      self.c = c + panel * layout.cPanel
    }
  }

  // A function for each, or the compiler stops inlining.

  #if AVX512
    @inline(never)
    private static func pair(
      _ panel: Panel, _ layout: ProductLayout, _ a: UnsafePointer<Float>
    ) {
      sweep(12, 2, isTransposed: false, 0..<layout.rows, panel, layout, a)
    }

    @inline(never)
    private static func pairTransposed(
      _ panel: Panel, _ layout: ProductLayout, _ a: UnsafePointer<Float>
    ) {
      sweepTransposed(8, 2, panel, layout, a)
    }

    private static var mostRows: Int { @inline(__always) get { 12 } }
    private static var mostTransposedRows: Int { @inline(__always) get { 8 } }
  #else
    private static var mostRows: Int { @inline(__always) get { 6 } }
    private static var mostTransposedRows: Int { @inline(__always) get { 6 } }
  #endif

  @inline(never)
  private static func single(
    _ panel: Panel, _ layout: ProductLayout, _ a: UnsafePointer<Float>
  ) {
    sweep(mostRows, 1, isTransposed: false, 0..<layout.rows, panel, layout, a)
  }

  @inline(never)
  private static func singleTransposed(
    _ panel: Panel, _ layout: ProductLayout, _ a: UnsafePointer<Float>
  ) {
    sweepTransposed(mostTransposedRows, 1, panel, layout, a)
  }

  /// The 16 rows of a panel of a at a time.
  @inline(__always)
  private static func sweepTransposed(
    _ most: Int, _ columns: Int, _ panel: Panel, _ layout: ProductLayout,
    _ a: UnsafePointer<Float>
  ) {
    var (row, from) = (0, a)
    while row < layout.rows {
      sweep(
        most, columns, isTransposed: true, row..<min(row + 16, layout.rows), panel, layout, from)
      row += 16
      from += layout.aPanel
    }
  }

  /// Blocks of `most` rows, then of what is left: 16 as 8 + 8, not 12 + 4.
  ///
  /// `a`: Where the first of the rows begins.
  @inline(__always)
  private static func sweep(
    _ most: Int, _ columns: Int, isTransposed: Bool, _ rows: Range<Int>, _ panel: Panel,
    _ layout: ProductLayout, _ a: UnsafePointer<Float>
  ) {
    let step = isTransposed ? 1 : 16
    // While the first blocks of a pair of panels are computed, the next pair of b comes from memory:
    // a line a step, so that two blocks bring what lies behind this pair.
    var ahead = columns > 1 && !isTransposed ? panel.b + 2 * layout.bPanel : nil
    var row = rows.lowerBound
    while row < rows.upperBound {
      let left = rows.upperBound - row
      let a = a + (row - rows.lowerBound) * step
      let addend = panel.addend.map { $0 + row * layout.addendRow }
      let c = panel.c + row * layout.cRow
      if most == 12, left == 12 || left > 16 {
        ProductBlock.multiply(
          12, columns, isTransposed: isTransposed, layout, a, panel.b, addend, c, ahead: ahead)
        row += 12
        ahead? += layout.steps * 16
      } else if most >= 8, left >= 8 {
        ProductBlock.multiply(
          8, columns, isTransposed: isTransposed, layout, a, panel.b, addend, c, ahead: ahead)
        row += 8
        ahead? += layout.steps * 16
      } else if most == 6, left >= 6 {
        ProductBlock.multiply(6, columns, isTransposed: isTransposed, layout, a, panel.b, addend, c)
        row += 6
      } else if left >= 4 {
        ProductBlock.multiply(4, columns, isTransposed: isTransposed, layout, a, panel.b, addend, c)
        row += 4
      } else if left >= 2 {
        ProductBlock.multiply(2, columns, isTransposed: isTransposed, layout, a, panel.b, addend, c)
        row += 2
      } else {
        ProductBlock.multiply(1, columns, isTransposed: isTransposed, layout, a, panel.b, addend, c)
        row += 1
      }
    }
  }
}
