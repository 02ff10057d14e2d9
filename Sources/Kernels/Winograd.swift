import KernelLayouts

/// Winograd's minimal filtering for the three products of a convolution, strided ones included.
///
/// Lavin and Gray 2016, arXiv:1509.09308, after Winograd 1980. A stride-2 convolution is a sum of
/// stride-1 convolutions over the four phases of its input (`WinogradAxis`), and m outputs of an
/// r-tap filter need m + r - 1 products instead of m r:
///
///     y = V_m^T ( (V_r w) . (V_n^-T x) ),   n = m + r - 1
///
/// with V_k the Vandermonde matrix of k powers at the points infinity, 1/2, -1/2, 3/2, -3/2, 0. In two
/// dimensions each matrix works on rows and columns, and the products at one point of all tiles, all
/// channels and all phases form a matrix product: for a 4x4 kernel of stride 2 and tiles of 4x4
/// outputs 25 of them, with 100 multiplications a channel pair and tile instead of 256.
///
/// **Points are nested**: the first n of them serve every tile and every phase of n points, and no
/// matrix is scaled by point, so the transformed filter is the same for all tiles and the phases add up
/// before the output transform. A 7x7 output is cut 4 + 3, with 9 x 9 products instead of 10 x 10,
/// and a 3x3 kernel of stride 2 (phases of 2 and 1 taps) takes 81 instead of 144.
///
/// **One transformed filter** serves `forward` and `inputGradient`, which is its exact transpose, and
/// the second-order pass with them; `filterGradient` transposes the filter's transform.
///
/// Errors: interpolation amplifies rounding. Among symmetric points these have the smallest errors
/// for tiles of 4 and two taps: with normally distributed values half of those of 0, 1, -1, 2 and
/// infinity, twice those of im2col, and the worst 2.5e-6 of the largest output (4e-6 with three taps;
/// im2col 3e-7).
///
/// A result's bits depend on the geometry only, not on the number of images in a call.
///
/// Memory: matrices lie in panels of 16 columns, [panel][row][16], the layout that the products
/// (`PanelProduct`) read as either operand. V: transformed inputs, rows tiles, columns phases and their
/// channels. M: transformed outputs, rows tiles, columns output channels. U: transformed filters, rows
/// output channels, columns as V.
package final class Winograd: Sendable {
  /// Values of V and M together that are worked on at a time: as a rule 1.5 MiB, which stay in the
  /// second-level cache, but more, up to 4 MiB, where reading a large filter for every piece would
  /// cost more than they do.
  var pieceCount: Int { min(max(384 * 1024, transformedFilterCount / 2), Self.largestPieceCount) }
  /// The same for the filter gradient, which transforms a filter for every piece.
  static let largestPieceCount = 1024 * 1024

  /// A point of the plane: where its matrices lie.
  struct Point: Sendable, BitwiseCopyable {
    /// Tiles of an image that need it: rows x columns.
    var tileRows: Int
    var tileColumns: Int
    /// Panels of 16 columns in U and V.
    var panels: Int
    /// First value in V and M, of one image.
    var inputOffset: Int
    var outputOffset: Int
    /// First value in U.
    var filterOffset: Int
    /// First value in the transposed U.
    var transposedOffset: Int
    var tiles: Int { tileRows * tileColumns }
  }

  package let geometry: ConvolutionGeometry
  let rows: WinogradAxis
  let columns: WinogradAxis
  /// Row by row: `columns.points` to a row.
  let points: AlignedArray<Point>
  /// For each point the first panel of each phase; -1 for one that does not use it.
  let firstPanels: AlignedArray<Int>
  /// Pairs of a row phase and a column phase.
  let phases: [(row: WinogradAxis.Phase, column: WinogradAxis.Phase)]
  let inputPanels: Int
  let outputPanels: Int
  /// Values of V and M, an image.
  let inputCount: Int
  let outputCount: Int
  /// Values of U.
  package let transformedFilterCount: Int
  /// Values of U transposed.
  package let transposedFilterCount: Int

  /// - `largestTile`: Outputs of a tile in each direction, at most: 2 to 4.
  /// - Returns: nil for a kernel that the scheme is not written for.
  package init?(_ geometry: ConvolutionGeometry, largestTile: Int = 4) {
    precondition(
      (1...WinogradAxis.largestTile).contains(largestTile), "tiles of \(largestTile) outputs")
    let g = geometry
    guard
      let rows = WinogradAxis(
        inputs: g.inputHeight, outputs: g.outputHeight, kernel: g.kernelHeight, stride: g.stride,
        padding: g.paddingTop, largestTile: largestTile),
      let columns = WinogradAxis(
        inputs: g.inputWidth, outputs: g.outputWidth, kernel: g.kernelWidth, stride: g.stride,
        padding: g.paddingLeft, largestTile: largestTile)
    else { return nil }
    self.geometry = geometry
    self.rows = rows
    self.columns = columns
    phases = rows.phases.flatMap { row in columns.phases.map { (row, $0) } }
    inputPanels = (g.inputChannels + 15) / 16
    outputPanels = (g.outputChannels + 15) / 16
    var points: [Point] = []
    var firstPanels: [Int] = []
    var (inputOffset, outputOffset, filterOffset, transposedOffset) = (0, 0, 0, 0)
    for i in 0..<rows.points {
      for j in 0..<columns.points {
        var point = Point(
          tileRows: rows.tileCount(usingPoint: i), tileColumns: columns.tileCount(usingPoint: j),
          panels: 0, inputOffset: inputOffset, outputOffset: outputOffset,
          filterOffset: filterOffset, transposedOffset: transposedOffset)
        for phase in phases {
          let isUsed = rows.uses(phase.row, point: i) && columns.uses(phase.column, point: j)
          firstPanels.append(isUsed ? point.panels : -1)
          if isUsed { point.panels += inputPanels }
        }
        inputOffset += point.tiles * point.panels * 16
        outputOffset += point.tiles * outputPanels * 16
        filterOffset += point.panels * g.outputChannels * 16 + Self.skew
        transposedOffset += point.panels * outputPanels * 256 + Self.skew
        points.append(point)
      }
    }
    self.points = AlignedArray(count: points.count)
    _ = self.points.buffer.update(fromContentsOf: points)
    self.firstPanels = AlignedArray(count: firstPanels.count)
    _ = self.firstPanels.buffer.update(fromContentsOf: firstPanels)
    inputCount = inputOffset
    outputCount = outputOffset
    transformedFilterCount = filterOffset
    transposedFilterCount = transposedOffset
  }

  /// Multiplications of any of the products, an image, padding of channels included.
  package var multiplications: Int {
    points.buffer.reduce(0) { $0 + $1.tiles * $1.panels * 16 * geometry.outputChannels }
  }

  /// Images whose V and M are in memory at a time.
  func pieceImages(_ limit: Int) -> Int { max(1, limit / (inputCount + outputCount)) }

  /// Values between the matrices of neighbouring points, so that the 25 places a transform writes to
  /// do not fall on one set of the cache.
  static let skew = 16

  /// Scratch values that a product needs for one piece of `limit` values, besides those of a filter.
  private func scratchCount(limit: Int) -> Int {
    pieceImages(limit) * (inputCount + outputCount) + 2 * points.count * Self.skew
  }

  /// Panels of input channels whose transformed gradient is made at a time: as many as the product
  /// computes together.
  static let gradientPanels = VectorLevel.usesAVX512 ? 4 : 1

  /// Values of these panels' transformed gradient; or of what lies outside of the image.
  private var filterScratchCount: Int {
    max(
      points.count * (Self.gradientPanels * geometry.outputChannels * 16 + Self.skew),
      inputPanels * 16)
  }

  /// Scratch values that any of the passes needs.
  package var scratchCount: Int {
    WinogradTables.workCount + filterScratchCount
      + scratchCount(limit: Self.largestPieceCount)
  }

  /// Where the parts of a pass's scratch are.
  struct Workspace {
    let work: UnsafeMutablePointer<Float>
    let filter: UnsafeMutablePointer<Float>
    /// V and M of a piece.
    let input: UnsafeMutablePointer<Float>
    let output: UnsafeMutablePointer<Float>
  }

  func workspace(_ scratch: MutableFloatBuffer, pieceImages: Int) -> Workspace {
    precondition(
      scratch.count >= scratchCount, "scratch has \(scratch.count) values, expected \(scratchCount)"
    )
    // `scratchCount` is not 0.
    let start = scratch.baseAddress.unsafelyUnwrapped
    let filter = start + WinogradTables.workCount
    let input = filter + filterScratchCount
    return Workspace(
      work: start, filter: filter, input: input,
      output: input + pieceImages * inputCount + points.count * Self.skew)
  }
}
