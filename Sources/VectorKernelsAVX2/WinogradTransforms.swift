import CInstructions
import KernelLayouts

/// `WinogradTile` as a type: a transform compiled for one has no loops and no branches.
///
/// F(m x n, r x s) has (m + r - 1) x (n + s - 1) points: a 4 x 4 tile with 2 x 2 taps has 5 x 5.
///
/// Any shape that has no type below goes the same way through `WinogradTile`, with loops. `gather`
/// and `scatter` know the points only, so what is named for tiles of 4 x 3 also serves a phase with
/// one tap a row of tiles of 4 x 4: both have 5 x 4.
protocol WinogradShape {
  /// Pixels of a tile from top to bottom, or taps of a filter.
  var rows: Int { get }
  /// From left to right.
  var columns: Int { get }
  /// Points that the rows are evaluated at.
  var pointRows: Int { get }
  /// Points that the columns are evaluated at.
  var pointColumns: Int { get }
}

extension WinogradTile: WinogradShape {}

/// F(4 x 4, 2 x 2): 25 products for 16 outputs, where direct sums take 64.
private struct Tile4x4Taps2: WinogradShape {
  var rows: Int { @inline(__always) get { 4 } }
  var columns: Int { @inline(__always) get { 4 } }
  var pointRows: Int { @inline(__always) get { 5 } }
  var pointColumns: Int { @inline(__always) get { 5 } }
}
/// F(4 x 3, 2 x 2): the right edge of outputs that are cut 4 + 3, such as 7.
private struct Tile4x3Taps2: WinogradShape {
  var rows: Int { @inline(__always) get { 4 } }
  var columns: Int { @inline(__always) get { 3 } }
  var pointRows: Int { @inline(__always) get { 5 } }
  var pointColumns: Int { @inline(__always) get { 4 } }
}
/// F(3 x 4, 2 x 2): their lower edge.
private struct Tile3x4Taps2: WinogradShape {
  var rows: Int { @inline(__always) get { 3 } }
  var columns: Int { @inline(__always) get { 4 } }
  var pointRows: Int { @inline(__always) get { 4 } }
  var pointColumns: Int { @inline(__always) get { 5 } }
}
/// F(3 x 3, 2 x 2): the corner of both.
private struct Tile3x3Taps2: WinogradShape {
  var rows: Int { @inline(__always) get { 3 } }
  var columns: Int { @inline(__always) get { 3 } }
  var pointRows: Int { @inline(__always) get { 4 } }
  var pointColumns: Int { @inline(__always) get { 4 } }
}
/// F(2 x 2, 2 x 2): as many taps as outputs, so it is the filter's side too.
private struct Tile2x2Taps2: WinogradShape {
  var rows: Int { @inline(__always) get { 2 } }
  var columns: Int { @inline(__always) get { 2 } }
  var pointRows: Int { @inline(__always) get { 3 } }
  var pointColumns: Int { @inline(__always) get { 3 } }
}
/// F(4 x 4, 3 x 3): 36 products for 16 outputs, where direct sums take 144.
private struct Tile4x4Taps3: WinogradShape {
  var rows: Int { @inline(__always) get { 4 } }
  var columns: Int { @inline(__always) get { 4 } }
  var pointRows: Int { @inline(__always) get { 6 } }
  var pointColumns: Int { @inline(__always) get { 6 } }
}
/// F(6 x 6, 3 x 3): 64 products for 36 outputs, with five times the error of tiles of 4.
private struct Tile6x6Taps3: WinogradShape {
  var rows: Int { @inline(__always) get { 6 } }
  var columns: Int { @inline(__always) get { 6 } }
  var pointRows: Int { @inline(__always) get { 8 } }
  var pointColumns: Int { @inline(__always) get { 8 } }
}
/// F(6 x 4, 3 x 3): the right edge of outputs that are cut into 6 and 4, such as 28 = 4 x 6 + 4.
private struct Tile6x4Taps3: WinogradShape {
  var rows: Int { @inline(__always) get { 6 } }
  var columns: Int { @inline(__always) get { 4 } }
  var pointRows: Int { @inline(__always) get { 8 } }
  var pointColumns: Int { @inline(__always) get { 6 } }
}
/// F(4 x 6, 3 x 3): their lower edge.
private struct Tile4x6Taps3: WinogradShape {
  var rows: Int { @inline(__always) get { 4 } }
  var columns: Int { @inline(__always) get { 6 } }
  var pointRows: Int { @inline(__always) get { 6 } }
  var pointColumns: Int { @inline(__always) get { 8 } }
}
/// Inputs of a polynomial product with 4 x 4 outputs, in a phase of 1 x 1 taps: m = 4 + 1 - r.
private struct Product4x4: WinogradShape {
  var rows: Int { @inline(__always) get { 4 } }
  var columns: Int { @inline(__always) get { 4 } }
  var pointRows: Int { @inline(__always) get { 4 } }
  var pointColumns: Int { @inline(__always) get { 4 } }
}
/// Those of a phase with one tap a column and two a row.
private struct Product4x3: WinogradShape {
  var rows: Int { @inline(__always) get { 4 } }
  var columns: Int { @inline(__always) get { 3 } }
  var pointRows: Int { @inline(__always) get { 4 } }
  var pointColumns: Int { @inline(__always) get { 4 } }
}
/// Those of a phase with two taps a column and one a row.
private struct Product3x4: WinogradShape {
  var rows: Int { @inline(__always) get { 3 } }
  var columns: Int { @inline(__always) get { 4 } }
  var pointRows: Int { @inline(__always) get { 4 } }
  var pointColumns: Int { @inline(__always) get { 4 } }
}
/// The filter's side of a phase with 2 x 2 taps, at the points of tiles of 4 x 4.
private struct Taps2x2: WinogradShape {
  var rows: Int { @inline(__always) get { 2 } }
  var columns: Int { @inline(__always) get { 2 } }
  var pointRows: Int { @inline(__always) get { 5 } }
  var pointColumns: Int { @inline(__always) get { 5 } }
}
/// Of a 3 x 3 kernel with stride 2 a phase has one tap a row: fewer taps, fewer points.
private struct Taps2x1: WinogradShape {
  var rows: Int { @inline(__always) get { 2 } }
  var columns: Int { @inline(__always) get { 1 } }
  var pointRows: Int { @inline(__always) get { 5 } }
  var pointColumns: Int { @inline(__always) get { 4 } }
}
/// The phase with one tap a column.
private struct Taps1x2: WinogradShape {
  var rows: Int { @inline(__always) get { 1 } }
  var columns: Int { @inline(__always) get { 2 } }
  var pointRows: Int { @inline(__always) get { 4 } }
  var pointColumns: Int { @inline(__always) get { 5 } }
}
/// The phase with one tap; of a polynomial product too, whose phases all have 4 x 4 points.
private struct Taps1x1: WinogradShape {
  var rows: Int { @inline(__always) get { 1 } }
  var columns: Int { @inline(__always) get { 1 } }
  var pointRows: Int { @inline(__always) get { 4 } }
  var pointColumns: Int { @inline(__always) get { 4 } }
}
/// Two taps each way at 4 x 4 points: of a polynomial product, or of tiles of three outputs.
private struct Taps2x2Points4: WinogradShape {
  var rows: Int { @inline(__always) get { 2 } }
  var columns: Int { @inline(__always) get { 2 } }
  var pointRows: Int { @inline(__always) get { 4 } }
  var pointColumns: Int { @inline(__always) get { 4 } }
}
/// Two taps a column and one a row of a polynomial product.
private struct Taps2x1Points4: WinogradShape {
  var rows: Int { @inline(__always) get { 2 } }
  var columns: Int { @inline(__always) get { 1 } }
  var pointRows: Int { @inline(__always) get { 4 } }
  var pointColumns: Int { @inline(__always) get { 4 } }
}
/// One tap a column and two a row of a polynomial product.
private struct Taps1x2Points4: WinogradShape {
  var rows: Int { @inline(__always) get { 1 } }
  var columns: Int { @inline(__always) get { 2 } }
  var pointRows: Int { @inline(__always) get { 4 } }
  var pointColumns: Int { @inline(__always) get { 4 } }
}
/// Three taps each way, at the points of tiles of 4 x 4.
private struct Taps3x3: WinogradShape {
  var rows: Int { @inline(__always) get { 3 } }
  var columns: Int { @inline(__always) get { 3 } }
  var pointRows: Int { @inline(__always) get { 6 } }
  var pointColumns: Int { @inline(__always) get { 6 } }
}
/// Three taps each way, at the points of tiles of 6 x 6.
private struct Taps3x3Points8: WinogradShape {
  var rows: Int { @inline(__always) get { 3 } }
  var columns: Int { @inline(__always) get { 3 } }
  var pointRows: Int { @inline(__always) get { 8 } }
  var pointColumns: Int { @inline(__always) get { 8 } }
}

/// The transforms of tiles and filters, a vector of channels at a time.
///
/// Two sides: the image side has pixels or taps, a place each with its channels behind it; the
/// panel side has a matrix for each point, in the panels of 16 columns that `Products` multiplies.
/// Entry 8 i + j of a table is row i, column j.
///
/// | function | reads | writes | matrix |
/// |---|---|---|---|
/// | `gather` | pixels | points, overwritten | V_n^-T |
/// | `scatter` | points | pixels, added to | V_n^-1 |
/// | `evaluate` | pixels | points, overwritten | V_m |
/// | `collect` | points | pixels, overwritten | V_m^T |
/// | `evaluateTaps` | taps | points, overwritten | V_r |
/// | `collectTaps` | points | taps, overwritten or added to | V_r^T |
///
/// Filtering gathers inputs and evaluates outputs; a polynomial product, its transpose, gathers
/// outputs and evaluates inputs. The functions are described in the words of filtering.
///
/// The matrix of each (`WinogradVector`) works on the columns first, then on the rows, whether the
/// shape is a constant or not: the bits are the same. Channels never meet. A call makes one tile or
/// filter, with all its channels, at the addresses of the tables; who calls advances those. The two
/// sides must not overlap, nor either of them `work`.
package struct WinogradTransforms {
  typealias Address = WinogradTables.Address

  /// Where the first channel of each pixel or tap is.
  private let image: UnsafeMutablePointer<Address>
  /// Where the first channel of each point is.
  private let panel: UnsafeMutablePointer<Address>
  /// Values from 16 channels of a point to the next 16.
  private let panelStep: UnsafeMutablePointer<Int>
  /// Values from a filter's taps, and points, to those of the next.
  private let imageNext: UnsafeMutablePointer<Int>
  private let panelNext: UnsafeMutablePointer<Int>
  /// What columns have become before rows are transformed: 64 vectors, on which calls from several
  /// threads must not meet.
  private let work: Address
  private var width: Int { @inline(__always) get { Lanes.scalarCount } }

  /// - Parameter tables: Where everything is; must outlive the transforms.
  @inline(__always)
  package init(_ tables: WinogradTables) {
    image = tables.image
    panel = tables.panel
    panelStep = tables.panelStep
    imageNext = tables.imageNext
    panelNext = tables.panelNext
    work = tables.work
  }

  // MARK: - Lanes of both sides

  /// The vector of channels of a pixel; those from `present` on are 0, and their memory is not
  /// read.
  ///
  /// - Parameters:
  ///   - entry: Of the image side's table.
  ///   - channel: The first of the vector's.
  ///   - present: Channels from there on; 0 or less gives zeros.
  /// - Returns: A value a lane.
  @inline(__always)
  private func load(_ entry: Int, _ channel: Int, _ present: Int) -> Lanes {
    let source = image[entry] + channel
    if present >= width { return source.lanes(0) }
    var lanes = Lanes.zero
    for lane in 0..<max(present, 0) { lanes[lane] = source[lane] }
    return lanes
  }

  /// Overwrites the vector of channels of a pixel, those below `present` only.
  @inline(__always)
  private func store(_ entry: Int, _ channel: Int, _ present: Int, _ lanes: Lanes) {
    let target = image[entry] + channel
    if present >= width {
      target.setLanes(0, lanes)
    } else {
      for lane in 0..<max(present, 0) { target[lane] = lanes[lane] }
    }
  }

  /// Adds to the channels of a pixel below `present`: one sum each, onto what is there.
  @inline(__always)
  private func add(_ entry: Int, _ channel: Int, _ present: Int, _ lanes: Lanes) {
    store(entry, channel, present, load(entry, channel, present) + lanes)
  }

  /// Asks for the lines that the next but one filter's transform writes: its points are as many
  /// streams as the processor's own prefetcher follows, and more.
  @inline(__always)
  private func prefetchPoints(_ shape: some WinogradShape, _ channel: Int) {
    for i in 0..<shape.pointRows {
      for j in 0..<shape.pointColumns {
        let entry = i * 8 + j
        prefetch_near(place(entry, channel) + 2 * panelNext[entry])
      }
    }
  }

  /// Asks for the taps of the next but one filter, which are a filter apart in memory: they are
  /// read as well as written where the gradient is added to.
  @inline(__always)
  private func prefetchTaps(_ shape: some WinogradShape, _ channel: Int) {
    for i in 0..<shape.rows {
      for j in 0..<shape.columns {
        let entry = i * 8 + j
        prefetch_near(image[entry] + 2 * imageNext[entry] + channel)
      }
    }
  }

  /// The place of a channel in the panel side: panel channel / 16, column channel % 16.
  @inline(__always)
  private func place(_ entry: Int, _ channel: Int) -> Address {
    panel[entry] + ((channel >> 4) * panelStep[entry] + (channel & 15))
  }

  /// Columns first, then rows: `rowMap` and `columnMap` on each.
  ///
  /// - Parameters:
  ///   - rows: Rows before and after `rowMap`, which makes each column's.
  ///   - columns: Columns before and after `columnMap`, which makes each row's.
  ///   - rowMap: The matrix for a column.
  ///   - columnMap: The matrix for a row.
  ///   - load: Gives the vector of an entry of the table; asked once for each.
  ///   - store: Takes that of an entry; called after the last `load`.
  @inline(__always)
  private func transform(
    rows: (from: Int, to: Int), columns: (from: Int, to: Int),
    rowMap: (WinogradVector) -> WinogradVector, columnMap: (WinogradVector) -> WinogradVector,
    load: (Int) -> Lanes, store: (Int, Lanes) -> Void
  ) {
    for j in 0..<columns.from {
      rowMap(WinogradVector(count: rows.from) { load($0 * 8 + j) }).forEach(count: rows.to) {
        work.setLanes(($0 * 8 + j) * width, $1)
      }
    }
    for i in 0..<rows.to {
      columnMap(WinogradVector(count: columns.from) { work.lanes((i * 8 + $0) * width) })
        .forEach(count: columns.to) { store(i * 8 + $0, $1) }
    }
  }

  // MARK: - Inputs

  /// Inputs of a tile in one phase to its points: d = V_n^-T x V_n^-1, with x and d n x n.
  ///
  /// - Parameters:
  ///   - shape: Its points count, as many as inputs; rows and columns are not read.
  ///   - channels: Those of the slice. Points are written in whole panels: channels missing in the
  ///     last one become 0, which the products then multiply.
  package func gather(_ shape: WinogradTile, channels: Int) {
    switch (shape.pointRows, shape.pointColumns) {
    case (5, 5): gather(fixed: Tile4x4Taps2(), channels)
    case (5, 4): gather(fixed: Tile4x3Taps2(), channels)
    case (4, 5): gather(fixed: Tile3x4Taps2(), channels)
    case (4, 4): gather(fixed: Tile3x3Taps2(), channels)
    case (3, 3): gather(fixed: Tile2x2Taps2(), channels)
    case (6, 6): gather(fixed: Tile4x4Taps3(), channels)
    case (8, 8): gather(fixed: Tile6x6Taps3(), channels)
    case (8, 6): gather(fixed: Tile6x4Taps3(), channels)
    case (6, 8): gather(fixed: Tile4x6Taps3(), channels)
    default: gather(fixed: shape, channels)
    }
  }

  /// All channels of one shape: whole vectors, then the rest of the last panel.
  @inline(never)
  private func gather(fixed shape: some WinogradShape, _ channels: Int) {
    var channel = 0
    while channel + width <= channels {
      gather(fixed: shape, channel, width)
      channel += width
    }
    while channel < (channels + 15) & ~15 {
      gatherTail(shape, channel, channels - channel)
      channel += width
    }
  }

  /// A function of its own: the branches of a partial vector would be compiled into every whole
  /// one.
  @inline(never)
  private func gatherTail(_ shape: some WinogradShape, _ channel: Int, _ present: Int) {
    gather(fixed: shape, channel, present)
  }

  @inline(__always)
  private func gather(fixed shape: some WinogradShape, _ channel: Int, _ present: Int) {
    let (rows, columns) = (shape.pointRows, shape.pointColumns)
    transform(
      rows: (rows, rows), columns: (columns, columns),
      rowMap: { $0.interpolated(count: rows) }, columnMap: { $0.interpolated(count: columns) },
      load: { load($0, channel, present) }, store: { place($0, channel).setLanes(0, $1) })
  }

  /// The transpose of `gather`: adds V_n^-1 d V_n^-T to the inputs.
  ///
  /// Neighbouring tiles share inputs, so who calls begins with zeros (a polynomial product's
  /// outputs with the bias), and the sum is made in memory, in the order of the calls.
  ///
  /// - Parameters:
  ///   - shape: Its points count, as many as inputs; rows and columns are not read.
  ///   - channels: Those of the slice: no more are read or written.
  package func scatter(_ shape: WinogradTile, channels: Int) {
    switch (shape.pointRows, shape.pointColumns) {
    case (5, 5): scatter(fixed: Tile4x4Taps2(), channels)
    case (5, 4): scatter(fixed: Tile4x3Taps2(), channels)
    case (4, 5): scatter(fixed: Tile3x4Taps2(), channels)
    case (4, 4): scatter(fixed: Tile3x3Taps2(), channels)
    case (3, 3): scatter(fixed: Tile2x2Taps2(), channels)
    case (6, 6): scatter(fixed: Tile4x4Taps3(), channels)
    case (8, 8): scatter(fixed: Tile6x6Taps3(), channels)
    case (8, 6): scatter(fixed: Tile6x4Taps3(), channels)
    case (6, 8): scatter(fixed: Tile4x6Taps3(), channels)
    default: scatter(fixed: shape, channels)
    }
  }

  @inline(never)
  private func scatter(fixed shape: some WinogradShape, _ channels: Int) {
    var channel = 0
    while channel + width <= channels {
      scatter(fixed: shape, channel, width)
      channel += width
    }
    if channel < channels { scatterTail(shape, channel, channels - channel) }
  }

  @inline(never)
  private func scatterTail(_ shape: some WinogradShape, _ channel: Int, _ present: Int) {
    scatter(fixed: shape, channel, present)
  }

  @inline(__always)
  private func scatter(fixed shape: some WinogradShape, _ channel: Int, _ present: Int) {
    let (rows, columns) = (shape.pointRows, shape.pointColumns)
    transform(
      rows: (rows, rows), columns: (columns, columns),
      rowMap: { $0.spread(count: rows) }, columnMap: { $0.spread(count: columns) },
      load: { place($0, channel).lanes(0) }, store: { add($0, channel, present, $1) })
  }

  // MARK: - Outputs and taps

  /// Outputs to their points: V_m y V_m^T, rows x columns pixels to pointRows x pointColumns
  /// points.
  ///
  /// Forward's transpose needs it of dy; a polynomial product of its inputs.
  ///
  /// - Parameters:
  ///   - shape: Pixels, 1 to 4 or 6 each way, and points.
  ///   - channels: Those of a pixel; channels missing in the last panel become 0.
  package func evaluate(_ shape: WinogradTile, channels: Int) {
    switch (shape.rows, shape.columns, shape.pointRows, shape.pointColumns) {
    case (4, 4, 5, 5): evaluate(fixed: Tile4x4Taps2(), channels)
    case (4, 3, 5, 4): evaluate(fixed: Tile4x3Taps2(), channels)
    case (3, 4, 4, 5): evaluate(fixed: Tile3x4Taps2(), channels)
    case (3, 3, 4, 4): evaluate(fixed: Tile3x3Taps2(), channels)
    case (2, 2, 3, 3): evaluate(fixed: Tile2x2Taps2(), channels)
    case (4, 4, 4, 4): evaluate(fixed: Product4x4(), channels)
    case (4, 3, 4, 4): evaluate(fixed: Product4x3(), channels)
    case (3, 4, 4, 4): evaluate(fixed: Product3x4(), channels)
    case (4, 4, 6, 6): evaluate(fixed: Tile4x4Taps3(), channels)
    case (6, 6, 8, 8): evaluate(fixed: Tile6x6Taps3(), channels)
    case (6, 4, 8, 6): evaluate(fixed: Tile6x4Taps3(), channels)
    case (4, 6, 6, 8): evaluate(fixed: Tile4x6Taps3(), channels)
    default: evaluate(fixed: shape, channels)
    }
  }

  @inline(never)
  private func evaluate(fixed shape: some WinogradShape, _ channels: Int) {
    var channel = 0
    while channel + width <= channels {
      evaluate(fixed: shape, channel, width)
      channel += width
    }
    while channel < (channels + 15) & ~15 {
      evaluateTail(shape, channel, channels - channel)
      channel += width
    }
  }

  @inline(never)
  private func evaluateTail(_ shape: some WinogradShape, _ channel: Int, _ present: Int) {
    evaluate(fixed: shape, channel, present)
  }

  @inline(__always)
  private func evaluate(fixed shape: some WinogradShape, _ channel: Int, _ present: Int) {
    let (rows, columns) = (shape.rows, shape.columns)
    transform(
      rows: (rows, shape.pointRows), columns: (columns, shape.pointColumns),
      rowMap: { $0.evaluated(count: rows) }, columnMap: { $0.evaluated(count: columns) },
      load: { load($0, channel, present) }, store: { place($0, channel).setLanes(0, $1) })
  }

  /// Taps to their points: u = V_r w V_r^T, one panel of input channels of one output channel.
  ///
  /// - Parameters:
  ///   - shape: Taps, 1 to 3 each way, and points.
  ///   - channels: Input channels in the panel, at most 16; those missing become 0.
  package func evaluateTaps(_ shape: WinogradTile, channels: Int) {
    switch (shape.rows, shape.columns, shape.pointRows, shape.pointColumns) {
    case (2, 2, 5, 5): evaluateTaps(fixed: Taps2x2(), channels)
    case (2, 1, 5, 4): evaluateTaps(fixed: Taps2x1(), channels)
    case (1, 2, 4, 5): evaluateTaps(fixed: Taps1x2(), channels)
    case (1, 1, 4, 4): evaluateTaps(fixed: Taps1x1(), channels)
    case (2, 2, 3, 3): evaluateTaps(fixed: Tile2x2Taps2(), channels)
    case (2, 2, 4, 4): evaluateTaps(fixed: Taps2x2Points4(), channels)
    case (2, 1, 4, 4): evaluateTaps(fixed: Taps2x1Points4(), channels)
    case (1, 2, 4, 4): evaluateTaps(fixed: Taps1x2Points4(), channels)
    case (3, 3, 6, 6): evaluateTaps(fixed: Taps3x3(), channels)
    case (3, 3, 8, 8): evaluateTaps(fixed: Taps3x3Points8(), channels)
    default: evaluateTaps(fixed: shape, channels)
    }
  }

  @inline(never)
  private func evaluateTaps(fixed shape: some WinogradShape, _ channels: Int) {
    var channel = 0
    while channel + width <= channels {
      prefetchPoints(shape, channel)
      evaluate(fixed: shape, channel, width)
      channel += width
    }
    while channel < 16 {
      evaluateTail(shape, channel, channels - channel)
      channel += width
    }
  }

  /// The transpose of `evaluate`: y = V_m^T p V_m + bias, channel by channel; overwrites y.
  ///
  /// - Parameters:
  ///   - shape: Points, and the pixels that they give.
  ///   - channels: Those of a pixel: no more are read or written.
  ///   - bias: A value a channel, added behind the transform by one rounding; nil adds 0.
  package func collect(_ shape: WinogradTile, channels: Int, bias: UnsafePointer<Float>?) {
    switch (shape.rows, shape.columns, shape.pointRows, shape.pointColumns) {
    case (4, 4, 5, 5): collect(fixed: Tile4x4Taps2(), channels, bias)
    case (4, 3, 5, 4): collect(fixed: Tile4x3Taps2(), channels, bias)
    case (3, 4, 4, 5): collect(fixed: Tile3x4Taps2(), channels, bias)
    case (3, 3, 4, 4): collect(fixed: Tile3x3Taps2(), channels, bias)
    case (2, 2, 3, 3): collect(fixed: Tile2x2Taps2(), channels, bias)
    case (4, 4, 4, 4): collect(fixed: Product4x4(), channels, bias)
    case (4, 3, 4, 4): collect(fixed: Product4x3(), channels, bias)
    case (3, 4, 4, 4): collect(fixed: Product3x4(), channels, bias)
    case (4, 4, 6, 6): collect(fixed: Tile4x4Taps3(), channels, bias)
    case (6, 6, 8, 8): collect(fixed: Tile6x6Taps3(), channels, bias)
    case (6, 4, 8, 6): collect(fixed: Tile6x4Taps3(), channels, bias)
    case (4, 6, 6, 8): collect(fixed: Tile4x6Taps3(), channels, bias)
    default: collect(fixed: shape, channels, bias)
    }
  }

  /// One vector of channels, handed to `store` with its entry: overwriting, adding and a bias
  /// differ there only.
  @inline(never)
  private func collect(
    fixed shape: some WinogradShape, _ channels: Int, _ bias: UnsafePointer<Float>?
  ) {
    var channel = 0
    while channel + width <= channels {
      let offset = bias.map { $0.lanes(channel) } ?? .zero
      collect(fixed: shape, channel) { store($0, channel, width, $1 + offset) }
      channel += width
    }
    if channel < channels { collectTail(shape, channel, channels - channel, bias) }
  }

  @inline(never)
  private func collectTail(
    _ shape: some WinogradShape, _ channel: Int, _ present: Int, _ bias: UnsafePointer<Float>?
  ) {
    var offset = Lanes.zero
    if let bias { for lane in 0..<present { offset[lane] = bias[channel + lane] } }
    collect(fixed: shape, channel) { store($0, channel, present, $1 + offset) }
  }

  @inline(__always)
  private func collect(
    fixed shape: some WinogradShape, _ channel: Int, _ store: (Int, Lanes) -> Void
  ) {
    let (rows, columns) = (shape.rows, shape.columns)
    let (pointRows, pointColumns) = (shape.pointRows, shape.pointColumns)
    transform(
      rows: (pointRows, rows), columns: (pointColumns, columns),
      rowMap: { $0.collected(points: pointRows, count: rows) },
      columnMap: { $0.collected(points: pointColumns, count: columns) },
      load: { place($0, channel).lanes(0) }, store: store)
  }

  /// Points to taps: dw = V_r^T p V_r, or dw += it, one panel of input channels of one output
  /// channel.
  ///
  /// - Parameters:
  ///   - shape: Taps, 1 to 3 each way, and points.
  ///   - channels: Input channels in the panel, at most 16: no more are read or written.
  ///   - overwriting: Whether dw is overwritten; otherwise it is added to, by one rounding a value.
  package func collectTaps(_ shape: WinogradTile, channels: Int, overwriting: Bool) {
    switch (shape.rows, shape.columns, shape.pointRows, shape.pointColumns) {
    case (2, 2, 5, 5): collectTaps(fixed: Taps2x2(), channels, overwriting)
    case (2, 1, 5, 4): collectTaps(fixed: Taps2x1(), channels, overwriting)
    case (1, 2, 4, 5): collectTaps(fixed: Taps1x2(), channels, overwriting)
    case (1, 1, 4, 4): collectTaps(fixed: Taps1x1(), channels, overwriting)
    case (2, 2, 3, 3): collectTaps(fixed: Tile2x2Taps2(), channels, overwriting)
    case (2, 2, 4, 4): collectTaps(fixed: Taps2x2Points4(), channels, overwriting)
    case (2, 1, 4, 4): collectTaps(fixed: Taps2x1Points4(), channels, overwriting)
    case (1, 2, 4, 4): collectTaps(fixed: Taps1x2Points4(), channels, overwriting)
    case (3, 3, 6, 6): collectTaps(fixed: Taps3x3(), channels, overwriting)
    case (3, 3, 8, 8): collectTaps(fixed: Taps3x3Points8(), channels, overwriting)
    default: collectTaps(fixed: shape, channels, overwriting)
    }
  }

  @inline(never)
  private func collectTaps(
    fixed shape: some WinogradShape, _ channels: Int, _ overwriting: Bool
  ) {
    var channel = 0
    while channel + width <= channels {
      prefetchTaps(shape, channel)
      if overwriting {
        collect(fixed: shape, channel) { store($0, channel, width, $1) }
      } else {
        collect(fixed: shape, channel) { add($0, channel, width, $1) }
      }
      channel += width
    }
    if channel < channels { collectTapsTail(shape, channel, channels - channel, overwriting) }
  }

  @inline(never)
  private func collectTapsTail(
    _ shape: some WinogradShape, _ channel: Int, _ present: Int, _ overwriting: Bool
  ) {
    collect(fixed: shape, channel) {
      if overwriting {
        store($0, channel, present, $1)
      } else {
        add($0, channel, present, $1)
      }
    }
  }
}
