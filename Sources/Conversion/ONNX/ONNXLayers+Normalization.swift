import Base
import Networks
import ONNXMessages

extension ONNXLayers {
  /// (x - m) / sqrt(v + epsilon) gamma + beta by the running mean m and variance v of each channel.
  mutating func batchNorm(_ layer: LayerDescription, _ value: ONNXValue) -> ONNXValue {
    mapped(
      "BatchNormalization", value,
      with: ["weight", "bias", "running_mean", "running_var"].map { tensor(layer, $0) }, layer,
      [.number("epsilon", layer.number("epsilon"))])
  }

  /// Batch norm with the scale and offset of a sample's class; with a batch's own statistics where
  /// the layer keeps no others.
  ///
  /// - Throws: `Fault` for the unbiased variance of a batch, which is a function of N.
  mutating func conditionalBatchNorm(
    _ layer: LayerDescription, _ value: ONNXValue
  ) throws -> ONNXValue {
    let ones = value.sizes.dropFirst().map { _ in 1 }
    let channels = [layer.inputShape.channels] + ones
    let normal: String
    if layer[option: "statistics"] == .word("running") {
      let mean = tensor(layer, "running_mean", sizes: channels)
      let variance = weights[layer, "running_var"].values
      let epsilon = layer.number("epsilon")
      let deviation = graph.constant(
        weights.name(layer, "running_deviation"), channels,
        variance.map { Float((Double($0) + epsilon).squareRoot()) })
      let centred = graph.node("Sub", [value.name, mean], at: layer.path)
      normal = graph.node("Div", [centred, deviation], at: layer.path)
    } else if layer[option: "variance"] == .word("unbiased") {
      throw Fault(
        "export: \(network).layers: layer \(layer.path): conditionalBatchNorm with a batch's "
          + "unbiased variance, whose divisor no constant of an ONNX graph is")
    } else {
      let axes = [0] + value.sizes.indices.dropFirst().map { $0 + 1 }
      normal = normalized(value, axes: axes, correction: nil, layer)
    }
    let rows = ["weight", "bias"].map { name in
      let row = graph.node("Gather", [tensor(layer, name), Self.labels], at: layer.path)
      return formed(
        ONNXValue(name: row, sizes: [channels[0]]), channels, layer
      ).name
    }
    let scaled = graph.node("Mul", [normal, rows[0]], at: layer.path)
    return ONNXValue(
      name: graph.node("Add", [scaled, rows[1]], at: layer.path), sizes: value.sizes)
  }

  /// Each sample by its own mean and variance; scale and offset of each element, channel, or one of
  /// all.
  ///
  /// By nodes of its own: the variance may be the unbiased one, which no operator of the set has.
  mutating func layerNorm(_ layer: LayerDescription, _ value: ONNXValue) -> ONNXValue {
    let count = value.sizes.reduce(1, *)
    let isUnbiased = layer[option: "variance"] == .word("unbiased")
    let normal = normalized(
      value, axes: value.sizes.indices.map { $0 + 1 },
      correction: isUnbiased ? Double(count) / Double(count - 1) : nil, layer)
    guard layer[option: "affine"] != .word("none") else {
      return ONNXValue(name: normal, sizes: value.sizes)
    }
    let ones = value.sizes.map { _ in 1 }
    let sizes =
      switch layer[option: "affine"] {
      case .word("scalar"): ones
      case .word("channel"): [value.sizes[0]] + ones.dropFirst()
      default: value.sizes
      }
    let weight = tensor(layer, "weight", sizes: sizes)
    let scaled = graph.node("Mul", [normal, weight], at: layer.path)
    let bias = tensor(layer, "bias", sizes: sizes)
    return ONNXValue(
      name: graph.node("Add", [scaled, bias], at: layer.path), sizes: value.sizes)
  }

  /// Each channel of each sample by its own mean and variance; scale 1 and offset 0 without
  /// parameters.
  mutating func instanceNorm(_ layer: LayerDescription, _ value: ONNXValue) -> ONNXValue {
    let input = image(value, layer)
    let channels = layer.inputShape.channels
    let scales =
      layer.isOn("affine")
      ? [tensor(layer, "weight"), tensor(layer, "bias")]
      : [("scale", Float(1)), ("offset", 0)].map { name, value in
        graph.constant(
          weights.name(layer, name), [channels], Array(repeating: value, count: channels))
      }
    return mapped(
      "InstanceNormalization", input, with: scales, layer,
      [.number("epsilon", layer.number("epsilon"))])
  }

  /// (x - mean) / sqrt(variance + epsilon) over some axes.
  ///
  /// - Parameters:
  ///   - value: x.
  ///   - axes: Of x with the samples' in front.
  ///   - correction: What the biased variance is multiplied by; nil for 1.
  ///   - layer: The layer.
  /// - Returns: The name of the value.
  private mutating func normalized(
    _ value: ONNXValue, axes: [Int], correction: Double?, _ layer: LayerDescription
  ) -> String {
    let path = layer.path
    let over: [ONNXAttributeProto] = [.integers("axes", axes), .integer("keepdims", 1)]
    let mean = graph.node("ReduceMean", [value.name], at: path, over)
    let centred = graph.node("Sub", [value.name, mean], at: path)
    let squares = graph.node("Mul", [centred, centred], at: path)
    var variance = graph.node("ReduceMean", [squares], at: path, over)
    if let correction {
      variance = graph.node("Mul", [variance, graph.number(correction)], at: path)
    }
    let shifted = graph.node("Add", [variance, graph.number(layer.number("epsilon"))], at: path)
    return graph.node("Div", [centred, graph.node("Sqrt", [shifted], at: path)], at: path)
  }
}
