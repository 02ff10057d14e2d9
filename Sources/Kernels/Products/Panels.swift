import Base
import CInstructions
import KernelLayouts

/// Matrices in panels of 16 columns, [panel][row][16], and their products with row-major results.
///
/// The layout is the one that `PanelProduct` reads as either operand. Columns that a last panel has
/// beyond the matrix's are 0 or undefined, as each function says, and never reach a result.
enum Panels {
  /// Panels of a matrix of `columns` columns.
  @inline(__always)
  static func panels(_ columns: Int) -> Int { (columns + 15) / 16 }

  /// Values of rows x columns in panels.
  @inline(__always)
  static func count(rows: Int, columns: Int) -> Int { panels(columns) * rows * 16 }

  /// target = rows `range` of source, which is row-major; missing columns become 0.
  ///
  /// The whole matrix has `rows` rows.
  static func pack(
    rows: Int, columns: Int, _ source: UnsafePointer<Float>,
    into target: UnsafeMutablePointer<Float>, range: Range<Int>
  ) {
    for panel in 0..<columns / 16 {
      let (from, to) = (source + panel * 16, target + panel * rows * 16)
      for row in range {
        to.setLanes(row * 16, from.lanes(row * columns))
        to.setLanes(row * 16 + 8, from.lanes(row * columns + 8))
      }
    }
    let rest = columns % 16
    guard rest > 0 else { return }
    let (from, to) = (source + (columns - rest), target + columns / 16 * rows * 16)
    for row in range {
      for column in 0..<16 {
        to[row * 16 + column] = column < rest ? from[row * columns + column] : 0
      }
    }
  }

  /// target = some panels of a row-major source; missing columns become 0.
  ///
  /// The rows come behind `first` others of a target that has `allRows`.
  static func pack(
    rows: Int, behind first: Int, of allRows: Int, columns: Int, panels: Range<Int>,
    _ source: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>
  ) {
    let whole = min(panels.upperBound, columns / 16)
    for row in 0..<rows {
      var from = source + row * columns + panels.lowerBound * 16
      var to = target + (first + row) * 16
      for _ in panels.lowerBound..<whole {
        prefetch_near(from + 12 * columns)
        to.setLanes(0, from.lanes(0))
        to.setLanes(8, from.lanes(8))
        from += 16
        to += allRows * 16
      }
      guard whole < panels.upperBound else { continue }
      for column in 0..<16 { to[column] = column < columns % 16 ? from[column] : 0 }
    }
  }

  /// target = source, row-major; missing columns become 0.
  static func pack(
    rows: Int, columns: Int, _ source: UnsafePointer<Float>,
    into target: UnsafeMutablePointer<Float>
  ) {
    pack(rows: rows, columns: columns, source, into: target, range: 0..<rows)
  }

  /// The panels of a matrix's transpose: [row panel][column][16 rows]; missing rows become 0.
  ///
  /// The source is rows x columns, so the target holds columns x rows. Threads divide the work:
  /// each makes `part` of `parts`.
  static func transpose(
    rows: Int, columns: Int, _ source: Factor, into target: UnsafeMutablePointer<Float>,
    part: Int = 0, of parts: Int = 1
  ) {
    let outer = panels(rows)
    let stride = source.strides.row
    for panel in part * outer / parts..<(part + 1) * outer / parts {
      for inner in 0..<panels(columns) {
        let from = source.place(row: panel * 16, panel: inner)
        let to = target + (panel * columns + inner * 16) * 16
        if inner * 16 + 16 <= columns {
          PanelProduct.transpose(
            rows: min(16, rows - panel * 16), from, stride: stride, into: to)
        } else {
          for column in 0..<columns - inner * 16 {
            for row in 0..<16 {
              to[column * 16 + row] = panel * 16 + row < rows ? from[row * stride + column] : 0
            }
          }
        }
      }
    }
  }

  /// Values of the inner dimension that are summed in one chain.
  ///
  /// Longer sums are made of parts: their rounding errors are smaller, and two panels of a part
  /// stay in the first-level cache.
  static let chain = 512

  /// What a product adds to.
  enum Addend {
    case nothing
    /// What the result's memory holds.
    case result
    /// A value a column.
    case row(UnsafePointer<Float>)
  }

  /// Calls `body` for the parts of the inner dimension, each with what it adds to.
  @inline(__always)
  private static func forEachChain(
    _ inner: Int, _ addend: Addend, _ body: (_ first: Int, _ count: Int, _ addend: Addend) -> Void
  ) {
    var first = 0
    repeat {
      let count = min(chain, inner - first)
      body(first, count, first == 0 ? addend : .result)
      first += count
    } while first < inner
  }

  /// A factor of a product: in panels, or row-major.
  enum Factor {
    /// Panels of a matrix that has `rows` rows as a whole.
    case panels(UnsafePointer<Float>, rows: Int)
    /// Row-major values of a matrix that has `columns` columns as a whole.
    case matrix(UnsafePointer<Float>, columns: Int)

    /// From a row, and from a panel of 16 columns, to the next.
    @inline(__always)
    var strides: (row: Int, panel: Int) {
      switch self {
      case .panels(_, let rows): (16, rows * 16)
      case .matrix(_, let columns): (columns, 16)
      }
    }

    /// Where a row begins in a panel.
    @inline(__always)
    func place(row: Int, panel: Int) -> UnsafePointer<Float> {
      let start =
        switch self {
        case .panels(let start, _), .matrix(let start, _): start
        }
      return start + (row * strides.row + panel * strides.panel)
    }
  }

  /// C = A B, plus the addend: C is rows x columns, row-major.
  ///
  /// - Parameters:
  ///   - rows: Rows of A and C.
  ///   - columns: Columns of B and C.
  ///   - inner: Columns of A, rows of B.
  ///   - a: A, rows x inner.
  ///   - b: B, inner x columns; where it is row-major, whole panels of columns.
  ///   - addend: What C begins with: nothing, a row, or what C holds.
  ///   - c: C; must not overlap A or B.
  ///   - range: The panels of C that are computed; all by default.
  static func multiply(
    rows: Int, columns: Int, inner: Int, _ a: Factor, _ b: Factor,
    adding addend: Addend, into c: UnsafeMutablePointer<Float>, panels range: Range<Int>? = nil
  ) {
    let range = range ?? 0..<panels(columns)
    let full = min(range.upperBound, columns / 16)
    let rest = range.upperBound > full ? columns % 16 : 0
    forEachChain(inner, addend) { first, steps, addend in
      // Chains begin at whole panels of a.
      let from = a.place(row: 0, panel: first / 16)
      let target = c + range.lowerBound * 16
      var layout = ProductLayout(
        rows: rows, steps: steps, panels: full - range.lowerBound, aPanel: a.strides.panel,
        bPanel: b.strides.panel, cRow: columns, cPanel: 16, aRow: a.strides.row,
        bStep: b.strides.row)
      let added = place(addend, target, column: range.lowerBound * 16, &layout)
      PanelProduct.multiply(
        layout, from, b.place(row: first, panel: range.lowerBound), adding: added, into: target)
      guard rest > 0 else { return }
      withTile { tile in
        var row = 0
        while row < rows {
          let count = min(edgeRows, rows - row)
          let target = c + row * columns + full * 16
          load(tile, rows: count, columns: full * 16..<columns, addend, target)
          PanelProduct.multiply(
            .init(
              rows: count, steps: steps, panels: 1, aPanel: a.strides.panel, bPanel: 0, cRow: 16,
              cPanel: 0, aRow: a.strides.row),
            from + row * a.strides.row, b.place(row: first, panel: full), adding: tile, into: tile)
          store(tile, rows: count, rest, target, columns)
          row += count
        }
      }
    }
  }

  /// C = A^T B, plus the addend: C is rows x columns, row-major.
  ///
  /// - Parameters:
  ///   - rows: Columns of A, rows of C.
  ///   - columns: Columns of B and C.
  ///   - inner: Rows of A and B.
  ///   - a: A, inner x rows, row-major.
  ///   - b: B, inner x columns in panels.
  ///   - addend: What C begins with: nothing, a row, or what C holds.
  ///   - c: C; must not overlap A or B.
  static func multiplyTransposed(
    rows: Int, columns: Int, inner: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    adding addend: Addend, into c: UnsafeMutablePointer<Float>
  ) {
    let full = columns / 16
    let rest = columns % 16
    forEachChain(inner, addend) { first, steps, addend in
      let (a, b) = (a + first * rows, b + first * 16)
      // Four panels of b with all of a.
      var panel = 0
      while panel < full {
        let panels = min(4, full - panel)
        let c = c + panel * 16
        var layout = ProductLayout(
          rows: rows, steps: steps, panels: panels, aPanel: 16, bPanel: inner * 16, cRow: columns,
          cPanel: 16, aStep: rows)
        let from = place(addend, c, column: panel * 16, &layout)
        PanelProduct.multiplyTransposed(
          layout, a, b + panel * inner * 16, adding: from, into: c)
        panel += panels
      }
      guard rest > 0 else { return }
      withTile { tile in
        var row = 0
        while row < rows {
          let count = min(edgeRows, rows - row)
          let target = c + row * columns + full * 16
          load(tile, rows: count, columns: full * 16..<columns, addend, target)
          PanelProduct.multiplyTransposed(
            .init(
              rows: count, steps: steps, panels: 1, aPanel: 16, bPanel: 0, cRow: 16, cPanel: 0,
              aStep: rows),
            a + row, b + full * inner * 16, adding: tile, into: tile)
          store(tile, rows: count, rest, target, columns)
          row += count
        }
      }
    }
  }

  /// C = A^T B, or C += it, all in panels: C is rows x (16 panels).
  ///
  /// - Parameters:
  ///   - rows: Columns of A, rows of C.
  ///   - panels: Panels of 16 columns of B and C.
  ///   - inner: Rows of A and B.
  ///   - a: A, inner x rows in panels.
  ///   - b: B, inner x (16 panels).
  ///   - accumulates: Whether the product is added to C.
  ///   - c: C; must not overlap A or B.
  static func multiplyTransposed(
    rows: Int, panels: Int, inner: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    accumulates: Bool, into c: UnsafeMutablePointer<Float>
  ) {
    forEachChain(inner, accumulates ? .result : .nothing) { first, steps, addend in
      var layout = ProductLayout(
        rows: rows, steps: steps, panels: panels, aPanel: inner * 16, bPanel: inner * 16,
        cRow: 16, cPanel: rows * 16)
      let from = place(addend, c, column: 0, &layout)
      PanelProduct.multiplyTransposed(
        layout, a + first * 16, b + first * 16, adding: from, into: c)
    }
  }

  /// Up to four panels of C = the sum over `parts` of A^T B: the parts' products, added as the tree
  /// of `Elementwise.halvingSum`, with the bits that whole matrices would have.
  ///
  /// A block of C is finished before the next begins, so C is written to memory once.
  ///
  /// - Parameters:
  ///   - parts: Number of parts: 1, 2, 4 or 8.
  ///   - rows: Rows of C, columns of each A.
  ///   - columns: Columns of the panels, and of the whole C.
  ///   - inner: Rows of each part's A and B, at most `chain`.
  ///   - a: Each part's A, inner x rows, row-major.
  ///   - b: The panels of the parts' B, one part behind the other.
  ///   - c: C, row-major, from the panels' first column on; overwritten.
  ///   - scratch: Room for `tileCount` values.
  static func multiplyTransposed(
    parts: Int, rows: Int, columns: (own: Int, all: Int), inner: Int,
    _ a: UnsafeMutableBufferPointer<UnsafePointer<Float>>, _ b: UnsafePointer<Float>,
    into c: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    precondition(
      inner <= chain && columns.own <= 64,
      "a chain of \(inner) values, at most \(chain), for \(columns.own) columns, at most 64")
    let partCount = count(rows: inner, columns: columns.own)
    var layout = ProductLayout(
      rows: tileRows, steps: inner, panels: panels(columns.own), aPanel: 16, bPanel: inner * 16,
      cRow: 64, cPanel: 16, aStep: rows)
    for row in stride(from: 0, to: rows, by: tileRows) {
      let height = min(tileRows, rows - row)
      layout.rows = height
      func tile(_ level: Int) -> UnsafeMutablePointer<Float> { scratch + level * tileRows * 64 }
      func add(_ source: Int, _ target: Int) {
        let (source, target) = (tile(source), tile(target))
        for index in stride(from: 0, to: height * 64, by: 8) {
          target.setLanes(index, target.lanes(index) + source.lanes(index))
        }
      }
      func product(_ part: Int, _ target: UnsafeMutablePointer<Float>, adds: Bool) {
        PanelProduct.multiplyTransposed(
          layout, a[part] + row, b + part * partCount,
          adding: adds ? UnsafePointer(target) : nil, into: target)
      }
      // Level k of the tree has its sum in tile k.
      func pair(_ first: Int, _ level: Int) {
        product(first, tile(level), adds: false)
        if parts > 1 { product(first + 1, tile(level), adds: true) }
      }
      pair(0, 0)
      if parts > 2 { pair(2, 1) }
      if parts > 4 {
        add(1, 0)
        pair(4, 1)
        pair(6, 2)
        add(2, 1)
      }
      storeTile(
        tile(0), plus: parts > 2 ? tile(1) : nil, rows: height, columns.own,
        c + row * columns.all, columns.all)
    }
  }

  /// Rows of a block of a sum of products: four times the six that are computed at once.
  static let tileRows = 24
  /// Scratch values of a sum of products: three blocks of `tileRows` x 64.
  static let tileCount = 3 * tileRows * 64

  /// Rows of 64 values, or the sums of two, to `width` columns of C.
  @inline(__always)
  private static func storeTile(
    _ tile: UnsafePointer<Float>, plus other: UnsafePointer<Float>?, rows: Int, _ width: Int,
    _ c: UnsafeMutablePointer<Float>, _ stride: Int
  ) {
    for row in 0..<rows {
      let (from, to) = (tile + row * 64, c + row * stride)
      let other = other.map { $0 + row * 64 }
      var column = 0
      while column + 8 <= width {
        var values = from.lanes(column)
        if let other { values += other.lanes(column) }
        to.setLanes(column, values)
        column += 8
      }
      while column < width {
        to[column] = other.map { from[column] + $0[column] } ?? from[column]
        column += 1
      }
    }
  }

  /// Where an addend begins; notes in the layout how it lies.
  @inline(__always)
  private static func place(
    _ addend: Addend, _ c: UnsafeMutablePointer<Float>, column: Int, _ layout: inout ProductLayout
  ) -> UnsafePointer<Float>? {
    switch addend {
    case .nothing: return nil
    case .result: return UnsafePointer(c)
    case .row(let values):
      layout.addendRow = 0
      return values + column
    }
  }

  // MARK: - The last panel of a row-major result

  private static let edgeRows = 8

  /// `edgeRows` x 16 values, few enough to be on the stack.
  @inline(__always)
  private static func withTile(_ body: (UnsafeMutablePointer<Float>) -> Void) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: edgeRows * 16) {
      body($0.start)
    }
  }

  /// The addend's values of the last columns; the tile's others become 0.
  private static func load(
    _ tile: UnsafeMutablePointer<Float>, rows: Int, columns: Range<Int>, _ addend: Addend,
    _ c: UnsafePointer<Float>
  ) {
    tile.update(repeating: 0, count: rows * 16)
    switch addend {
    case .nothing: break
    case .result:
      for row in 0..<rows {
        for column in 0..<columns.count {
          tile[row * 16 + column] = c[row * columns.upperBound + column]
        }
      }
    case .row(let values):
      for row in 0..<rows {
        for column in 0..<columns.count {
          tile[row * 16 + column] = values[columns.lowerBound + column]
        }
      }
    }
  }

  private static func store(
    _ tile: UnsafePointer<Float>, rows: Int, _ columns: Int, _ c: UnsafeMutablePointer<Float>,
    _ stride: Int
  ) {
    for row in 0..<rows {
      for column in 0..<columns { c[row * stride + column] = tile[row * 16 + column] }
    }
  }
}
