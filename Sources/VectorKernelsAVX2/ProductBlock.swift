import CInstructions
import KernelLayouts

/// A number as a type: a function compiled for one has no loops and no branches over it.
///
/// The numbers below are those of rows (1, 2, 4, 6 and 8) and of panels (1 to 4) for which
/// `ProductBlock.multiply` is compiled.
protocol BlockCount {
  /// Rows of a block, or panels of 16 columns.
  static var value: Int { get }
}
enum One: BlockCount {
  static var value: Int { @inline(__always) get { 1 } }
}
enum Two: BlockCount {
  static var value: Int { @inline(__always) get { 2 } }
}
enum Three: BlockCount {
  static var value: Int { @inline(__always) get { 3 } }
}
enum Four: BlockCount {
  static var value: Int { @inline(__always) get { 4 } }
}
enum Six: BlockCount {
  static var value: Int { @inline(__always) get { 6 } }
}
enum Eight: BlockCount {
  static var value: Int { @inline(__always) get { 8 } }
}

/// How the matrices of a product lie, as a type: each is compiled by itself, with its strides as
/// constants where they are 16 or 1.
protocol BlockOrder {
  /// Whether the product is a^T b: the inner dimension goes along the rows of a.
  static var isTransposed: Bool { get }
  /// Whether a is row-major, in a product that is not transposed.
  static var hasRowMajorA: Bool { get }
  /// Whether b is: then its panels are one behind the other.
  static var hasRowMajorB: Bool { get }
}
extension BlockOrder {
  static var isTransposed: Bool { @inline(__always) get { false } }
  static var hasRowMajorA: Bool { @inline(__always) get { false } }
  static var hasRowMajorB: Bool { @inline(__always) get { false } }
}
/// a and b in panels: what a convolution's transforms have made.
enum AsItIs: BlockOrder {}
/// a row-major, b in panels: samples by a matrix that was packed.
enum RowMajorA: BlockOrder {
  static var hasRowMajorA: Bool { @inline(__always) get { true } }
}
/// b row-major, as a linear layer's weight lies whose inputs are whole panels: nothing is packed.
///
/// a is row-major too, or in panels.
enum RowMajor: BlockOrder {
  static var hasRowMajorA: Bool { @inline(__always) get { true } }
  static var hasRowMajorB: Bool { @inline(__always) get { true } }
}
/// a^T b: a in panels or row-major, b in panels.
enum Transposed: BlockOrder {
  static var isTransposed: Bool { @inline(__always) get { true } }
}

/// A block of a matrix product in registers: with AVX-512 six rows of four panels or eight of
/// three, with AVX2 six rows of one.
///
/// Every value of a result is a chain of fused multiply-adds in the order of the inner dimension
/// (then added to what is there, where the product accumulates), whatever else is computed in the
/// call.
///
/// Wide blocks read less: six rows of four panels take 10 loads for 24 multiply-adds, twelve of two
/// would take 14. What a core has beside its multipliers is shared with the other thread of a busy
/// machine.
///
/// In the parameters below r is a row of the block, p one of its panels, s a step.
enum ProductBlock {
  /// Sixteen columns of a row: one register with AVX-512, two with AVX2.
  typealias Panel = SIMD16<Float>

  /// A panel of the block, row by row.
  struct Column {
    /// Row by row; those from the block's count on are never read, and take no register.
    var (r0, r1, r2, r3) = (Panel.zero, Panel.zero, Panel.zero, Panel.zero)
    var (r4, r5, r6, r7) = (Panel.zero, Panel.zero, Panel.zero, Panel.zero)

    @inline(__always)
    init() {}
  }

  /// Adds the products of one step: sum[r][p] += a[r] b[p], each rounded once.
  ///
  /// Row by row: a row's value, in all lanes of a register, is soon free again.
  ///
  /// - Parameters:
  ///   - rows: Rows of the block, 1 to 8; with more than six at most three panels.
  ///   - columns: Panels of the block, 1 to 4.
  ///   - rowStride: Values from a row of a to the next.
  ///   - value: a's value in row 0.
  ///   - high: That in row 3: from two places and one stride the processor reaches six rows without
  ///     further sums, which are instructions too. Not read with three rows or fewer.
  ///   - vector: b's 16 values of panel 0.
  ///   - bPanel: Values from a panel of b to the next.
  ///   - c: Sums of panel 0.
  ///   - d: Those of panel 1, untouched where there is none; so are the others.
  ///   - e: Those of panel 2.
  ///   - f: Those of panel 3.
  @inline(__always)
  private static func step(
    _ rows: Int, _ columns: Int, _ rowStride: Int, _ value: UnsafePointer<Float>,
    _ high: UnsafePointer<Float>, _ vector: UnsafePointer<Float>, _ bPanel: Int, _ c: inout Column,
    _ d: inout Column,
    _ e: inout Column, _ f: inout Column
  ) {
    let b0 = load(vector)
    let b1 = columns > 1 ? load(vector + bPanel) : b0
    let b2 = columns > 2 ? load(vector + 2 * bPanel) : b0
    let b3 = columns > 3 ? load(vector + 3 * bPanel) : b0
    let first = broadcast(value)
    c.r0 = sum(c.r0, b0, first)
    if columns > 1 { d.r0 = sum(d.r0, b1, first) }
    if columns > 2 { e.r0 = sum(e.r0, b2, first) }
    if columns > 3 { f.r0 = sum(f.r0, b3, first) }
    if rows > 1 {
      let factor = broadcast(value + rowStride)
      c.r1 = sum(c.r1, b0, factor)
      if columns > 1 { d.r1 = sum(d.r1, b1, factor) }
      if columns > 2 { e.r1 = sum(e.r1, b2, factor) }
      if columns > 3 { f.r1 = sum(f.r1, b3, factor) }
    }
    if rows > 2 {
      let factor = broadcast(value + 2 * rowStride)
      c.r2 = sum(c.r2, b0, factor)
      if columns > 1 { d.r2 = sum(d.r2, b1, factor) }
      if columns > 2 { e.r2 = sum(e.r2, b2, factor) }
      if columns > 3 { f.r2 = sum(f.r2, b3, factor) }
    }
    if rows > 3 {
      let factor = broadcast(high)
      c.r3 = sum(c.r3, b0, factor)
      if columns > 1 { d.r3 = sum(d.r3, b1, factor) }
      if columns > 2 { e.r3 = sum(e.r3, b2, factor) }
      if columns > 3 { f.r3 = sum(f.r3, b3, factor) }
    }
    if rows > 4 {
      let factor = broadcast(high + rowStride)
      c.r4 = sum(c.r4, b0, factor)
      if columns > 1 { d.r4 = sum(d.r4, b1, factor) }
      if columns > 2 { e.r4 = sum(e.r4, b2, factor) }
      if columns > 3 { f.r4 = sum(f.r4, b3, factor) }
    }
    if rows > 5 {
      let factor = broadcast(high + 2 * rowStride)
      c.r5 = sum(c.r5, b0, factor)
      if columns > 1 { d.r5 = sum(d.r5, b1, factor) }
      if columns > 2 { e.r5 = sum(e.r5, b2, factor) }
      if columns > 3 { f.r5 = sum(f.r5, b3, factor) }
    }
    if rows > 6 {
      let factor = broadcast(high + 3 * rowStride)
      c.r6 = sum(c.r6, b0, factor)
      if columns > 1 { d.r6 = sum(d.r6, b1, factor) }
      if columns > 2 { e.r6 = sum(e.r6, b2, factor) }
    }
    if rows > 7 {
      let factor = broadcast(high + 4 * rowStride)
      c.r7 = sum(c.r7, b0, factor)
      if columns > 1 { d.r7 = sum(d.r7, b1, factor) }
      if columns > 2 { e.r7 = sum(e.r7, b2, factor) }
    }
  }

  /// Four steps, in their order: written out, as the compiler would make a loop of a loop.
  ///
  /// `stepStride` and `bStep` are the values from a step of a and of b to the next; the rest is as
  /// in `step`. Row 3 of a row-major a is an address of its own to the compiler (`unrelated`),
  /// which else walks there row by row.
  @inline(__always)
  private static func fourSteps<Order: BlockOrder>(
    _: Order.Type, _ rows: Int, _ columns: Int, _ rowStride: Int, _ value: UnsafePointer<Float>,
    _ stepStride: Int, _ vector: UnsafePointer<Float>, _ bStep: Int, _ bPanel: Int,
    _ c: inout Column, _ d: inout Column, _ e: inout Column, _ f: inout Column
  ) {
    let third = value + 3 * rowStride
    var (value, high, vector) = (value, Order.hasRowMajorA ? unrelated(third) : third, vector)

    @inline(__always)
    func advance() {
      value += stepStride
      if Order.isTransposed { value = unrelated(value) }
      high = Order.isTransposed ? value + 3 * rowStride : high + stepStride
      vector += bStep
      if Order.hasRowMajorB { vector = unrelated(vector) }
    }
    step(rows, columns, rowStride, value, high, vector, bPanel, &c, &d, &e, &f)
    advance()
    step(rows, columns, rowStride, value, high, vector, bPanel, &c, &d, &e, &f)
    advance()
    step(rows, columns, rowStride, value, high, vector, bPanel, &c, &d, &e, &f)
    advance()
    step(rows, columns, rowStride, value, high, vector, bPanel, &c, &d, &e, &f)
  }

  /// Asks for some cache lines of 16 values, and returns where the next are.
  ///
  /// - Parameters:
  ///   - line: The first of them.
  ///   - ahead: nil where nothing is to be fetched; then `line` is returned as it is.
  ///   - lines: How many, 2 or 4, one behind the other.
  ///   - step: Values from here to those of the next call.
  /// - Returns: Where the next call begins. It may lie behind the end of memory: a prefetch there
  ///   does nothing.
  @inline(__always)
  private static func fetch(
    _ line: UnsafePointer<Float>, _ ahead: UnsafePointer<Float>?, _ lines: Int, _ step: Int
  ) -> UnsafePointer<Float> {
    guard ahead != nil else { return line }
    prefetch_far(line)
    prefetch_far(line + 16)
    if lines > 2 {
      prefetch_far(line + 32)
      prefetch_far(line + 48)
    }
    return line + step
  }

  /// column += c, for `rows` rows that lie `row` values apart in memory; c is not written.
  @inline(__always)
  private static func add(
    _ rows: Int, _ c: UnsafePointer<Float>, _ row: Int, _ column: inout Column
  ) {
    column.r0 += panel(c)
    if rows > 1 { column.r1 += panel(c + row) }
    if rows > 2 { column.r2 += panel(c + 2 * row) }
    if rows > 3 { column.r3 += panel(c + 3 * row) }
    if rows > 4 { column.r4 += panel(c + 4 * row) }
    if rows > 5 { column.r5 += panel(c + 5 * row) }
    if rows > 6 { column.r6 += panel(c + 6 * row) }
    if rows > 7 { column.r7 += panel(c + 7 * row) }
  }

  /// c = column, for `rows` rows that lie `row` values apart in memory: all 16 values of each.
  @inline(__always)
  private static func store(
    _ rows: Int, _ column: Column, _ c: UnsafeMutablePointer<Float>, _ row: Int
  ) {
    store(column.r0, c)
    if rows > 1 { store(column.r1, c + row) }
    if rows > 2 { store(column.r2, c + 2 * row) }
    if rows > 3 { store(column.r3, c + 3 * row) }
    if rows > 4 { store(column.r4, c + 4 * row) }
    if rows > 5 { store(column.r5, c + 5 * row) }
    if rows > 6 { store(column.r6, c + 6 * row) }
    if rows > 7 { store(column.r7, c + 7 * row) }
  }

  // In the order of the source where the compiler would choose another: shim.h says why.
  #if AVX512
    /// The panel at an address, at any alignment, loaded where the source says so.
    @inline(__always)
    static func load(_ address: UnsafePointer<Float>) -> Panel { load_in_order(address) }
    /// The value at an address in all lanes.
    @inline(__always)
    static func broadcast(_ address: UnsafePointer<Float>) -> Panel { broadcast_in_order(address) }
    /// sum + a b, rounded once.
    @inline(__always)
    static func sum(_ sum: Panel, _ a: Panel, _ b: Panel) -> Panel {
      multiply_add_in_order(sum, a, b)
    }
  #else
    /// The panel at an address, at any alignment; the compiler chooses when.
    @inline(__always)
    static func load(_ address: UnsafePointer<Float>) -> Panel { panel(address) }
    /// The value at an address in all lanes.
    @inline(__always)
    static func broadcast(_ address: UnsafePointer<Float>) -> Panel {
      Panel(repeating: address[0])
    }
    /// sum + a b, rounded once: the bits of AVX-512's.
    @inline(__always)
    static func sum(_ sum: Panel, _ a: Panel, _ b: Panel) -> Panel { sum.addingProduct(a, b) }
  #endif

  /// The panel at an address, at any alignment; where it stands among others does not matter.
  @inline(__always)
  static func panel(_ address: UnsafePointer<Float>) -> Panel {
    UnsafeRawPointer(address).loadUnaligned(as: Panel.self)
  }

  /// Overwrites the panel at an address, at any alignment.
  @inline(__always)
  static func store(_ values: Panel, _ address: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(address).storeBytes(of: values, as: Panel.self)
  }

  /// c[row][0 ..< 16 columns] = sum over s of a[row, s] b[s], plus the addend, for some rows and
  /// panels.
  ///
  /// Value (row, s) of a lies at a[row * aRow + s / 16 * aPanel + s % 16], or transposed at a[s *
  /// aStep + row]; the 16 values of step s of a panel of b at b[s * bStep].
  ///
  /// Steps go by 16, a panel of a where it lies in panels, then one by one: nothing behind the last
  /// step is read. With no steps c is the addend, or 0. c is written at the end, once, behind the
  /// addend's last read; so the addend may be c, and c must overlap neither a nor b.
  ///
  /// What later calls will read is fetched into the second-level cache from `ahead` on:
  /// `aheadLines` lines (2 or 4) every four steps, `aheadStep` values further each time.
  @inline(never)
  static func multiply<Rows: BlockCount, Columns: BlockCount, Order: BlockOrder>(
    _: Rows.Type, _: Columns.Type, _: Order.Type, _ layout: ProductLayout,
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ addend: UnsafePointer<Float>?,
    _ c: UnsafeMutablePointer<Float>, ahead: UnsafePointer<Float>?, aheadLines: Int, aheadStep: Int
  ) {
    let (rows, columns) = (Rows.value, Columns.value)
    let rowStride = Order.isTransposed ? 1 : Order.hasRowMajorA ? layout.aRow : 16
    let bStep = Order.hasRowMajorB ? layout.bStep : 16
    let stepStride = Order.isTransposed ? layout.aStep : 1
    let aPanel = Order.isTransposed ? 16 * layout.aStep : layout.aPanel
    let bPanel = Order.hasRowMajorB ? 16 : layout.bPanel
    var (c0, c1, c2, c3) = (Column(), Column(), Column(), Column())
    var (panel, vector) = (a, b)
    var line = ahead ?? b
    var left = layout.steps
    if columns > 2, !Order.isTransposed {
      // Else the stores of a large result wait for its lines, and the next block for its rows.
      for row in 0..<rows {
        for column in 0..<columns { prefetch_near(c + row * layout.cRow + column * layout.cPanel) }
      }
    }
    while left >= 16 {
      if Order.hasRowMajorA {
        if columns > 2 {
          let next = panel + rows * rowStride
          for row in 0..<rows { prefetch_near(next + row * rowStride) }
        }
        // In a loop: written out, the sums of strides take more registers than there are.
        var value = panel
        for _ in 0..<4 {
          line = fetch(line, ahead, aheadLines, aheadStep)
          fourSteps(
            Order.self, rows, columns, rowStride, unrelated(value), 1, vector, bStep, bPanel, &c0,
            &c1, &c2, &c3)
          value += 4
          vector += 4 * bStep
        }
      } else {
        if Order.isTransposed, columns > 2, layout.aPanel == 16 {
          // The rows of the next blocks, a row of memory apart in a row-major a.
          for step in 0..<16 { prefetch_far(panel + step * stepStride + 4 * rows) }
        }
        line = fetch(line, ahead, aheadLines, aheadStep)
        fourSteps(
          Order.self, rows, columns, rowStride, panel, stepStride, vector, bStep, bPanel, &c0, &c1,
          &c2, &c3)
        line = fetch(line, ahead, aheadLines, aheadStep)
        fourSteps(
          Order.self, rows, columns, rowStride, panel + 4 * stepStride, stepStride,
          vector + 4 * bStep, bStep,
          bPanel, &c0, &c1, &c2, &c3)
        line = fetch(line, ahead, aheadLines, aheadStep)
        fourSteps(
          Order.self, rows, columns, rowStride, panel + 8 * stepStride, stepStride,
          vector + 8 * bStep, bStep,
          bPanel, &c0, &c1, &c2, &c3)
        line = fetch(line, ahead, aheadLines, aheadStep)
        fourSteps(
          Order.self, rows, columns, rowStride, panel + 12 * stepStride, stepStride,
          vector + 12 * bStep, bStep,
          bPanel, &c0, &c1, &c2, &c3)
        vector += 16 * bStep
      }
      panel += aPanel
      left -= 16
    }
    for _ in 0..<left {
      step(
        rows, columns, rowStride, panel, panel + 3 * rowStride, vector, bPanel, &c0, &c1, &c2, &c3)
      panel += stepStride
      vector += bStep
    }
    // At the end, so that a sum in parts has the small error of its parts.
    if let addend {
      let panel = layout.addendPanel
      add(rows, addend, layout.addendRow, &c0)
      if columns > 1 { add(rows, addend + panel, layout.addendRow, &c1) }
      if columns > 2 { add(rows, addend + 2 * panel, layout.addendRow, &c2) }
      if columns > 3 { add(rows, addend + 3 * panel, layout.addendRow, &c3) }
    }
    store(rows, c0, c, layout.cRow)
    if columns > 1 { store(rows, c1, c + layout.cPanel, layout.cRow) }
    if columns > 2 { store(rows, c2, c + 2 * layout.cPanel, layout.cRow) }
    if columns > 3 { store(rows, c3, c + 3 * layout.cPanel, layout.cRow) }
  }
}
