import Base
import Networks
import ONNXMessages

/// Writes layers as nodes of a graph.
///
/// A value is N x C for vectors and N x C x L, N x C x H x W or N x C x D x H x W for images; a
/// layer that wants other sizes than the one before gives has a Reshape in front. Batch norm takes
/// running statistics, dropout is left out, and spectral norm is part of the weights.
///
/// A layer's node is named after its path in the network, `3.main.1/Conv`, and its constants as in
/// the state dict. An operator that no other layer has goes into a table of `ONNXEvaluation` too.
struct ONNXLayers {
  /// For errors.
  let network: String
  let weights: NetworkWeights
  var graph: ONNXGraph

  /// int64, N, or N x m of packs of m samples.
  static let labels = "labels"
  /// float, N x K.
  static let condition = "condition"

  /// Adds layers one after the other.
  ///
  /// - Parameters:
  ///   - layers: In their order.
  ///   - value: What the first of them reads.
  /// - Returns: What the last one gives; without layers `value`.
  /// - Throws: `Fault` naming a layer that there are no nodes for.
  mutating func apply(_ layers: [LayerDescription], to value: ONNXValue) throws -> ONNXValue {
    var value = value
    for layer in layers { value = try apply(layer, to: value) }
    return value
  }

  private mutating func apply(
    _ layer: LayerDescription, to value: ONNXValue
  ) throws -> ONNXValue {
    switch layer.kind {
    case "linear": linear(layer, value)
    case "conv1d", "conv2d", "conv3d": convolution(layer, value)
    case "convTranspose1d", "convTranspose2d", "convTranspose3d":
      transposedConvolution(layer, value)
    case "batchNorm": batchNorm(layer, value)
    case "conditionalBatchNorm": try conditionalBatchNorm(layer, value)
    case "layerNorm": layerNorm(layer, value)
    case "instanceNorm": instanceNorm(layer, value)
    case "residual": try residual(layer, value)
    case "concat": try concat(layer, value)
    case "basicConv2d": basicConvolution(layer, value)
    case "sequential", "branch": try apply(layer.children, to: value)
    case "selfAttention": selfAttention(layer, value)
    case "relu", "tanh", "sigmoid", "softplus", "leakyReLU", "elu", "gelu", "swish":
      activation(layer, value)
    case "spans": spans(layer, value)
    // Of training only.
    case "dropout": value
    case "upsample": upsample(layer, value)
    case "meanPool", "maxPool1d", "maxPool2d", "maxPool3d", "avgPool1d", "avgPool2d", "avgPool3d":
      pooling(layer, value)
    case "globalMean": globalMean(layer, value)
    case "reshape", "flatten": formed(value, layer.outputShape.arraySizes, layer)
    case "crop": crop(layer, value)
    case "labelConcat": labelConcat(layer, value)
    case "conditionConcat": try conditionConcat(layer, value)
    case "conditionScale": conditionScale(layer, value)
    default:
      throw Fault(
        "export: \(network).layers: layer \(layer.path) is \(layer.kind), which ONNX has no "
          + "operators for")
    }
  }

  // MARK: - Values

  /// A value with other sizes of a sample.
  mutating func formed(
    _ value: ONNXValue, _ sizes: [Int], _ layer: LayerDescription
  ) -> ONNXValue {
    formed(value, sizes, at: layer.path)
  }

  /// A value with other sizes of a sample, by a Reshape whose 0 keeps N.
  ///
  /// - Parameters:
  ///   - value: Returned as it is where it has these sizes.
  ///   - sizes: Of a sample, with as many elements; channels first.
  ///   - path: What the node is named after.
  /// - Returns: The value.
  mutating func formed(_ value: ONNXValue, _ sizes: [Int], at path: String) -> ONNXValue {
    guard value.sizes != sizes else { return value }
    let shape = graph.integers([0] + sizes)
    return ONNXValue(name: graph.node("Reshape", [value.name, shape], at: path), sizes: sizes)
  }

  /// What a layer on images takes: channels, and pixels in each of its directions.
  mutating func image(_ value: ONNXValue, _ layer: LayerDescription) -> ONNXValue {
    formed(value, layer.inputShape.sizes, layer)
  }

  /// A node that changes a value, and nothing of its sizes.
  ///
  /// - Parameters:
  ///   - operation: The operator's name, such as `Mul`.
  ///   - value: Its first input.
  ///   - others: The names of its other inputs.
  ///   - layer: What the node is named after.
  ///   - attributes: The operator's.
  /// - Returns: Its output.
  mutating func mapped(
    _ operation: String, _ value: ONNXValue, with others: [String] = [],
    _ layer: LayerDescription, _ attributes: [ONNXAttributeProto] = []
  ) -> ONNXValue {
    ONNXValue(
      name: graph.node(operation, [value.name] + others, at: layer.path, attributes),
      sizes: value.sizes)
  }

  /// A constant of a layer's tensor, with other sizes of as many values.
  ///
  /// - Parameters:
  ///   - layer: The layer.
  ///   - name: The tensor's in the layer, such as `running_mean`; it must be there.
  ///   - sizes: Without N; nil for the tensor's own.
  /// - Returns: The constant's name.
  mutating func tensor(
    _ layer: LayerDescription, _ name: String, sizes: [Int]? = nil
  ) -> String {
    let tensor = weights[layer, name]
    return graph.constant(weights.name(layer, name), sizes ?? tensor.shape, tensor.values)
  }

  /// The constant of the weight that a layer multiplies with, spectral norm divided out.
  ///
  /// - Parameters:
  ///   - layer: The layer, or one that holds it.
  ///   - path: What stands before `weight` in it, with a dot.
  ///   - isTransposed: Whether it is inputs x outputs, that of a transposed convolution.
  /// - Returns: The constant's name.
  mutating func weight(
    _ layer: LayerDescription, path: String = "", isTransposed: Bool = false
  ) -> String {
    let weight = weights.weight(layer, path: path, isTransposed: isTransposed)
    return graph.constant(weights.name(layer, "\(path)weight"), weight.shape, weight.values)
  }

  /// The constant of a layer's bias, as an input that follows the weight; none where it has none.
  mutating func bias(_ layer: LayerDescription) -> [String] {
    weights.find(layer, "bias") == nil ? [] : [tensor(layer, "bias")]
  }

  /// A row of each sample as channels of as many pixels as a value has.
  ///
  /// - Parameters:
  ///   - row: Its name; N x count.
  ///   - count: Numbers of the row.
  ///   - value: What has the pixels.
  ///   - layer: What nodes are named after.
  /// - Returns: The name of a value of N x count x the pixels; of a vector the row itself.
  mutating func spread(
    _ row: String, count: Int, over value: ONNXValue, _ layer: LayerDescription
  ) -> String {
    let pixels = Array(value.sizes.dropFirst())
    guard !pixels.isEmpty else { return row }
    let column = formed(
      ONNXValue(name: row, sizes: [count]), [count] + pixels.map { _ in 1 }, layer)
    guard pixels.contains(where: { $0 > 1 }) else { return column.name }
    return graph.node(
      "Expand", [column.name, graph.integers([1, count] + pixels)], at: layer.path)
  }
}
