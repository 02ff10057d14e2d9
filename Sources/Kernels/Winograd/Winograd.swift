import Base
import KernelLayouts

/// Winograd's minimal filtering for the three products of a convolution, strided ones included.
///
/// Lavin and Gray 2016, arXiv:1509.09308, after Winograd 1980. A stride-2 convolution is a sum of
/// stride-1 convolutions over the four phases of its input (`WinogradAxis`), and m outputs of an
/// r-tap filter need m + r - 1 products instead of m r:
///
///     y = V_m^T ( (V_r w) . (V_n^-T x) ),   n = m + r - 1
///
/// with V_k the Vandermonde matrix of k powers at the points infinity, 1/2, -1/2, 3/2, -3/2, 0, 1,
/// -1. In two dimensions each matrix works on rows and columns, and the products at one point of
/// all tiles, all channels and all phases form a matrix product: for a 4x4 kernel of stride 2 and
/// tiles of 4x4 outputs 25 of them, with 100 multiplications a channel pair and tile instead of
/// 256.
///
/// **Where no product is cut off** at the image's borders, the transpose of that does with fewer: a
/// product of polynomials (Toom 1963, Cook 1966). Of a 3x3 kernel of stride 2 on 7x7 inputs, padded
/// by 1, the outer two taps of a row meet three inputs in four outputs, which are all four
/// coefficients of
///
///     y = V_n^-1 ( (V_r w) . (V_m x) ),   n = m + r - 1 outputs
///
/// and the middle tap four. All phases have the 4 x 4 points of the outputs: 64 products where
/// filtering takes 81, M has 16 values instead of 25. Outputs and inputs change places in all
/// transforms (`WinogradForm`).
///
/// **Points are nested**: the first n of them serve every tile and every phase of n points, and no
/// matrix is scaled by point, so the transformed filter is the same for all tiles and the phases
/// add up before the output transform. A 7x7 output is cut 4 + 3, with 9 x 9 products instead of 10
/// x 10, and a 3x3 kernel of stride 2 (phases of 2 and 1 taps) takes 81 instead of 144 for tiles of
/// 4.
///
/// **One transformed filter** serves `forward` and `inputGradient`, which is its exact transpose,
/// and the second-order pass with them; `filterGradient` transposes the filter's transform.
///
/// Errors: interpolation amplifies rounding. Among symmetric points these have the smallest errors
/// for tiles of 4 and two taps: with normally distributed values half of those of 0, 1, -1, 2 and
/// infinity, twice those of im2col, and the worst 2.5e-6 of the largest output (4e-6 with three
/// taps; im2col 3e-7). Tiles of 6 and three taps, with 64 products for 36 outputs instead of 81,
/// have five times the error of tiles of 4: 1.5e-5 of the largest output.
///
/// A result's bits depend on the geometry only, not on the number of images in a call.
///
/// Memory: matrices lie in panels of 16 columns, [panel][row][16], the layout that the products
/// (`PanelProduct`) read as either operand. V: transformed inputs, rows tiles, columns channels, of
/// one *slice* at a time: up to 128 channels of a phase. M: transformed outputs, rows tiles,
/// columns output channels. U: transformed filters, slice after slice, rows output channels,
/// columns as V. So what is written and read again at once, V of a slice and M of some images,
/// stays in the second-level cache, while every value of U is read once for all of these images.
package final class Winograd: Sendable {
  /// Values of V and M together that are worked on at a time: 1 MiB, which stays in the
  /// second-level cache beside the images.
  static let pieceCount = 256 * 1024
  /// Values of V and M together for the filter gradient, which transforms a filter for every piece:
  /// 4 MiB.
  static let largestPieceCount = 1024 * 1024
  /// Panels of input channels of a slice, at most.
  static let slicePanels = 8

  /// A point of the plane: where its matrices lie.
  struct Point: Sendable, BitwiseCopyable {
    /// Tiles of an image that need it: rows x columns.
    var tileRows: Int
    var tileColumns: Int
    /// First value in M, of one image.
    var outputOffset: Int
    var tiles: Int { tileRows * tileColumns }
  }

  /// Input channels of one phase that are transformed and multiplied together.
  struct Slice: Sendable, BitwiseCopyable {
    var phase: Int
    var firstPanel: Int
    var panels: Int
  }

  /// A slice at a point.
  struct Part: Sendable, BitwiseCopyable {
    /// Whether some tile of the slice's phase needs the point.
    var isUsed: Bool
    /// First value in V, of one image.
    var inputOffset: Int
    /// First value in U: [panel][output channel][16].
    var filterOffset: Int
    /// First value in the transposed U: [panel of output channels][input channel][16].
    var transposedOffset: Int
  }

  package let geometry: ConvolutionGeometry
  package let form: WinogradForm
  let rows: WinogradAxis
  let columns: WinogradAxis
  /// Row by row: `columns.points` to a row.
  let points: AlignedArray<Point>
  /// Pairs of a row phase and a column phase.
  let phases: [(row: WinogradAxis.Phase, column: WinogradAxis.Phase)]
  /// Tiles of a row whose addresses lie at equal distances: for each phase, and of the outputs.
  let inputRuns: [[Range<Int>]]
  let outputRuns: [Range<Int>]
  let slices: [Slice]
  /// Slice by slice, `points.count` to a slice.
  let parts: AlignedArray<Part>
  let inputPanels: Int
  let outputPanels: Int
  /// Values of V of the largest slice and of M, an image.
  let inputCount: Int
  let outputCount: Int
  /// Values of V of all slices, an image.
  let wholeInputCount: Int
  /// Values of U.
  package let transformedFilterCount: Int
  /// Values of U transposed.
  package let transposedFilterCount: Int

  /// - Returns: nil for a kernel or an image that the form is not written for: volumes, and strides
  ///   that are not the same in both directions, among them.
  package init?(
    _ geometry: ConvolutionGeometry, form: WinogradForm = .filtering(largestTile: 4)
  ) {
    if case .filtering(let largestTile) = form {
      precondition([1, 2, 3, 4, 6].contains(largestTile), "tiles of \(largestTile) outputs")
    }
    let g = geometry
    guard g.isFlat, g.rows.stride == g.columns.stride,
      let rows = WinogradAxis(
        inputs: g.inputHeight, outputs: g.outputHeight, kernel: g.kernelHeight,
        stride: g.rows.stride, padding: g.paddingTop, form: form),
      let columns = WinogradAxis(
        inputs: g.inputWidth, outputs: g.outputWidth, kernel: g.kernelWidth,
        stride: g.columns.stride, padding: g.paddingLeft, form: form)
    else { return nil }
    self.geometry = geometry
    self.form = form
    self.rows = rows
    self.columns = columns
    phases = rows.phases.flatMap { row in columns.phases.map { (row, $0) } }
    inputRuns = phases.map { columns.runs($0.column) }
    outputRuns = columns.runs
    inputPanels = (g.inputChannels + 15) / 16
    outputPanels = (g.outputChannels + 15) / 16
    var points: [Point] = []
    var outputOffset = 0
    for i in 0..<rows.points {
      for j in 0..<columns.points {
        let point = Point(
          tileRows: rows.tileCount(usingPoint: i), tileColumns: columns.tileCount(usingPoint: j),
          outputOffset: outputOffset)
        outputOffset += point.tiles * outputPanels * 16
        points.append(point)
      }
    }
    slices = phases.indices.flatMap { [inputPanels] phase in
      stride(from: 0, to: inputPanels, by: Self.slicePanels).map {
        Slice(phase: phase, firstPanel: $0, panels: min(Self.slicePanels, inputPanels - $0))
      }
    }
    var parts: [Part] = []
    var (wholeInputCount, largestInputCount, filterOffset, transposedOffset) = (0, 0, 0, 0)
    for slice in slices {
      let phase = phases[slice.phase]
      var inputOffset = 0
      for (index, point) in points.enumerated() {
        let (i, j) = index.quotientAndRemainder(dividingBy: columns.points)
        let isUsed = rows.uses(phase.row, point: i) && columns.uses(phase.column, point: j)
        parts.append(
          Part(
            isUsed: isUsed, inputOffset: inputOffset, filterOffset: filterOffset,
            transposedOffset: transposedOffset))
        guard isUsed else { continue }
        inputOffset += point.tiles * slice.panels * 16
        filterOffset += slice.panels * g.outputChannels * 16 + Self.skew
        transposedOffset += slice.panels * outputPanels * 256 + Self.skew
      }
      wholeInputCount += inputOffset
      largestInputCount = max(largestInputCount, inputOffset)
    }
    self.points = AlignedArray(count: points.count)
    _ = self.points.buffer.update(fromContentsOf: points)
    self.parts = AlignedArray(count: parts.count)
    _ = self.parts.buffer.update(fromContentsOf: parts)
    inputCount = largestInputCount
    outputCount = outputOffset
    self.wholeInputCount = wholeInputCount
    transformedFilterCount = filterOffset
    transposedFilterCount = transposedOffset
  }

  /// Tiles of an image.
  package var tiles: Int { rows.tiles.count * columns.tiles.count }

  /// Multiplications of any of the products, an image, padding of channels included.
  package var multiplications: Int { wholeInputCount * geometry.outputChannels }

  /// Images whose V and M are in memory at a time.
  ///
  /// - Parameters:
  ///   - limit: Values of V and M together that may be in memory.
  ///   - outputs: Number of matrices M, 1 or 2.
  /// - Returns: The number of images, at least 1.
  func pieceImages(_ limit: Int, outputs: Int) -> Int {
    max(1, limit / (inputCount + outputs * outputCount))
  }

  /// Values between the matrices of neighbouring points, so that the 25 to 64 places a transform
  /// writes to do not fall on one set of the cache.
  static let skew = 16

  /// Panels of input channels whose transformed gradient is made at a time: as many as the product
  /// computes together.
  static let gradientPanels = VectorLevel.usesAVX512 ? 4 : 1
  /// Output channels of it: what the products write and the transform reads is 400 KiB with 25
  /// points, 1 MiB with 64.
  static let gradientChannels = 64

  /// Values of a transformed gradient in progress; or of what lies outside of the image.
  private var filterScratchCount: Int {
    max(
      points.count * (Self.gradientPanels * Self.gradientChannels * 16 + Self.skew),
      inputPanels * 16)
  }

  /// Scratch values that any of the passes needs.
  package var scratchCount: Int {
    func piece(outputs: Int) -> Int {
      pieceImages(Self.largestPieceCount, outputs: outputs) * (inputCount + outputs * outputCount)
    }
    return WinogradTables.workCount + filterScratchCount
      + max(piece(outputs: 1), piece(outputs: 2)) + 3 * points.count * Self.skew
  }

  /// Where the parts of a pass's scratch are.
  struct Workspace {
    let work: UnsafeMutablePointer<Float>
    let filter: UnsafeMutablePointer<Float>
    /// V of a slice and M, of a piece.
    let input: UnsafeMutablePointer<Float>
    let output: UnsafeMutablePointer<Float>
    /// A second M.
    let result: UnsafeMutablePointer<Float>
  }

  func workspace(_ scratch: MutableFloatBuffer, pieceImages: Int) -> Workspace {
    precondition(
      scratch.count >= scratchCount, "scratch has \(scratch.count) values, expected \(scratchCount)"
    )
    // `scratchCount` is not 0.
    let start = scratch.start
    let filter = start + WinogradTables.workCount
    let input = filter + filterScratchCount
    let output = input + pieceImages * inputCount + points.count * Self.skew
    return Workspace(
      work: start, filter: filter, input: input, output: output,
      result: output + pieceImages * outputCount + points.count * Self.skew)
  }
}
