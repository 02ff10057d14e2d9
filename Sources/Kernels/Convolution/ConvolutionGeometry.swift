/// Sizes of one convolution; images are channels last (NHWC), so an image has
/// inputHeight x inputWidth x inputChannels values.
///
/// Output size: (input + paddingBefore + paddingAfter - kernel) / stride + 1, rounded down; with
/// a remainder the last rows or columns of the input are never touched, as in PyTorch.
package struct ConvolutionGeometry: Sendable, Equatable {
  package var inputHeight: Int
  package var inputWidth: Int
  package var inputChannels: Int
  package var outputHeight: Int
  package var outputWidth: Int
  package var outputChannels: Int
  package var kernelHeight: Int
  package var kernelWidth: Int
  package var stride: Int
  package var paddingTop: Int
  package var paddingBottom: Int
  package var paddingLeft: Int
  package var paddingRight: Int

  /// - Returns: nil where the padded input is smaller than the kernel.
  package init?(
    inputHeight: Int, inputWidth: Int, inputChannels: Int, outputChannels: Int,
    kernelHeight: Int, kernelWidth: Int, stride: Int,
    paddingTop: Int, paddingBottom: Int, paddingLeft: Int, paddingRight: Int
  ) {
    let freeRows = inputHeight + paddingTop + paddingBottom - kernelHeight
    let freeColumns = inputWidth + paddingLeft + paddingRight - kernelWidth
    guard freeRows >= 0, freeColumns >= 0, stride > 0 else { return nil }
    self.inputHeight = inputHeight
    self.inputWidth = inputWidth
    self.inputChannels = inputChannels
    self.outputHeight = freeRows / stride + 1
    self.outputWidth = freeColumns / stride + 1
    self.outputChannels = outputChannels
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    self.stride = stride
    self.paddingTop = paddingTop
    self.paddingBottom = paddingBottom
    self.paddingLeft = paddingLeft
    self.paddingRight = paddingRight
  }

  /// One pixel: a product with a matrix of outputs x inputs.
  package init(inputs: Int, outputs: Int) {
    (inputHeight, inputWidth, inputChannels) = (1, 1, inputs)
    (outputHeight, outputWidth, outputChannels) = (1, 1, outputs)
    (kernelHeight, kernelWidth, stride) = (1, 1, 1)
    (paddingTop, paddingBottom, paddingLeft, paddingRight) = (0, 0, 0, 0)
  }

  package var inputCount: Int { inputHeight * inputWidth * inputChannels }
  package var outputCount: Int { outputHeight * outputWidth * outputChannels }
  package var outputPixels: Int { outputHeight * outputWidth }
  /// Values that one output pixel sees: kernelHeight x kernelWidth x inputChannels.
  package var patchCount: Int { kernelHeight * kernelWidth * inputChannels }
  package var filterCount: Int { outputChannels * patchCount }

  /// Floating-point operations of any of the three products, an image: a multiplication and an
  /// addition for every output value and every value of its patch.
  package var operations: Int { 2 * outputPixels * outputChannels * patchCount }

  /// Whether the patch matrix is the input as it lies in memory: then nothing is gathered.
  package var patchesAreInput: Bool {
    let wholeImage =
      outputPixels == 1 && kernelHeight == inputHeight && kernelWidth == inputWidth
      && paddingTop == 0 && paddingLeft == 0
    let single =
      kernelHeight == 1 && kernelWidth == 1 && stride == 1 && paddingTop == 0 && paddingLeft == 0
      && outputHeight == inputHeight && outputWidth == inputWidth
    return wholeImage || single
  }
}
