import KernelLayouts

/// Products of matrices whose columns lie in panels of 16: see `ProductLayout`.
///
/// Letters: R rows and P panels of the result, S steps of the inner dimension.
///
/// **Blocks.** With AVX-512 a block of six rows of four panels takes 24 of the 32 registers; with
/// AVX2 one of six rows of a panel takes 12 of the 16, two for each row. The panels of b that
/// belong to a block serve all rows of a before the next ones are read: a call reads b once, and a
/// once for each group of panels.
///
/// **Bits.** Every value of c is one chain of fused multiply-adds, from 0, in the order of the
/// steps; the addend is added behind it, by one rounding more. Neither the block that a value falls
/// into nor the width of the registers changes that: AVX2 and AVX-512 give the same bits.
///
/// **Memory.** Nothing is allocated and nothing is checked: pointers carry no counts, and who calls
/// has buffers with preconditions. c may be the addend; beyond that it must not overlap what is
/// read.
package enum Products {
  /// c = a b, plus the addend: c[r][p][j] = sum over s of a[r][s] b[s][p][j] + addend[r][p][j].
  ///
  /// a is R x S, b S x P panels. Both may be row-major: then `aRow` or `bStep` is the matrix's
  /// columns, not 16, and b has whole panels of columns.
  ///
  /// - Parameters:
  ///   - layout: R, S and P, and the distances between rows and panels.
  ///   - a: Value (0, 0); of a last panel only the columns below S are read.
  ///   - b: Step 0 of the first panel. All 16 columns of each panel are read; what a last one holds
  ///     beyond the matrix goes into the same columns of c, and nowhere else.
  ///   - addend: Row 0 of the first panel of what is added, such as a bias with an `addendRow` of
  ///     0; nil for nothing. May be c.
  ///   - c: Row 0 of the first panel; overwritten, 16 columns a panel.
  package static func multiply(
    _ layout: ProductLayout, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    adding addend: UnsafePointer<Float>?, into c: UnsafeMutablePointer<Float>
  ) {
    forEachGroup(layout, b, addend, c) { group in
      if layout.bStep != 16 {
        sweep(RowMajor.self, 0..<layout.rows, group, layout, a)
      } else if layout.aRow != 16 {
        sweep(RowMajorA.self, 0..<layout.rows, group, layout, a)
      } else {
        sweep(AsItIs.self, 0..<layout.rows, group, layout, a)
      }
    }
  }

  /// c = a^T b, plus the addend: c[r][p][j] = sum over s of a[s][r] b[s][p][j] + addend[r][p][j].
  ///
  /// This is a gradient's product: S are samples or tiles, R and the columns of c are channels.
  ///
  /// - Parameters:
  ///   - layout: R, S and P, and the distances. Of a the steps are `aStep` apart, and each 16 of
  ///     its columns `aPanel`; an `aPanel` of 16 says that it is row-major.
  ///   - a: Value (0, 0) of a matrix S x R.
  ///   - b: Step 0 of the first panel, always in panels.
  ///   - addend: As in `multiply`; may be c.
  ///   - c: Row 0 of the first panel; overwritten, 16 columns a panel.
  package static func multiplyTransposed(
    _ layout: ProductLayout, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    adding addend: UnsafePointer<Float>?, into c: UnsafeMutablePointer<Float>
  ) {
    forEachGroup(layout, b, addend, c) { group in
      // The 16 rows of a panel of a at a time; all where they lie one behind the other.
      var (row, a) = (0, a)
      while row < layout.rows {
        let end = layout.aPanel == 16 ? layout.rows : min(row + 16, layout.rows)
        sweep(Transposed.self, row..<end, group, layout, a)
        row = end
        a += layout.aPanel
      }
    }
  }

  #if AVX512
    /// Panels of a block at most: what registers there are.
    private static var mostPanels: Int { 4 }
    /// Rows of a block of one panel.
    private typealias Narrow = Eight
  #else
    /// Panels of a block at most: the sums of a second one would take 12 registers more.
    private static var mostPanels: Int { 1 }
    /// Rows of a block of one panel.
    private typealias Narrow = Six
  #endif

  /// What belongs to some panels of the result that are computed together.
  private struct Group {
    /// 1 to 4 with AVX-512, 1 with AVX2.
    let panels: Int
    /// Step 0 of the first panel of b.
    let b: UnsafePointer<Float>
    /// Row 0 of the first panel of what is added; nil for nothing.
    let addend: UnsafePointer<Float>?
    /// Row 0 of the first panel of the result, which is overwritten.
    let c: UnsafeMutablePointer<Float>
  }

  /// Calls `body` for groups of `mostPanels` panels from the first on, then for what is left.
  ///
  /// - Parameters:
  ///   - layout: The distances between panels.
  ///   - b: Step 0 of the first panel of b.
  ///   - addend: Row 0 of the first panel of the addend, or nil.
  ///   - c: Row 0 of the first panel of c.
  ///   - body: Computes all rows of a group.
  @inline(__always)
  private static func forEachGroup(
    _ layout: ProductLayout, _ b: UnsafePointer<Float>, _ addend: UnsafePointer<Float>?,
    _ c: UnsafeMutablePointer<Float>, _ body: (Group) -> Void
  ) {
    var panel = 0
    while panel < layout.panels {
      let panels = min(layout.panels - panel, mostPanels)
      body(
        Group(
          panels: panels, b: b + panel * layout.bPanel,
          addend: addend.map { $0 + panel * layout.addendPanel }, c: c + panel * layout.cPanel))
      panel += panels
    }
  }

  /// Computes some rows of a group, by the widest blocks for its panels that the registers hold.
  ///
  /// Six rows of four panels, eight of three or of two; of a single panel eight with AVX-512, six
  /// with AVX2. `a` is where the first of `rows` begins.
  private static func sweep<Order: BlockOrder>(
    _: Order.Type, _ rows: Range<Int>, _ group: Group, _ layout: ProductLayout,
    _ a: UnsafePointer<Float>
  ) {
    switch group.panels {
    case 4: sweep(Six.self, Four.self, Order.self, rows, group, layout, a)
    case 3: sweep(Eight.self, Three.self, Order.self, rows, group, layout, a)
    case 2: sweep(Eight.self, Two.self, Order.self, rows, group, layout, a)
    default: sweep(Narrow.self, One.self, Order.self, rows, group, layout, a)
    }
  }

  /// Blocks of `Most` rows, 8 or 6, then of what is left: 16 as 8 + 8 or 6 + 6 + 4.
  ///
  /// The first of the rows begins at `a`. No bit depends on the cut: rows share nothing but loads
  /// of b.
  private static func sweep<Most: BlockCount, Columns: BlockCount, Order: BlockOrder>(
    _: Most.Type, _: Columns.Type, _: Order.Type, _ rows: Range<Int>, _ group: Group,
    _ layout: ProductLayout, _ a: UnsafePointer<Float>
  ) {
    // While the blocks of some panels are computed, as many panels of b behind them come from
    // memory, spread evenly over many blocks: half a line a step, as eight blocks of four panels
    // need. Of a row-major b a step's panels are together, and the next step's a row behind them.
    let isMatrix = Order.hasRowMajorB
    let lines = isMatrix ? Columns.value : rows.count >= 8 * Most.value ? 2 : 4
    let aheadStep = isMatrix ? layout.bStep : 16 * lines
    let start = group.b + Columns.value * layout.bPanel
    let end = start + (isMatrix ? layout.steps * layout.bStep : Columns.value * layout.bPanel)
    var ahead = Columns.value > 1 && !Order.isTransposed ? start : nil
    var row = rows.lowerBound

    @inline(__always)
    func multiply<Rows: BlockCount>(_: Rows.Type) {
      ProductBlock.multiply(
        Rows.self, Columns.self, Order.self, layout,
        a + (row - rows.lowerBound) * (Order.isTransposed ? 1 : layout.aRow), group.b,
        group.addend.map { $0 + row * layout.addendRow }, group.c + row * layout.cRow,
        ahead: ahead, aheadLines: lines, aheadStep: aheadStep)
      row += Rows.value
      if let from = ahead {
        let next = from + layout.steps / 4 * aheadStep
        ahead = next < end ? next : nil
      }
    }
    while row < rows.upperBound {
      let left = rows.upperBound - row
      if left >= Most.value, Most.value == 8 || left == 6 || left > 8 {
        multiply(Most.self)
      } else if left >= 4 {
        multiply(Four.self)
      } else if left >= 2 {
        multiply(Two.self)
      } else {
        multiply(One.self)
      }
    }
  }
}
