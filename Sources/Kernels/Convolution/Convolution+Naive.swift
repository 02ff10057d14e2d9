import Base

/// The three products by their definition, summed in Double: the tests' oracle.
extension Convolution {
  /// Calls `body(input index, filter index, output index)` for every product
  /// of the sum.
  ///
  /// Indices are into x, w and y as `Convolution` lays them out.
  private static func forEachProduct(
    _ g: ConvolutionGeometry, images: Int, _ body: (_ x: Int, _ w: Int, _ y: Int) -> Void
  ) {
    for output in 0..<images * g.outputPixels {
      let (line, column) = output.quotientAndRemainder(dividingBy: g.outputWidth)
      let (plane, row) = line.quotientAndRemainder(dividingBy: g.outputHeight)
      let (image, slice) = plane.quotientAndRemainder(dividingBy: g.outputDepth)
      for tap in 0..<g.kernelPixels {
        let (kernelLine, s) = tap.quotientAndRemainder(dividingBy: g.kernelWidth)
        let (d, r) = kernelLine.quotientAndRemainder(dividingBy: g.kernelHeight)
        let inputSlice = slice * g.depth.stride - g.depth.before + d
        let inputRow = row * g.rows.stride - g.rows.before + r
        let inputColumn = column * g.columns.stride - g.columns.before + s
        guard (0..<g.inputDepth).contains(inputSlice) else { continue }
        guard (0..<g.inputHeight).contains(inputRow) else { continue }
        guard (0..<g.inputWidth).contains(inputColumn) else { continue }
        let inputLine = (image * g.inputDepth + inputSlice) * g.inputHeight + inputRow
        let x = (inputLine * g.inputWidth + inputColumn) * g.inputChannels
        for channel in 0..<g.outputChannels {
          let w = (channel * g.kernelPixels + tap) * g.inputChannels
          for c in 0..<g.inputChannels { body(x + c, w + c, output * g.outputChannels + channel) }
        }
      }
    }
  }

  /// Oracle of `forward`.
  package static func forwardNaive(
    _ geometry: ConvolutionGeometry, images: Int, input x: FloatBuffer, filter w: FloatBuffer,
    bias: FloatBuffer?, output: MutableFloatBuffer
  ) {
    let channels = geometry.outputChannels
    var sums = (0..<images * geometry.outputCount).map { Double(bias?[$0 % channels] ?? 0) }
    forEachProduct(geometry, images: images) { sums[$2] += Double(x[$0]) * Double(w[$1]) }
    for index in sums.indices { output[index] = Float(sums[index]) }
  }

  /// Oracle of `inputGradient`.
  package static func inputGradientNaive(
    _ geometry: ConvolutionGeometry, images: Int, outputGradient dy: FloatBuffer,
    filter w: FloatBuffer, inputGradient: MutableFloatBuffer
  ) {
    var sums = [Double](repeating: 0, count: images * geometry.inputCount)
    forEachProduct(geometry, images: images) { sums[$0] += Double(dy[$2]) * Double(w[$1]) }
    for index in sums.indices { inputGradient[index] = Float(sums[index]) }
  }

  /// Oracle of `filterGradient`: adds to `filterGradient`.
  package static func filterGradientNaive(
    _ geometry: ConvolutionGeometry, images: Int, input x: FloatBuffer,
    outputGradient dy: FloatBuffer, filterGradient: MutableFloatBuffer
  ) {
    var sums = filterGradient.map(Double.init)
    forEachProduct(geometry, images: images) { sums[$1] += Double(x[$0]) * Double(dy[$2]) }
    for index in sums.indices { filterGradient[index] = Float(sums[index]) }
  }
}
