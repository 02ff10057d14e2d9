import Base

/// How the windows of a convolution or pooling lie over images of one to three dimensions, written
/// as three: those that an image has not are 1.
struct ONNXWindows {
  /// One dimension: pixels of image and output, taps, steps between windows, and zeros in front.
  struct Axis {
    var input: Int
    var kernel: Int
    var stride: Int
    var before: Int
    var output: Int

    /// The window's places that lie on the image: output `place` reads input `place * stride -
    /// before + tap`.
    func taps(_ place: Int) -> Range<Int> {
      let first = place * stride - before
      let low = min(max(0, -first), kernel)
      return low..<max(low, min(kernel, input - first))
    }

    /// The outputs whose window has its `tap` on the image.
    func outputs(_ tap: Int) -> Range<Int> {
      let low = max(0, (before - tap + stride - 1) / stride)
      let high = input - 1 + before - tap
      let end = high < 0 ? 0 : min(output, high / stride + 1)
      return min(low, end)..<end
    }
  }

  var axes: [Axis] = []
  /// Pixels of an output, in as many dimensions as the image has.
  var outputSizes: [Int] { axes.suffix(dimensions).map(\.output) }
  private let dimensions: Int

  var inputPixels: Int { axes.reduce(1) { $0 * $1.input } }
  var outputPixels: Int { axes.reduce(1) { $0 * $1.output } }
  var kernelPixels: Int { axes.reduce(1) { $0 * $1.kernel } }

  private static let sizes = 1...65536

  /// - Parameters:
  ///   - call: The node, with `strides`, `pads` and perhaps `kernel_shape`.
  ///   - image: Sizes of the pixels of what the windows lie on; of a transposed convolution those
  ///     of its input, which the windows give.
  ///   - kernel: Of the weight; nil for `kernel_shape`.
  ///   - isTransposed: Whether `image` is what the windows give.
  /// - Throws: `Fault` where the windows are none.
  init(
    _ call: ONNXEvaluation.Call, image: [Int], kernel: [Int]? = nil, isTransposed: Bool = false
  ) throws {
    dimensions = image.count
    try call.require(
      (1...3).contains(image.count) && image.allSatisfy { $0 > 0 },
      "images of one to three dimensions, found \(image)")
    let own = try call.numbers("kernel_shape", count: image.count, in: Self.sizes)
    guard let kernel = kernel ?? own, own ?? kernel == kernel, kernel.count == image.count,
      kernel.allSatisfy(Self.sizes.contains)
    else { throw Fault("the kernel \(own ?? []) does not fit the weight and images of \(image)") }
    let ones = image.map { _ in 1 }
    let strides = try call.numbers("strides", count: image.count, in: Self.sizes) ?? ones
    let pads =
      try call.numbers("pads", count: 2 * image.count, in: 0...65536)
      ?? (ones + ones).map { _ in 0 }
    let extra =
      try call.numbers("output_padding", count: image.count, in: 0...65536) ?? ones.map { _ in 0 }
    let dilations = try call.numbers("dilations", count: image.count, in: Self.sizes) ?? ones
    try call.require(
      dilations == ones && call.integer("group", default: 1) == 1
        && call.integer("ceil_mode", default: 0) == 0
        && ["", "NOTSET"].contains(call.word("auto_pad", default: "")),
      "no dilations, groups or padding by a name")
    for index in image.indices {
      let (before, after) = (pads[index], pads[image.count + index])
      let (size, window, stride) = (image[index], kernel[index], strides[index])
      let axis: Axis
      if isTransposed {
        let whole = (size - 1) * stride + window + extra[index] - before - after
        axis = Axis(input: whole, kernel: window, stride: stride, before: before, output: size)
      } else {
        let rest = size + before + after - window
        axis = Axis(
          input: size, kernel: window, stride: stride, before: before,
          output: rest < 0 ? 0 : rest / stride + 1)
      }
      try call.require(
        axis.input > 0 && axis.output > 0, "kernel and padding that fit \(image)")
      axes.append(axis)
    }
    let one = Axis(input: 1, kernel: 1, stride: 1, before: 0, output: 1)
    axes = Array(repeating: one, count: 3 - axes.count) + axes
  }

  /// The pixels of what the windows lie on.
  var inputSizes: [Int] { axes.suffix(dimensions).map(\.input) }

  /// Calls `body` for each row of outputs whose windows have a tap on the image.
  ///
  /// - Parameter body: Takes the tap's place in the kernel, the first output's place and the number
  ///   of outputs, the place of the first input, and the step between inputs.
  func forEachRow(
    _ body: (_ tap: Int, _ output: Int, _ count: Int, _ input: Int, _ step: Int) -> Void
  ) {
    let (d, h, w) = (axes[0], axes[1], axes[2])
    for i in 0..<d.kernel {
      for j in 0..<h.kernel {
        for k in 0..<w.kernel {
          let columns = w.outputs(k)
          guard !columns.isEmpty else { continue }
          let tap = (i * h.kernel + j) * w.kernel + k
          let column = columns.lowerBound * w.stride - w.before + k
          for plane in d.outputs(i) {
            let inputPlane = plane * d.stride - d.before + i
            for row in h.outputs(j) {
              let inputRow = row * h.stride - h.before + j
              body(
                tap, (plane * h.output + row) * w.output + columns.lowerBound, columns.count,
                (inputPlane * h.input + inputRow) * w.input + column, w.stride)
            }
          }
        }
      }
    }
  }
}
