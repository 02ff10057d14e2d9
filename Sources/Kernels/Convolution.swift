import Foundation

/// The three products of a convolution, channels last.
///
/// Each one's derivatives are the other two, and a transposed convolution is the same three with
/// the roles of input and output exchanged:
///
/// | | convolution | transposed convolution |
/// |---|---|---|
/// | forward | `forward` | `inputGradient` |
/// | gradient of the input | `inputGradient` | `forward` |
/// | gradient of the filter | `filterGradient` | `filterGradient`, arguments exchanged |
///
/// Shapes: N images, x N x H x W x C, y N x P x Q x K, filter w K x R x S x C (R, S the kernel's
/// height and width): PyTorch's OIHW with the input channels last. With the patch matrix X of x
/// (one row of R S C values for every output pixel, zeros outside the image) they are
///
///     y = X w^T,  dX = dy w,  dw = dy^T X
///
/// The patch matrix is made in pieces of about `pieceCount` values. A piece's size depends on the
/// geometry only, so equal shards give equal bits.
package enum Convolution {
  /// Values of one piece of the patch matrix: 2 MiB.
  ///
  /// OpenBLAS packs the filter anew for every piece, so pieces should be large; larger ones than the
  /// second-level cache cost little, because it packs the piece too. Measured on the Fashion-MNIST
  /// system, 2 ranks, fastest iterations: 1.99 s with 0.5 MiB, 2.02 with 1, 1.91 with 2, 1.99 with 4.
  static let pieceCount = 512 * 1024

  /// Output pixels of one piece.
  static func piecePixels(_ geometry: ConvolutionGeometry) -> Int {
    max(32, pieceCount / geometry.patchCount)
  }

  /// Scratch values that the products need: one piece.
  package static func scratchCount(_ geometry: ConvolutionGeometry) -> Int {
    geometry.patchesAreInput ? 0 : piecePixels(geometry) * geometry.patchCount
  }

  /// y = conv(x, w) + bias; overwrites y.
  ///
  /// `bias`: K values, or nil for none.
  package static func forward(
    _ geometry: ConvolutionGeometry, images: Int, input x: FloatBuffer, filter w: FloatBuffer,
    bias: FloatBuffer?, output y: MutableFloatBuffer, scratch: MutableFloatBuffer
  ) {
    checkCounts(geometry, images, x.count, w.count, y.count, scratch.count)
    guard images > 0, let x = x.baseAddress, let w = w.baseAddress, let y = y.baseAddress else {
      return
    }
    let channels = geometry.outputChannels
    if let bias {
      precondition(bias.count == channels, "bias has \(bias.count) values, expected \(channels)")
      Elementwise.fillRows(y, rows: images * geometry.outputPixels, with: bias)
    }
    forEachPiece(geometry, images, scratch) { pixels, piece in
      let patches = gathered(geometry, x, pixels, piece)
      Matrix.multiply(
        rows: pixels.count, columns: channels, inner: geometry.patchCount, patches, w,
        transposeB: true, into: y + pixels.lowerBound * channels, accumulate: bias != nil)
    }
  }

  /// dx = the gradient of <dy, conv(x, w)> with respect to x; overwrites dx.
  package static func inputGradient(
    _ geometry: ConvolutionGeometry, images: Int, outputGradient dy: FloatBuffer,
    filter w: FloatBuffer, inputGradient dx: MutableFloatBuffer, scratch: MutableFloatBuffer
  ) {
    checkCounts(geometry, images, dx.count, w.count, dy.count, scratch.count)
    guard images > 0, let dx = dx.baseAddress, let w = w.baseAddress, let dy = dy.baseAddress else {
      return
    }
    let channels = geometry.outputChannels
    if !geometry.patchesAreInput {
      dx.update(repeating: 0, count: images * geometry.inputCount)
    }
    forEachPiece(geometry, images, scratch) { pixels, piece in
      let target =
        geometry.patchesAreInput ? dx + pixels.lowerBound * geometry.patchCount : piece
      Matrix.multiply(
        rows: pixels.count, columns: geometry.patchCount, inner: channels,
        dy + pixels.lowerBound * channels, w, into: target)
      if !geometry.patchesAreInput { scatterAdd(geometry, piece, pixels, to: dx) }
    }
  }

  /// dw += the gradient of <dy, conv(x, w)> with respect to w.
  package static func filterGradient(
    _ geometry: ConvolutionGeometry, images: Int, input x: FloatBuffer,
    outputGradient dy: FloatBuffer, filterGradient dw: MutableFloatBuffer,
    scratch: MutableFloatBuffer
  ) {
    checkCounts(geometry, images, x.count, dw.count, dy.count, scratch.count)
    guard images > 0, let x = x.baseAddress, let dw = dw.baseAddress, let dy = dy.baseAddress else {
      return
    }
    let channels = geometry.outputChannels
    forEachPiece(geometry, images, scratch) { pixels, piece in
      let patches = gathered(geometry, x, pixels, piece)
      Matrix.multiply(
        rows: channels, columns: geometry.patchCount, inner: pixels.count,
        dy + pixels.lowerBound * channels, transposeA: true, patches, into: dw, accumulate: true)
    }
  }

  // MARK: - Pieces

  @inline(__always)
  private static func forEachPiece(
    _ geometry: ConvolutionGeometry, _ images: Int, _ scratch: MutableFloatBuffer,
    _ body: (_ pixels: Range<Int>, _ piece: UnsafeMutablePointer<Float>) -> Void
  ) {
    let total = images * geometry.outputPixels
    let step = geometry.patchesAreInput ? total : piecePixels(geometry)
    // Never read where patches are the input: any address will do then.
    let piece = scratch.baseAddress ?? UnsafeMutablePointer(bitPattern: 64).unsafelyUnwrapped
    var first = 0
    while first < total {
      let next = min(first + step, total)
      body(first..<next, piece)
      first = next
    }
  }

  @inline(__always)
  private static func gathered(
    _ geometry: ConvolutionGeometry, _ x: UnsafePointer<Float>, _ pixels: Range<Int>,
    _ piece: UnsafeMutablePointer<Float>
  ) -> UnsafePointer<Float> {
    if geometry.patchesAreInput { return x + pixels.lowerBound * geometry.patchCount }
    gather(geometry, x, pixels, into: piece)
    return UnsafePointer(piece)
  }

  /// Calls `body` for every kernel row of every pixel with: its row's place in the patch matrix,
  /// the place in the image of the first value inside it (nil: the whole row is outside), the
  /// values to the left of the image, and those inside.
  @inline(__always)
  private static func forEachKernelRow(
    _ geometry: ConvolutionGeometry, _ pixels: Range<Int>,
    _ body: (_ patchOffset: Int, _ imageOffset: Int?, _ left: Int, _ inside: Int) -> Void
  ) {
    let g = geometry
    let rowCount = g.kernelWidth * g.inputChannels
    var image = pixels.lowerBound / g.outputPixels
    let inImage = pixels.lowerBound - image * g.outputPixels
    var row = inImage / g.outputWidth
    var column = inImage - row * g.outputWidth
    var patchOffset = 0
    for _ in pixels {
      let top = row * g.stride - g.paddingTop
      let left = column * g.stride - g.paddingLeft
      let firstInside = max(0, -left)
      let lastInside = min(g.kernelWidth, g.inputWidth - left)
      let inside = max(0, lastInside - firstInside) * g.inputChannels
      for kernelRow in 0..<g.kernelHeight {
        let y = top + kernelRow
        let isInside = y >= 0 && y < g.inputHeight && inside > 0
        let imageOffset =
          ((image * g.inputHeight + y) * g.inputWidth + left + firstInside) * g.inputChannels
        body(
          patchOffset, isInside ? imageOffset : nil, firstInside * g.inputChannels, inside)
        patchOffset += rowCount
      }
      column += 1
      if column == g.outputWidth {
        column = 0
        row += 1
        if row == g.outputHeight {
          row = 0
          image += 1
        }
      }
    }
  }

  /// Overwrites `piece` with the patch matrix's rows of `pixels` (im2col).
  private static func gather(
    _ geometry: ConvolutionGeometry, _ x: UnsafePointer<Float>, _ pixels: Range<Int>,
    into piece: UnsafeMutablePointer<Float>
  ) {
    let rowCount = geometry.kernelWidth * geometry.inputChannels
    forEachKernelRow(geometry, pixels) { patchOffset, imageOffset, left, inside in
      let target = piece + patchOffset
      guard let imageOffset else {
        target.update(repeating: 0, count: rowCount)
        return
      }
      if left > 0 { target.update(repeating: 0, count: left) }
      copy(x + imageOffset, to: target + left, count: inside)
      let right = rowCount - left - inside
      if right > 0 { (target + left + inside).update(repeating: 0, count: right) }
    }
  }

  /// Adds the patch matrix's rows of `pixels` to the images they were cut from (col2im).
  private static func scatterAdd(
    _ geometry: ConvolutionGeometry, _ piece: UnsafePointer<Float>, _ pixels: Range<Int>,
    to dx: UnsafeMutablePointer<Float>
  ) {
    forEachKernelRow(geometry, pixels) { patchOffset, imageOffset, left, inside in
      guard let imageOffset else { return }
      add(piece + patchOffset + left, to: dx + imageOffset, count: inside)
    }
  }

  /// A call of memcpy costs more than the few lanes that a kernel row often is.
  @inline(__always)
  private static func copy(
    _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int
  ) {
    if count >= 256 {
      target.update(from: source, count: count)
      return
    }
    var index = 0
    while index + 8 <= count {
      target.setLanes(index, source.lanes(index))
      index += 8
    }
    while index < count {
      target[index] = source[index]
      index += 1
    }
  }

  @inline(__always)
  private static func add(
    _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int
  ) {
    var index = 0
    while index + 8 <= count {
      target.setLanes(index, target.lanes(index) + source.lanes(index))
      index += 8
    }
    while index < count {
      target[index] += source[index]
      index += 1
    }
  }

  private static func checkCounts(
    _ g: ConvolutionGeometry, _ images: Int, _ x: Int, _ w: Int, _ y: Int, _ scratch: Int
  ) {
    precondition(
      x >= images * g.inputCount, "input side has \(x) values, expected \(images * g.inputCount)")
    precondition(w == g.filterCount, "filter has \(w) values, expected \(g.filterCount)")
    precondition(
      y >= images * g.outputCount, "output side has \(y) values, expected \(images * g.outputCount)"
    )
    precondition(
      scratch >= scratchCount(g), "scratch has \(scratch) values, expected \(scratchCount(g))")
  }
}
