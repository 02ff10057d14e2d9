import CPrefetch
import KernelLayouts

/// A block of a matrix product in registers.
///
/// Every value of a result is a chain of fused multiply-adds in the order of the inner dimension (then
/// added to what is there, where the product accumulates), whatever else is computed in the call.
struct ProductBlock {
  typealias Panel = SIMD16<Float>

  // Up to 12 rows of one panel of the result, and of the next. Fields of a type: local variables that
  // a nested function changed would be checked for exclusive access at every step.
  var (c0, c1, c2) = (Panel.zero, Panel.zero, Panel.zero)
  var (c3, c4, c5) = (Panel.zero, Panel.zero, Panel.zero)
  var (c6, c7, c8) = (Panel.zero, Panel.zero, Panel.zero)
  var (c9, c10, c11) = (Panel.zero, Panel.zero, Panel.zero)
  var (d0, d1, d2) = (Panel.zero, Panel.zero, Panel.zero)
  var (d3, d4, d5) = (Panel.zero, Panel.zero, Panel.zero)
  var (d6, d7, d8) = (Panel.zero, Panel.zero, Panel.zero)
  var (d9, d10, d11) = (Panel.zero, Panel.zero, Panel.zero)

  @inline(__always)
  init() {}

  /// Adds the products of one value a row and one vector a panel.
  ///
  /// Row by row: a row's value, in all lanes of a register, is soon free again.
  @inline(__always)
  mutating func add(
    _ rows: Int, _ columns: Int, _ rowStride: Int, _ value: UnsafePointer<Float>,
    _ vector: UnsafePointer<Float>, _ bPanel: Int
  ) {
    let left = Self.panel(vector)
    let right = columns > 1 ? Self.panel(vector + bPanel) : left
    c0 = c0.addingProduct(left, Panel(repeating: value[0]))
    if columns > 1 { d0 = d0.addingProduct(right, Panel(repeating: value[0])) }
    if rows > 1 {
      let factor = Panel(repeating: value[rowStride])
      c1 = c1.addingProduct(left, factor)
      if columns > 1 { d1 = d1.addingProduct(right, factor) }
    }
    if rows > 2 {
      let factor = Panel(repeating: value[2 * rowStride])
      c2 = c2.addingProduct(left, factor)
      if columns > 1 { d2 = d2.addingProduct(right, factor) }
    }
    if rows > 3 {
      let factor = Panel(repeating: value[3 * rowStride])
      c3 = c3.addingProduct(left, factor)
      if columns > 1 { d3 = d3.addingProduct(right, factor) }
    }
    if rows > 4 {
      let factor = Panel(repeating: value[4 * rowStride])
      c4 = c4.addingProduct(left, factor)
      if columns > 1 { d4 = d4.addingProduct(right, factor) }
    }
    if rows > 5 {
      let factor = Panel(repeating: value[5 * rowStride])
      c5 = c5.addingProduct(left, factor)
      if columns > 1 { d5 = d5.addingProduct(right, factor) }
    }
    if rows > 6 {
      let factor = Panel(repeating: value[6 * rowStride])
      c6 = c6.addingProduct(left, factor)
      if columns > 1 { d6 = d6.addingProduct(right, factor) }
    }
    if rows > 7 {
      let factor = Panel(repeating: value[7 * rowStride])
      c7 = c7.addingProduct(left, factor)
      if columns > 1 { d7 = d7.addingProduct(right, factor) }
    }
    if rows > 8 {
      let factor = Panel(repeating: value[8 * rowStride])
      c8 = c8.addingProduct(left, factor)
      if columns > 1 { d8 = d8.addingProduct(right, factor) }
    }
    if rows > 9 {
      let factor = Panel(repeating: value[9 * rowStride])
      c9 = c9.addingProduct(left, factor)
      if columns > 1 { d9 = d9.addingProduct(right, factor) }
    }
    if rows > 10 {
      let factor = Panel(repeating: value[10 * rowStride])
      c10 = c10.addingProduct(left, factor)
      if columns > 1 { d10 = d10.addingProduct(right, factor) }
    }
    if rows > 11 {
      let factor = Panel(repeating: value[11 * rowStride])
      c11 = c11.addingProduct(left, factor)
      if columns > 1 { d11 = d11.addingProduct(right, factor) }
    }
  }

  /// Adds a block that is in memory.
  @inline(__always)
  mutating func addBlock(
    _ rows: Int, _ columns: Int, _ c: UnsafePointer<Float>, _ row: Int, _ panel: Int
  ) {
    c0 += Self.panel(c)
    if columns > 1 { d0 += Self.panel(c + panel) }
    if rows > 1 {
      c1 += Self.panel(c + row)
      if columns > 1 { d1 += Self.panel(c + row + panel) }
    }
    if rows > 2 {
      c2 += Self.panel(c + 2 * row)
      if columns > 1 { d2 += Self.panel(c + 2 * row + panel) }
    }
    if rows > 3 {
      c3 += Self.panel(c + 3 * row)
      if columns > 1 { d3 += Self.panel(c + 3 * row + panel) }
    }
    if rows > 4 {
      c4 += Self.panel(c + 4 * row)
      if columns > 1 { d4 += Self.panel(c + 4 * row + panel) }
    }
    if rows > 5 {
      c5 += Self.panel(c + 5 * row)
      if columns > 1 { d5 += Self.panel(c + 5 * row + panel) }
    }
    if rows > 6 {
      c6 += Self.panel(c + 6 * row)
      if columns > 1 { d6 += Self.panel(c + 6 * row + panel) }
    }
    if rows > 7 {
      c7 += Self.panel(c + 7 * row)
      if columns > 1 { d7 += Self.panel(c + 7 * row + panel) }
    }
    if rows > 8 {
      c8 += Self.panel(c + 8 * row)
      if columns > 1 { d8 += Self.panel(c + 8 * row + panel) }
    }
    if rows > 9 {
      c9 += Self.panel(c + 9 * row)
      if columns > 1 { d9 += Self.panel(c + 9 * row + panel) }
    }
    if rows > 10 {
      c10 += Self.panel(c + 10 * row)
      if columns > 1 { d10 += Self.panel(c + 10 * row + panel) }
    }
    if rows > 11 {
      c11 += Self.panel(c + 11 * row)
      if columns > 1 { d11 += Self.panel(c + 11 * row + panel) }
    }
  }

  @inline(__always)
  func store(
    _ rows: Int, _ columns: Int, _ c: UnsafeMutablePointer<Float>, _ row: Int, _ panel: Int
  ) {
    Self.store(c0, c)
    if columns > 1 { Self.store(d0, c + panel) }
    if rows > 1 {
      Self.store(c1, c + row)
      if columns > 1 { Self.store(d1, c + row + panel) }
    }
    if rows > 2 {
      Self.store(c2, c + 2 * row)
      if columns > 1 { Self.store(d2, c + 2 * row + panel) }
    }
    if rows > 3 {
      Self.store(c3, c + 3 * row)
      if columns > 1 { Self.store(d3, c + 3 * row + panel) }
    }
    if rows > 4 {
      Self.store(c4, c + 4 * row)
      if columns > 1 { Self.store(d4, c + 4 * row + panel) }
    }
    if rows > 5 {
      Self.store(c5, c + 5 * row)
      if columns > 1 { Self.store(d5, c + 5 * row + panel) }
    }
    if rows > 6 {
      Self.store(c6, c + 6 * row)
      if columns > 1 { Self.store(d6, c + 6 * row + panel) }
    }
    if rows > 7 {
      Self.store(c7, c + 7 * row)
      if columns > 1 { Self.store(d7, c + 7 * row + panel) }
    }
    if rows > 8 {
      Self.store(c8, c + 8 * row)
      if columns > 1 { Self.store(d8, c + 8 * row + panel) }
    }
    if rows > 9 {
      Self.store(c9, c + 9 * row)
      if columns > 1 { Self.store(d9, c + 9 * row + panel) }
    }
    if rows > 10 {
      Self.store(c10, c + 10 * row)
      if columns > 1 { Self.store(d10, c + 10 * row + panel) }
    }
    if rows > 11 {
      Self.store(c11, c + 11 * row)
      if columns > 1 { Self.store(d11, c + 11 * row + panel) }
    }
  }

  @inline(__always)
  static func panel(_ address: UnsafePointer<Float>) -> Panel {
    UnsafeRawPointer(address).loadUnaligned(as: Panel.self)
  }

  @inline(__always)
  static func store(_ values: Panel, _ address: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(address).storeBytes(of: values, as: Panel.self)
  }

  /// c[row][0 ..< 16 columns] = sum over s of a[row, s] b[s], plus the addend, for `columns` (1 or 2)
  /// panels.
  ///
  /// `rows`, `columns` and `isTransposed` are constants where this is inlined: what they do not reach
  /// falls away.
  ///
  /// - `a`: Value (row, s) at a[row * 16 + s / 16 * aPanel + s % 16], or transposed at
  ///   a[s * aStep + row].
  /// - `b`: Panels of steps x 16.
  /// - `ahead`: Where to fetch into the second-level cache what later calls will read: a line a step.
  @inline(__always)
  static func multiply(
    _ rows: Int, _ columns: Int, isTransposed: Bool, _ layout: ProductLayout,
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ addend: UnsafePointer<Float>?,
    _ c: UnsafeMutablePointer<Float>, ahead: UnsafePointer<Float>? = nil
  ) {
    let rowStride = isTransposed ? 1 : 16
    let stepStride = isTransposed ? layout.aStep : 1
    let aPanel = isTransposed ? 16 * layout.aStep : layout.aPanel
    let bPanel = layout.bPanel
    var block = ProductBlock()
    var (panel, vector) = (a, b)
    var line = ahead ?? b
    var left = layout.steps
    while left >= 16 {
      var value = panel
      // Four steps a turn: a loop of 16 turns costs a mispredicted branch in every panel.
      for _ in 0..<4 {
        // Before the loads, which the compiler does not move across.
        if ahead != nil {
          prefetch_far(line)
          prefetch_far(line + 16)
          prefetch_far(line + 32)
          prefetch_far(line + 48)
          line += 64
        }
        block.add(rows, columns, rowStride, value, vector, bPanel)
        block.add(rows, columns, rowStride, value + stepStride, vector + 16, bPanel)
        block.add(rows, columns, rowStride, value + 2 * stepStride, vector + 32, bPanel)
        block.add(rows, columns, rowStride, value + 3 * stepStride, vector + 48, bPanel)
        value += 4 * stepStride
        vector += 64
      }
      panel += aPanel
      left -= 16
    }
    for _ in 0..<left {
      block.add(rows, columns, rowStride, panel, vector, bPanel)
      panel += stepStride
      vector += 16
    }
    // At the end, so that a sum in parts has the small error of its parts.
    if let addend {
      block.addBlock(rows, columns, addend, layout.addendRow, layout.addendPanel)
    }
    block.store(rows, columns, c, layout.cRow, layout.cPanel)
  }
}
