/// Sizes of one convolution; images are channels last (NHWC, NDHWC), so an image has
/// inputDepth x inputHeight x inputWidth x inputChannels values.
package struct ConvolutionGeometry: Sendable, Equatable {
  /// Planes; `point` for pictures and lines.
  package var depth: ConvolutionAxis
  package var rows: ConvolutionAxis
  package var columns: ConvolutionAxis
  package var inputChannels: Int
  package var outputChannels: Int

  package init(
    depth: ConvolutionAxis = .point, rows: ConvolutionAxis, columns: ConvolutionAxis,
    inputChannels: Int, outputChannels: Int
  ) {
    self.depth = depth
    self.rows = rows
    self.columns = columns
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
  }

  /// A convolution of pictures with the same stride in both directions.
  ///
  /// - Returns: nil where the padded input is smaller than the kernel.
  package init?(
    inputHeight: Int, inputWidth: Int, inputChannels: Int, outputChannels: Int,
    kernelHeight: Int, kernelWidth: Int, stride: Int,
    paddingTop: Int, paddingBottom: Int, paddingLeft: Int, paddingRight: Int
  ) {
    guard
      let rows = ConvolutionAxis(
        input: inputHeight, kernel: kernelHeight, stride: stride, before: paddingTop,
        after: paddingBottom),
      let columns = ConvolutionAxis(
        input: inputWidth, kernel: kernelWidth, stride: stride, before: paddingLeft,
        after: paddingRight)
    else { return nil }
    self.init(
      rows: rows, columns: columns, inputChannels: inputChannels, outputChannels: outputChannels)
  }

  /// One pixel: a product with a matrix of outputs x inputs.
  package init(inputs: Int, outputs: Int) {
    self.init(rows: .point, columns: .point, inputChannels: inputs, outputChannels: outputs)
  }

  package var inputDepth: Int { depth.input }
  package var inputHeight: Int { rows.input }
  package var inputWidth: Int { columns.input }
  package var outputDepth: Int { depth.output }
  package var outputHeight: Int { rows.output }
  package var outputWidth: Int { columns.output }
  package var kernelDepth: Int { depth.kernel }
  package var kernelHeight: Int { rows.kernel }
  package var kernelWidth: Int { columns.kernel }
  package var paddingTop: Int { rows.before }
  package var paddingLeft: Int { columns.before }

  package var inputCount: Int { inputDepth * inputHeight * inputWidth * inputChannels }
  package var outputCount: Int { outputPixels * outputChannels }
  package var outputPixels: Int { outputDepth * outputHeight * outputWidth }
  package var kernelPixels: Int { kernelDepth * kernelHeight * kernelWidth }
  /// Values that one output pixel sees: kernelDepth x kernelHeight x kernelWidth x inputChannels.
  package var patchCount: Int { kernelPixels * inputChannels }
  package var filterCount: Int { outputChannels * patchCount }

  /// Whether images have one plane, before and after.
  package var isFlat: Bool { depth == .point }

  /// Floating-point operations of any of the three products, an image: a multiplication and an
  /// addition for every output value and every value of its patch.
  package var operations: Int { 2 * outputPixels * outputChannels * patchCount }

  /// Whether the patch matrix is the input as it lies in memory: then nothing is gathered.
  package var patchesAreInput: Bool {
    depth.isWhole && rows.isWhole && columns.isWhole
      || depth.isPointwise && rows.isPointwise && columns.isPointwise
  }
}
