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
    for image in 0..<images {
      for row in 0..<g.outputHeight {
        for column in 0..<g.outputWidth {
          for channel in 0..<g.outputChannels {
            let y = ((image * g.outputHeight + row) * g.outputWidth + column) * g.outputChannels
            for r in 0..<g.kernelHeight {
              for s in 0..<g.kernelWidth {
                let inputRow = row * g.stride - g.paddingTop + r
                let inputColumn = column * g.stride - g.paddingLeft + s
                guard (0..<g.inputHeight).contains(inputRow) else { continue }
                guard (0..<g.inputWidth).contains(inputColumn) else { continue }
                for c in 0..<g.inputChannels {
                  let x =
                    ((image * g.inputHeight + inputRow) * g.inputWidth + inputColumn)
                    * g.inputChannels + c
                  let w =
                    ((channel * g.kernelHeight + r) * g.kernelWidth + s) * g.inputChannels + c
                  body(x, w, y + channel)
                }
              }
            }
          }
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
