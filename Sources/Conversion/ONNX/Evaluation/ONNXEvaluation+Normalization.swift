import Base

extension ONNXEvaluation {
  static let normalizationOperators: [String: Operator] = [
    "BatchNormalization": batchNormalization, "InstanceNormalization": instanceNormalization,
    "ReduceMean": reduceMean,
  ]

  /// scale (x - mean) / sqrt(variance + epsilon) + offset, all four given, a number a channel.
  private static func batchNormalization(_ call: Call) throws -> [ONNXArray] {
    let x = try call.array(0)
    var values = try x.floats()
    try call.require(x.sizes.count > 1, "samples of channels, found \(x.sizes)")
    let channels = x.sizes[1]
    let parameters = try (1...4).map { index in
      let parameter = try call.array(index)
      try call.require(
        parameter.sizes == [channels], "\(channels) numbers, found \(parameter.sizes)")
      return try parameter.floats()
    }
    let (scale, offset, mean, variance) = (
      parameters[0], parameters[1], parameters[2], parameters[3]
    )
    let epsilon = call.number("epsilon", default: 1e-5)
    let pixels = x.sizes[2...].reduce(1, *)
    for index in values.indices {
      let channel = index / pixels % channels
      let deviation = (variance[channel] + epsilon).squareRoot()
      values[index] =
        scale[channel] * (values[index] - mean[channel]) / deviation + offset[channel]
    }
    return [ONNXArray(x.sizes, values)]
  }

  /// The same by mean and biased variance of each channel of each sample.
  private static func instanceNormalization(_ call: Call) throws -> [ONNXArray] {
    let x = try call.array(0)
    var values = try x.floats()
    let (scale, offset) = (try call.floats(1), try call.floats(2))
    try call.require(
      x.sizes.count > 2 && scale.count == x.sizes[1] && offset.count == x.sizes[1],
      "images with a scale a channel, found \(x.sizes)")
    let epsilon = call.number("epsilon", default: 1e-5)
    let pixels = x.sizes[2...].reduce(1, *)
    for image in 0..<x.sizes[0] * x.sizes[1] {
      let places = image * pixels..<(image + 1) * pixels
      let mean = values[places].reduce(0, +) / Float(pixels)
      let variance =
        values[places].reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(pixels)
      let factor = scale[image % x.sizes[1]] / (variance + epsilon).squareRoot()
      for index in places {
        values[index] = factor * (values[index] - mean) + offset[image % x.sizes[1]]
      }
    }
    return [ONNXArray(x.sizes, values)]
  }

  /// Means over some axes, each kept as one of size 1.
  private static func reduceMean(_ call: Call) throws -> [ONNXArray] {
    let x = try call.array(0)
    let values = try x.floats()
    let axes = try call.numbers("axes").map { try call.axis($0, of: x.sizes) }
    try call.require(
      !axes.isEmpty && Set(axes).count == axes.count
        && call.integer("keepdims", default: 1) == 1, "axes that are kept")
    var sizes = x.sizes
    for axis in axes { sizes[axis] = 1 }
    var sums = [Double](repeating: 0, count: try call.count(sizes))
    guard !values.isEmpty else { return [ONNXArray(sizes, sums.map(Float.init))] }
    var index = 0
    forEachPlace(x.sizes, [spread(sizes, over: x.sizes)]) {
      sums[$0[0]] += Double(values[index])
      index += 1
    }
    let count = Double(values.count / sums.count)
    return [ONNXArray(sizes, sums.map { Float($0 / count) })]
  }
}
