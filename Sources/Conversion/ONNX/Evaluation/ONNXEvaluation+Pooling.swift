import Base

extension ONNXEvaluation {
  static let poolingOperators: [String: Operator] = [
    "MaxPool": maxPool, "AveragePool": averagePool, "GlobalAveragePool": globalAveragePool,
  ]

  /// The largest value in each window; what lies outside of the image never counts.
  private static func maxPool(_ call: Call) throws -> [ONNXArray] {
    try pool(call) { values, _, _ in values.reduce(-Float.infinity) { max($0, $1) } }
  }

  /// The sum in each window over the number of its places, those outside of the image by
  /// `count_include_pad`.
  private static func averagePool(_ call: Call) throws -> [ONNXArray] {
    let counts = call.integer("count_include_pad", default: 0) == 1
    return try pool(call) { values, inside, window in
      values.reduce(0, +) / Float(counts ? window : inside)
    }
  }

  /// The mean of each channel of each sample; pixels become one.
  private static func globalAveragePool(_ call: Call) throws -> [ONNXArray] {
    let x = try call.array(0)
    let values = try x.floats()
    try call.require(x.sizes.count > 2 && !values.isEmpty, "images, found \(x.sizes)")
    let pixels = x.sizes[2...].reduce(1, *)
    let means = (0..<x.sizes[0] * x.sizes[1]).map { channel -> Float in
      values[channel * pixels..<(channel + 1) * pixels].reduce(0, +) / Float(pixels)
    }
    return [ONNXArray(Array(x.sizes[..<2]) + x.sizes[2...].map { _ in 1 }, means)]
  }

  /// A number for each window of each channel.
  ///
  /// - Parameters:
  ///   - call: The node.
  ///   - body: Takes the values in a window, their number, and that of all places of the window.
  /// - Returns: The numbers.
  /// - Throws: `Fault` where the windows are none of images.
  private static func pool(
    _ call: Call, _ body: (_ values: [Float], _ inside: Int, _ window: Int) -> Float
  ) throws -> [ONNXArray] {
    let x = try call.array(0)
    let values = try x.floats()
    try call.require(x.sizes.count > 2, "images, found \(x.sizes)")
    let windows = try ONNXWindows(call, image: Array(x.sizes[2...]))
    let sizes = Array(x.sizes[..<2]) + windows.outputSizes
    var y: [Float] = []
    y.reserveCapacity(try call.count(sizes))
    let (d, h, w) = (windows.axes[0], windows.axes[1], windows.axes[2])
    for channel in 0..<x.sizes[0] * x.sizes[1] {
      let first = channel * windows.inputPixels
      for plane in 0..<d.output {
        for row in 0..<h.output {
          for column in 0..<w.output {
            var found: [Float] = []
            for i in d.taps(plane) {
              for j in h.taps(row) {
                let line =
                  ((plane * d.stride - d.before + i) * h.input + row * h.stride - h.before + j)
                  * w.input + column * w.stride - w.before
                for k in w.taps(column) { found.append(values[first + line + k]) }
              }
            }
            y.append(body(found, max(found.count, 1), windows.kernelPixels))
          }
        }
      }
    }
    return [ONNXArray(sizes, y)]
  }
}
