import Base

extension ONNXEvaluation {
  static let productOperators: [String: Operator] = [
    "Gemm": gemm, "MatMul": matMul, "Conv": convolution, "ConvTranspose": transposedConvolution,
  ]

  /// Products of a node at the most, for each element that a value may have.
  private static let work = 1 << 12

  /// Refuses more products than a whole model would take.
  private static func checkWork(_ sizes: [Int], _ call: Call) throws {
    guard let count = checkedProduct(sizes), count / work <= call.limit else {
      throw Fault("would take \(sizes) products, expected fewer")
    }
  }

  /// A B, or A B^T, plus C spread over it.
  private static func gemm(_ call: Call) throws -> [ONNXArray] {
    let (a, b) = (try call.array(0), try call.array(1))
    let isTransposed = call.integer("transB", default: 0) == 1
    try call.require(
      a.sizes.count == 2 && b.sizes.count == 2 && a.sizes[1] == b.sizes[isTransposed ? 1 : 0]
        && call.integer("transA", default: 0) == 0 && call.number("alpha", default: 1) == 1
        && call.number("beta", default: 1) == 1,
      "two matrices that fit, found \(a.sizes) and \(b.sizes)")
    let sizes = [a.sizes[0], b.sizes[isTransposed ? 0 : 1]]
    let product = try multiply(
      try a.floats(), try b.floats(), sizes, inner: a.sizes[1], isTransposed: isTransposed, call)
    guard let offset = call.optional(2) else { return [ONNXArray(sizes, product)] }
    let values = try offset.floats()
    try call.require(
      try broadcast(sizes, offset.sizes, call) == sizes, "an offset of at most \(sizes)")
    var result = product
    var index = 0
    forEachPlace(sizes, [spread(offset.sizes, over: sizes)]) {
      result[index] += values[$0[0]]
      index += 1
    }
    return [ONNXArray(sizes, result)]
  }

  /// Products of as many matrices: B x R x S by B x S x C gives B x R x C.
  private static func matMul(_ call: Call) throws -> [ONNXArray] {
    let (a, b) = (try call.array(0), try call.array(1))
    try call.require(
      a.sizes.count == 3 && b.sizes.count == 3 && a.sizes[0] == b.sizes[0]
        && a.sizes[2] == b.sizes[1], "matrices that fit, found \(a.sizes) and \(b.sizes)")
    let (count, inner) = (a.sizes[0], a.sizes[2])
    let sizes = [a.sizes[1], b.sizes[2]]
    let (left, right) = (try a.floats(), try b.floats())
    let (leftSize, rightSize) = (sizes[0] * inner, inner * sizes[1])
    try call.count([count] + sizes)
    try checkWork([count, inner] + sizes, call)
    var product: [Float] = []
    for index in 0..<count {
      let a = Array(left[index * leftSize..<(index + 1) * leftSize])
      let b = Array(right[index * rightSize..<(index + 1) * rightSize])
      product += try multiply(a, b, sizes, inner: inner, isTransposed: false, call)
    }
    return [ONNXArray([count] + sizes, product)]
  }

  /// A B or A B^T of row-major matrices, each value one sum in single precision from the first on.
  ///
  /// - Parameters:
  ///   - a: sizes[0] x inner.
  ///   - b: inner x sizes[1], or transposed.
  ///   - sizes: Of the product.
  ///   - inner: Terms of a sum.
  ///   - isTransposed: Whether b lies the other way.
  ///   - call: The node, for its limit.
  /// - Returns: The product, row by row.
  /// - Throws: `Fault` where it would be too large, or too much work.
  private static func multiply(
    _ a: [Float], _ b: [Float], _ sizes: [Int], inner: Int, isTransposed: Bool, _ call: Call
  ) throws -> [Float] {
    var result = [Float](repeating: 0, count: try call.count(sizes))
    try checkWork(sizes + [inner], call)
    let columns = sizes[1]
    for row in 0..<sizes[0] {
      for column in 0..<columns {
        var sum: Float = 0
        for k in 0..<inner {
          sum +=
            a[row * inner + k] * (isTransposed ? b[column * inner + k] : b[k * columns + column])
        }
        result[row * columns + column] = sum
      }
    }
    return result
  }

  // MARK: - Convolutions

  /// Conv: x N x C x the pixels, w outputs x C x the kernel.
  private static func convolution(_ call: Call) throws -> [ONNXArray] {
    try convolution(call, isTransposed: false)
  }

  /// ConvTranspose: x N x C x the pixels, w C x outputs x the kernel.
  private static func transposedConvolution(_ call: Call) throws -> [ONNXArray] {
    try convolution(call, isTransposed: true)
  }

  /// A convolution, or the transpose of the one that leads back: the same windows, with what is
  /// read and what is added to exchanged.
  private static func convolution(_ call: Call, isTransposed: Bool) throws -> [ONNXArray] {
    let (x, w) = (try call.array(0), try call.array(1))
    let (inputSize, outputSize) = isTransposed ? (0, 1) : (1, 0)
    try call.require(
      x.sizes.count > 2 && w.sizes.count == x.sizes.count && w.sizes[inputSize] == x.sizes[1],
      "a weight that fits images of \(x.sizes), found \(w.sizes)")
    let windows = try ONNXWindows(
      call, image: Array(x.sizes[2...]), kernel: Array(w.sizes[2...]), isTransposed: isTransposed)
    let (samples, inputs, outputs) = (x.sizes[0], x.sizes[1], w.sizes[outputSize])
    let (sourcePixels, targetPixels) =
      isTransposed
      ? (windows.outputPixels, windows.inputPixels) : (windows.inputPixels, windows.outputPixels)
    let sizes =
      [samples, outputs] + (isTransposed ? windows.inputSizes : windows.outputSizes)
    var y = try offsets(sizes, pixels: targetPixels, call)
    try checkWork([samples, inputs, outputs, windows.outputPixels, windows.kernelPixels], call)
    let (values, weights) = (try x.floats(), try w.floats())
    forEachPair(samples, inputs, outputs) { sample, input, output in
      let source = (sample * inputs + input) * sourcePixels
      let target = (sample * outputs + output) * targetPixels
      let pair = isTransposed ? input * outputs + output : output * inputs + input
      windows.forEachRow { tap, place, count, first, step in
        let weight = weights[pair * windows.kernelPixels + tap]
        let (from, fromStep, to, toStep) =
          isTransposed ? (place, 1, first, step) : (first, step, place, 1)
        for index in 0..<count {
          y[target + to + index * toStep] += weight * values[source + from + index * fromStep]
        }
      }
    }
    return [ONNXArray(sizes, y)]
  }

  /// Calls `body` for every pair of channels of every sample; inputs change the fastest.
  private static func forEachPair(
    _ samples: Int, _ inputs: Int, _ outputs: Int,
    _ body: (_ sample: Int, _ input: Int, _ output: Int) -> Void
  ) {
    for sample in 0..<samples {
      for output in 0..<outputs {
        for input in 0..<inputs { body(sample, input, output) }
      }
    }
  }

  /// The bias of each channel at each of its pixels; zeros without.
  private static func offsets(_ sizes: [Int], pixels: Int, _ call: Call) throws -> [Float] {
    var y = [Float](repeating: 0, count: try call.count(sizes))
    guard let bias = call.optional(2) else { return y }
    let values = try bias.floats()
    try call.require(bias.sizes == [sizes[1]], "a bias of \(sizes[1]), found \(bias.sizes)")
    for index in y.indices { y[index] = values[index / pixels % sizes[1]] }
    return y
  }
}
