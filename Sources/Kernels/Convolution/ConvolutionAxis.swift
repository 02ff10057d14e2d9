/// A convolution's sizes in one direction: along the width, the height or the depth.
///
/// Output size: (input + before + after - kernel) / stride + 1, rounded down; with a remainder the
/// last of the input are never touched, as in PyTorch.
package struct ConvolutionAxis: Sendable, Equatable {
  package var input: Int
  package var output: Int
  package var kernel: Int
  package var stride: Int
  /// Zeros in front of the input, and behind it.
  package var before: Int
  package var after: Int

  /// - Returns: nil where the padded input is smaller than the kernel.
  package init?(input: Int, kernel: Int, stride: Int = 1, before: Int = 0, after: Int = 0) {
    let free = input + before + after - kernel
    guard free >= 0, stride > 0 else { return nil }
    self.input = input
    output = free / stride + 1
    self.kernel = kernel
    self.stride = stride
    self.before = before
    self.after = after
  }

  private init(pointwise count: Int) {
    (input, output, kernel, stride, before, after) = (count, count, 1, 1, 0, 0)
  }

  /// A direction without extent.
  package static let point = ConvolutionAxis(pointwise: 1)

  /// A kernel of one pixel that meets each of `count`.
  package static func pointwise(_ count: Int) -> ConvolutionAxis {
    ConvolutionAxis(pointwise: count)
  }

  /// Whether the kernel lies once over all of the input.
  var isWhole: Bool { output == 1 && kernel == input && before == 0 }

  /// Whether each output meets the input in its own place, and no other.
  var isPointwise: Bool { kernel == 1 && stride == 1 && before == 0 && output == input }

  /// The direction of the convolution from the output back to the input, with the kernel reversed.
  ///
  /// - Returns: nil where the stride or the padding has no mirror image.
  var mirror: ConvolutionAxis? {
    let behind = output - 1 + kernel - input - before
    guard stride == 1, before < kernel, behind < kernel else { return nil }
    return ConvolutionAxis(
      input: output, kernel: kernel, before: kernel - 1 - before, after: kernel - 1 - behind)
  }
}
