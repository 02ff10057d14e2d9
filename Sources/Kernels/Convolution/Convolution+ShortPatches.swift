import Base

/// Patches of few values, as on images of one or three channels.
extension Convolution {
  /// The most values of a patch that is copied eight values at a time, whether they belong to it or
  /// not.
  private static let mostShortValues = 64
  /// The most values of an image that is copied whole for every piece: 256 KiB.
  private static let mostPaddedValues = 64 * 1024

  /// The most kernel rows of such a patch: their copies are listed on the stack.
  private static let mostShortRows = 32

  /// An image as patches meet it, with its padding.
  private struct PaddedImage {
    let planes: Int
    let rows: Int
    /// Values of a row.
    let width: Int

    init(_ g: ConvolutionGeometry) {
      planes = (g.outputDepth - 1) * g.depth.stride + g.kernelDepth
      rows = (g.outputHeight - 1) * g.rows.stride + g.kernelHeight
      width = ((g.outputWidth - 1) * g.columns.stride + g.kernelWidth) * g.inputChannels
    }

    /// Where a row begins.
    @inline(__always)
    func place(plane: Int, row: Int) -> Int { (plane * rows + row) * width }
  }

  /// Values of an image with its padding and as many behind it as are read too much; 0 where
  /// patches are not short, or images are large.
  static func paddedCount(_ g: ConvolutionGeometry) -> Int {
    guard g.patchCount <= mostShortValues, g.kernelDepth * g.kernelHeight <= mostShortRows,
      !g.patchesAreInput
    else { return 0 }
    let image = PaddedImage(g)
    let count = image.place(plane: image.planes, row: 0) + 8
    return count <= mostPaddedValues ? count : 0
  }

  /// Eight neighbouring values of an image that begin a patch's values in one panel.
  private struct Copy: BitwiseCopyable {
    var source: Int
    var target: Int
  }

  /// `gather` of short patches: from a copy of the image with its padding, eight values at a time.
  ///
  /// The values that a copy writes too much are those of a later copy, in this pixel or the next;
  /// only the last pixel is copied value by value.
  static func gatherShort(
    _ geometry: ConvolutionGeometry, _ x: UnsafePointer<Float>, _ pixels: Range<Int>,
    into piece: UnsafeMutablePointer<Float>, padded: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let rowCount = g.kernelWidth * g.inputChannels
    let kernelRows = g.kernelDepth * g.kernelHeight
    let image = PaddedImage(g)
    let panelStep = pixels.count * 16
    padded.update(repeating: 0, count: paddedCount(g))
    /// Where a kernel's row is in the image, from the first on.
    func source(_ row: Int) -> Int {
      let (plane, row) = row.quotientAndRemainder(dividingBy: g.kernelHeight)
      return image.place(plane: plane, row: row)
    }
    let most = kernelRows * 2 * (rowCount / 8 + 1)
    withUnsafeTemporaryAllocation(of: Copy.self, capacity: most) { copies in
      var count = 0
      for row in 0..<kernelRows {
        var done = 0
        while done < rowCount {
          let value = row * rowCount + done
          let target = (value >> 4) * panelStep + (value & 15)
          copies.initializeElement(at: count, to: Copy(source: source(row) + done, target: target))
          count += 1
          done += min(8, 16 - (value & 15))
        }
      }
      let copies = copies[..<count]
      forEachOutputRow(g, pixels) { number, plane, row, columns, pixel, isFirst in
        if isFirst { pad(g, x + number * g.inputCount, image, into: padded) }
        let first = columns.lowerBound * g.inputChannels * g.columns.stride
        var values =
          padded + image.place(plane: plane * g.depth.stride, row: row * g.rows.stride) + first
        var target = piece + pixel * 16
        for _ in 0..<min(columns.count, pixels.count - 1 - pixel) {
          for copy in copies {
            (target + copy.target).setLanes(0, (values + copy.source).lanes(0))
          }
          values += g.columns.stride * g.inputChannels
          target += 16
        }
        guard pixel + columns.count == pixels.count else { return }
        for value in 0..<g.patchCount {
          let (row, place) = value.quotientAndRemainder(dividingBy: rowCount)
          target[(value >> 4) * panelStep + (value & 15)] = values[source(row) + place]
        }
      }
    }
  }

  /// The image without its border: that is 0 and stays so.
  private static func pad(
    _ g: ConvolutionGeometry, _ image: UnsafePointer<Float>, _ padding: PaddedImage,
    into padded: UnsafeMutablePointer<Float>
  ) {
    let left = g.paddingLeft * g.inputChannels
    let columns = min(g.inputWidth * g.inputChannels, padding.width - left)
    let rows = min(g.inputHeight, padding.rows - g.paddingTop)
    guard columns > 0, rows > 0 else { return }
    for plane in 0..<max(0, min(g.inputDepth, padding.planes - g.depth.before)) {
      for row in 0..<rows {
        copy(
          image + (plane * g.inputHeight + row) * g.inputWidth * g.inputChannels,
          to: padded + padding.place(plane: plane + g.depth.before, row: row + g.paddingTop) + left,
          count: columns)
      }
    }
  }

  /// Calls `body` for the pixels of every output row with the number of the first in the piece.
  ///
  /// `body` is also told whether no pixel of the image came before (`isFirst`).
  @inline(__always)
  private static func forEachOutputRow(
    _ g: ConvolutionGeometry, _ pixels: Range<Int>,
    _ body: (
      _ image: Int, _ plane: Int, _ row: Int, _ columns: Range<Int>, _ pixel: Int, _ isFirst: Bool
    ) -> Void
  ) {
    var pixel = 0
    while pixel < pixels.count {
      let (image, place) = (pixels.lowerBound + pixel)
        .quotientAndRemainder(dividingBy: g.outputPixels)
      let (line, column) = place.quotientAndRemainder(dividingBy: g.outputWidth)
      let (plane, row) = line.quotientAndRemainder(dividingBy: g.outputHeight)
      let end = min(g.outputWidth, column + pixels.count - pixel)
      body(image, plane, row, column..<end, pixel, pixel == 0 || place == 0)
      pixel += end - column
    }
  }
}
