import Base
import KernelLayouts

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
/// height and width): PyTorch's OIHW with the input channels last. Volumes have a depth in front of
/// the height. With the patch matrix X of x (one row of R S C values for every output pixel, zeros
/// outside the image) they are
///
///     y = X w^T,  dX = dy w,  dw = dy^T X
///
/// The patch matrix is made in pieces, in the panels of 16 columns (`Panels`) that the products
/// read as either operand: the same piece serves the forward pass and the filter gradient. A
/// result's bits depend on the geometry only.
package enum Convolution {
  /// Values of a piece of patches and gradients for `forward` and `inputGradient`: 1 MiB, which
  /// stays in the second-level cache.
  static let pieceCount = 256 * 1024
  /// Output pixels of a piece for `filterGradient`, at least: fewer would read and write the
  /// filter's gradient too often.
  static let fewestGradientPixels = 256

  /// Values of a pixel's patch and of its output, in panels.
  private static func pixelCount(_ g: ConvolutionGeometry) -> (patch: Int, output: Int) {
    (16 * Panels.panels(g.patchCount), 16 * Panels.panels(g.outputChannels))
  }

  /// Output pixels of one piece.
  package static func piecePixels(_ geometry: ConvolutionGeometry) -> Int {
    let count = pixelCount(geometry)
    return max(48, pieceCount / (count.patch + count.output))
  }

  private static func gradientPixels(_ geometry: ConvolutionGeometry) -> Int {
    max(fewestGradientPixels, piecePixels(geometry))
  }

  /// Scratch values that the products need: one piece, and with short patches the gradient of a
  /// filter and a padded image.
  package static func scratchCount(_ geometry: ConvolutionGeometry) -> Int {
    let count = pixelCount(geometry)
    return gradientPixels(geometry) * (count.patch + count.output)
      + (hasShortPatches(geometry) ? transposedCount(geometry) : 0) + paddedCount(geometry)
  }

  /// Whether a patch has at most half as many values as there are output channels, as with images
  /// of one or three channels.
  ///
  /// Then the filter gradient is computed transposed, with the output channels as vectors.
  private static func hasShortPatches(_ g: ConvolutionGeometry) -> Bool {
    2 * g.patchCount <= g.outputChannels
  }

  /// Values of a packed filter: what `inputGradient` takes.
  package static func packedCount(_ g: ConvolutionGeometry) -> Int {
    Panels.count(rows: g.outputChannels, columns: g.patchCount)
  }

  /// Values of a transposed filter: what `forward` takes.
  package static func transposedCount(_ g: ConvolutionGeometry) -> Int {
    Panels.count(rows: g.patchCount, columns: g.outputChannels)
  }

  /// The filter's rows `channels` in panels.
  package static func packFilter(
    _ g: ConvolutionGeometry, _ w: FloatBuffer, into packed: MutableFloatBuffer,
    channels: Range<Int>
  ) {
    precondition(
      w.count == g.filterCount && packed.count >= packedCount(g),
      "\(w.count) values into \(packed.count), expected \(g.filterCount) into \(packedCount(g))")
    guard let w = w.baseAddress, let packed = packed.baseAddress else { return }
    Panels.pack(
      rows: g.outputChannels, columns: g.patchCount, w, into: packed, range: channels)
  }

  /// Writes the packed filter with outputs side by side instead of patch values.
  ///
  /// Threads divide the work: each makes `part` of `parts`.
  package static func transposeFilter(
    _ g: ConvolutionGeometry, _ packed: FloatBuffer, into transposed: MutableFloatBuffer,
    part: Int = 0, of parts: Int = 1
  ) {
    precondition(
      packed.count >= packedCount(g) && transposed.count >= transposedCount(g),
      "\(packed.count) values into \(transposed.count), expected \(packedCount(g)) into "
        + "\(transposedCount(g))")
    guard let packed = packed.baseAddress, let transposed = transposed.baseAddress else { return }
    Panels.transpose(
      rows: g.outputChannels, columns: g.patchCount, .panels(packed, rows: g.outputChannels),
      into: transposed, part: part, of: parts)
  }

  /// y = conv(x, w) + bias, from the transposed filter; overwrites y.
  ///
  /// `bias` has a value an output channel, or is nil for none.
  package static func forward(
    _ geometry: ConvolutionGeometry, images: Int, input x: FloatBuffer,
    transposedFilter w: FloatBuffer, bias: FloatBuffer?, output y: MutableFloatBuffer,
    scratch: MutableFloatBuffer
  ) {
    let channels = geometry.outputChannels
    checkCounts(geometry, images, x.count, y.count, scratch.count)
    check(w.count, transposedCount(geometry))
    if let bias {
      precondition(bias.count == channels, "bias has \(bias.count) values, expected \(channels)")
    }
    guard images > 0, let x = x.baseAddress, let w = w.baseAddress, let y = y.baseAddress else {
      return
    }
    forEachPiece(geometry, images, piecePixels(geometry), scratch) { pixels, patches, _ in
      let inner = geometry.patchCount
      let factor: Panels.Factor
      if geometry.patchesAreInput {
        factor = .matrix(x + pixels.lowerBound * inner, columns: inner)
      } else {
        gather(geometry, x, pixels, into: patches, scratch)
        factor = .panels(patches, rows: pixels.count)
      }
      let target = y + pixels.lowerBound * channels
      Panels.multiply(
        rows: pixels.count, columns: channels, inner: inner, factor, .panels(w, rows: inner),
        adding: bias?.baseAddress.map { .row($0) } ?? .nothing, into: target)
    }
  }

  /// dx = the gradient of <dy, conv(x, w)> with respect to x, from the packed filter; overwrites
  /// dx.
  package static func inputGradient(
    _ geometry: ConvolutionGeometry, images: Int, outputGradient dy: FloatBuffer,
    packedFilter w: FloatBuffer, inputGradient dx: MutableFloatBuffer, scratch: MutableFloatBuffer
  ) {
    let channels = geometry.outputChannels
    checkCounts(geometry, images, dx.count, dy.count, scratch.count)
    check(w.count, packedCount(geometry))
    guard images > 0, let dx = dx.baseAddress, let w = w.baseAddress, let dy = dy.baseAddress else {
      return
    }
    if !geometry.patchesAreInput {
      dx.update(repeating: 0, count: images * geometry.inputCount)
    }
    forEachPiece(geometry, images, piecePixels(geometry), scratch) { pixels, patches, _ in
      let dy = dy + pixels.lowerBound * channels
      if geometry.patchesAreInput {
        Panels.multiply(
          rows: pixels.count, columns: geometry.patchCount, inner: channels,
          .matrix(dy, columns: channels), .panels(w, rows: channels), adding: .nothing,
          into: dx + pixels.lowerBound * geometry.patchCount)
        return
      }
      PanelProduct.multiply(
        .init(
          rows: pixels.count, steps: channels, panels: Panels.panels(geometry.patchCount),
          aPanel: 16, bPanel: channels * 16, cRow: 16, cPanel: pixels.count * 16, aRow: channels),
        dy, w, into: patches)
      scatterAdd(geometry, patches, pixels, to: dx)
    }
  }

  /// dw = the gradient of <dy, conv(x, w)> with respect to w, or dw += it where `accumulates`.
  package static func filterGradient(
    _ geometry: ConvolutionGeometry, images: Int, input x: FloatBuffer,
    outputGradient dy: FloatBuffer, accumulates: Bool = true,
    filterGradient dw: MutableFloatBuffer, scratch: MutableFloatBuffer
  ) {
    let channels = geometry.outputChannels
    checkCounts(geometry, images, x.count, dy.count, scratch.count)
    check(dw.count, geometry.filterCount)
    guard images > 0, let x = x.baseAddress, let dw = dw.baseAddress, let dy = dy.baseAddress else {
      if !accumulates { dw.update(repeating: 0) }
      return
    }
    if hasShortPatches(geometry) {
      shortFilterGradient(
        geometry, images: images, x, dy, accumulates: accumulates, dw, scratch)
      return
    }
    forEachPiece(geometry, images, gradientPixels(geometry), scratch) { pixels, patches, _ in
      gather(geometry, x, pixels, into: patches, scratch)
      Panels.multiplyTransposed(
        rows: channels, columns: geometry.patchCount, inner: pixels.count,
        dy + pixels.lowerBound * channels, patches,
        adding: accumulates || pixels.lowerBound > 0 ? .result : .nothing, into: dw)
    }
  }

  /// dw^T = X^T dy, in panels of output channels, and then dw.
  private static func shortFilterGradient(
    _ geometry: ConvolutionGeometry, images: Int, _ x: UnsafePointer<Float>,
    _ dy: UnsafePointer<Float>, accumulates: Bool, _ dw: UnsafeMutablePointer<Float>,
    _ scratch: MutableFloatBuffer
  ) {
    let (channels, patch) = (geometry.outputChannels, geometry.patchCount)
    let most = gradientPixels(geometry)
    let count = pixelCount(geometry)
    // `scratchCount` is not 0.
    let sums = scratch.start + most * (count.patch + count.output)
    forEachPiece(geometry, images, most, scratch) { pixels, patches, gradients in
      gather(geometry, x, pixels, into: patches, scratch)
      Panels.pack(
        rows: pixels.count, columns: channels, dy + pixels.lowerBound * channels, into: gradients)
      Panels.multiplyTransposed(
        rows: patch, panels: count.output / 16, inner: pixels.count, patches, gradients,
        accumulates: pixels.lowerBound > 0, into: sums)
    }
    for channel in 0..<channels {
      let from = sums + channel / 16 * patch * 16 + channel % 16
      let to = dw + channel * patch
      for value in 0..<patch {
        to[value] = accumulates ? to[value] + from[value * 16] : from[value * 16]
      }
    }
  }

  // MARK: - Pieces

  /// Calls `body` for pieces of up to `most` pixels, with the scratch of patches and of outputs.
  @inline(__always)
  private static func forEachPiece(
    _ geometry: ConvolutionGeometry, _ images: Int, _ most: Int, _ scratch: MutableFloatBuffer,
    _ body: (
      _ pixels: Range<Int>, _ patches: UnsafeMutablePointer<Float>,
      _ outputs: UnsafeMutablePointer<Float>
    ) -> Void
  ) {
    let total = images * geometry.outputPixels
    // Pieces of equal size. `scratchCount` is not 0.
    let pieces = (total + most - 1) / most
    let step = (total + pieces - 1) / pieces
    let patches = scratch.start
    let outputs = patches + most * pixelCount(geometry).patch
    var first = 0
    while first < total {
      let next = min(first + step, total)
      body(first..<next, patches, outputs)
      first = next
    }
  }

  /// Calls `body` for every kernel row of every pixel with: the pixel's number in the piece, the
  /// first of its values in the patch, the place in the image of the first value inside it (nil:
  /// the whole row is outside), the values to the left of the image, and those inside.
  ///
  /// A kernel of several planes is as many flat ones: one after the other over all pixels, so that
  /// a picture's rows know of no depth.
  @inline(__always)
  private static func forEachKernelRow(
    _ geometry: ConvolutionGeometry, _ pixels: Range<Int>,
    _ body: (
      _ pixel: Int, _ patchOffset: Int, _ imageOffset: Int?, _ left: Int, _ inside: Int
    ) -> Void
  ) {
    let g = geometry
    let rowCount = g.kernelWidth * g.inputChannels
    let firstLine = pixels.lowerBound / g.outputWidth
    let firstPlane = firstLine / g.outputHeight
    for kernelPlane in 0..<g.kernelDepth {
      var plane = firstPlane
      var row = firstLine - plane * g.outputHeight
      var column = pixels.lowerBound - firstLine * g.outputWidth
      var inputPlane = inputPlane(g, of: plane, kernelPlane)
      for pixel in 0..<pixels.count {
        var patchOffset = kernelPlane * g.kernelHeight * rowCount
        let top = row * g.rows.stride - g.rows.before
        let left = column * g.columns.stride - g.columns.before
        let firstInside = max(0, -left)
        let lastInside = min(g.kernelWidth, g.inputWidth - left)
        let inside =
          inputPlane < 0 ? 0 : max(0, lastInside - firstInside) * g.inputChannels
        for kernelRow in 0..<g.kernelHeight {
          let y = top + kernelRow
          let isInside = y >= 0 && y < g.inputHeight && inside > 0
          let imageOffset =
            ((inputPlane * g.inputHeight + y) * g.inputWidth + left + firstInside)
            * g.inputChannels
          body(
            pixel, patchOffset, isInside ? imageOffset : nil, firstInside * g.inputChannels, inside)
          patchOffset += rowCount
        }
        column += 1
        if column == g.outputWidth {
          column = 0
          row += 1
          if row == g.outputHeight {
            row = 0
            plane += 1
            inputPlane = self.inputPlane(g, of: plane, kernelPlane)
          }
        }
      }
    }
  }

  /// The plane of all images' that a kernel's plane meets at a plane of the outputs; below 0 where
  /// it lies in the padding.
  @inline(__always)
  private static func inputPlane(
    _ g: ConvolutionGeometry, of outputPlane: Int, _ kernelPlane: Int
  ) -> Int {
    let (image, place) = outputPlane.quotientAndRemainder(dividingBy: g.outputDepth)
    let plane = place * g.depth.stride - g.depth.before + kernelPlane
    return plane >= 0 && plane < g.inputDepth ? image * g.inputDepth + plane : -1
  }

  /// Overwrites `piece` with the patch matrix's rows of `pixels` (im2col), in panels; what a last
  /// panel has beyond the patch has no meaning.
  ///
  /// `scratch` is the product's; an image padded for short patches lies at its end.
  private static func gather(
    _ geometry: ConvolutionGeometry, _ x: UnsafePointer<Float>, _ pixels: Range<Int>,
    into piece: UnsafeMutablePointer<Float>, _ scratch: MutableFloatBuffer
  ) {
    if geometry.patchesAreInput {
      Panels.pack(
        rows: pixels.count, columns: geometry.patchCount,
        x + pixels.lowerBound * geometry.patchCount, into: piece)
      return
    }
    let paddedCount = paddedCount(geometry)
    if paddedCount > 0 {
      // `scratchCount` is not 0.
      let end = scratch.start + scratchCount(geometry)
      gatherShort(geometry, x, pixels, into: piece, padded: end - paddedCount)
      return
    }
    let rowCount = geometry.kernelWidth * geometry.inputChannels
    let panelStep = pixels.count * 16
    forEachKernelRow(geometry, pixels) { row, patchOffset, imageOffset, left, inside in
      let patch = piece + row * 16
      guard let imageOffset else {
        forEachRun(patchOffset, rowCount, panelStep) { offset, _, count in
          clear(patch + offset, count: count)
        }
        return
      }
      forEachRun(patchOffset, left, panelStep) { offset, _, count in
        clear(patch + offset, count: count)
      }
      forEachRun(patchOffset + left, inside, panelStep) { offset, done, count in
        copy(x + imageOffset + done, to: patch + offset, count: count)
      }
      forEachRun(patchOffset + left + inside, rowCount - left - inside, panelStep) {
        offset, _, count in clear(patch + offset, count: count)
      }
    }
  }

  /// Adds the patch matrix's rows of `pixels` to the images they were cut from (col2im).
  private static func scatterAdd(
    _ geometry: ConvolutionGeometry, _ piece: UnsafePointer<Float>, _ pixels: Range<Int>,
    to dx: UnsafeMutablePointer<Float>
  ) {
    let panelStep = pixels.count * 16
    forEachKernelRow(geometry, pixels) { row, patchOffset, imageOffset, left, inside in
      guard let imageOffset else { return }
      if inside == 4, left == 0, patchOffset & 15 <= 12 {
        let source = piece + row * 16 + (patchOffset >> 4) * panelStep + (patchOffset & 15)
        let target = UnsafeMutableRawPointer(dx + imageOffset)
        target.storeBytes(
          of: target.loadUnaligned(as: SIMD4<Float>.self)
            + UnsafeRawPointer(source).loadUnaligned(as: SIMD4<Float>.self),
          as: SIMD4<Float>.self)
        return
      }
      forEachRun(patchOffset + left, inside, panelStep) { offset, done, count in
        add(piece + row * 16 + offset, to: dx + imageOffset + done, count: count)
      }
    }
  }

  /// Calls `body` for each run of `count` neighbouring patch values from `first` on that lies in
  /// one panel: its place behind the pixel's, the values before it, its length.
  @inline(__always)
  private static func forEachRun(
    _ first: Int, _ count: Int, _ panelStep: Int,
    _ body: (_ offset: Int, _ done: Int, _ count: Int) -> Void
  ) {
    var done = 0
    while done < count {
      let value = first + done
      let lane = value & 15
      let length = min(16 - lane, count - done)
      body((value >> 4) * panelStep + lane, done, length)
      done += length
    }
  }

  // Calls of memcpy and memset cost more than the few lanes that a run is.

  @inline(__always)
  private static func clear(_ target: UnsafeMutablePointer<Float>, count: Int) {
    for index in 0..<count { target[index] = 0 }
  }

  @inline(__always)
  static func copy(
    _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int
  ) {
    var index = 0
    while index + 8 <= count {
      target.setLanes(index, source.lanes(index))
      index += 8
    }
    if index + 4 <= count {
      UnsafeMutableRawPointer(target + index).storeBytes(
        of: UnsafeRawPointer(source + index).loadUnaligned(as: SIMD4<Float>.self),
        as: SIMD4<Float>.self)
      index += 4
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

  private static func check(_ count: Int, _ expected: Int) {
    precondition(count >= expected, "filter has \(count) values, expected \(expected)")
  }

  private static func checkCounts(
    _ g: ConvolutionGeometry, _ images: Int, _ x: Int, _ y: Int, _ scratch: Int
  ) {
    precondition(
      x >= images * g.inputCount, "input side has \(x) values, expected \(images * g.inputCount)")
    precondition(
      y >= images * g.outputCount, "output side has \(y) values, expected \(images * g.outputCount)"
    )
    precondition(
      scratch >= scratchCount(g), "scratch has \(scratch) values, expected \(scratchCount(g))")
  }
}
