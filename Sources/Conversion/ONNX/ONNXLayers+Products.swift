import Base
import Networks
import ONNXMessages

/// Matrix products, convolutions and attention.
extension ONNXLayers {
  /// x W^T + b by Gemm, W outputs x inputs as PyTorch has it.
  mutating func linear(_ layer: LayerDescription, _ value: ONNXValue) -> ONNXValue {
    let input = formed(value, [layer.inputShape.channels], layer)
    let factors = [input.name, weight(layer)] + bias(layer)
    return ONNXValue(
      name: graph.node("Gemm", factors, at: layer.path, [.integer("transB", 1)]),
      sizes: [layer.outputShape.channels])
  }

  /// Conv, in as many directions as the image has; its weight is outputs x inputs x kernel.
  mutating func convolution(_ layer: LayerDescription, _ value: ONNXValue) -> ONNXValue {
    let input = image(value, layer)
    let factors = [input.name, weight(layer)] + bias(layer)
    return ONNXValue(
      name: graph.node("Conv", factors, at: layer.path, windows(layer)),
      sizes: layer.outputShape.sizes)
  }

  /// ConvTranspose; its weight is inputs x outputs x kernel, and its padding is cut off the output.
  mutating func transposedConvolution(
    _ layer: LayerDescription, _ value: ONNXValue
  ) -> ONNXValue {
    let input = image(value, layer)
    let factors = [input.name, weight(layer, isTransposed: true)] + bias(layer)
    let extra = layer.extents("outputPadding", layer.outputShape.dimensions)
    return ONNXValue(
      name: graph.node(
        "ConvTranspose", factors, at: layer.path,
        windows(layer) + [.integers("output_padding", extra)]),
      sizes: layer.outputShape.sizes)
  }

  /// A convolution without bias, batch norm and ReLU, which the options of one layer describe.
  mutating func basicConvolution(_ layer: LayerDescription, _ value: ONNXValue) -> ONNXValue {
    let input = image(value, layer)
    let products = graph.node(
      "Conv", [input.name, weight(layer, path: "conv.")], at: layer.path, windows(layer))
    let parameters = ["weight", "bias", "running_mean", "running_var"].map {
      tensor(layer, "bn.\($0)")
    }
    let normal = mapped(
      "BatchNormalization", ONNXValue(name: products, sizes: layer.outputShape.sizes),
      with: parameters, layer, [.number("epsilon", layer.number("epsilon"))])
    return mapped("Relu", normal, layer)
  }

  /// Kernel, strides and padding: all numbers in front of the image first, then those behind it.
  func windows(_ layer: LayerDescription) -> [ONNXAttributeProto] {
    let dimensions = layer.outputShape.dimensions
    return [
      .integers("kernel_shape", layer.extents("kernel", dimensions)),
      .integers("strides", layer.extents("stride", dimensions)),
      .integers("pads", layer.padding.before + layer.padding.after),
    ]
  }

  /// x + gamma o(attention of theta(x) over phi(x), of the values g(x)).
  mutating func selfAttention(_ layer: LayerDescription, _ value: ONNXValue) -> ONNXValue {
    let x = image(value, layer)
    let channels = layer.inputShape.channels
    let pool = layer.integer("pool")
    let queries = columns(branch("theta", of: x, layer), channels / 8, layer)
    let keys = columns(branch("phi", of: x, layer, pool: pool), channels / 8, layer)
    let values = columns(branch("g", of: x, layer, pool: pool), channels / 2, layer)
    let path = layer.path
    let swapped: [ONNXAttributeProto] = [.integers("perm", [0, 2, 1])]
    let rows = graph.node("Transpose", [queries], at: path, swapped)
    let products = graph.node("MatMul", [rows, keys], at: path)
    let shares = graph.node("Softmax", [products], at: path, [.integer("axis", -1)])
    let turned = graph.node("Transpose", [shares], at: path, swapped)
    let found = formed(
      ONNXValue(name: graph.node("MatMul", [values, turned], at: path), sizes: []),
      [channels / 2] + layer.inputShape.pixelSizes, layer)
    let mapped = branch("o", of: found, layer)
    let scaled = graph.node("Mul", [mapped, tensor(layer, "gamma")], at: path)
    return self.mapped("Add", x, with: [scaled], layer)
  }

  /// A convolution of one pixel without bias, perhaps with the maxima of blocks behind it.
  ///
  /// - Parameters:
  ///   - name: `theta`, `phi`, `g` or `o`: the weight's path in the layer.
  ///   - x: An image.
  ///   - layer: The attention.
  ///   - pool: Pixels of a block, each way; 1 for none.
  /// - Returns: The name of an image.
  private mutating func branch(
    _ name: String, of x: ONNXValue, _ layer: LayerDescription, pool: Int = 1
  ) -> String {
    let path = "\(layer.path).\(name)"
    let found = graph.node("Conv", [x.name, weight(layer, path: "\(name).")], at: path)
    guard pool > 1 else { return found }
    let block = layer.inputShape.pixelSizes.map { _ in pool }
    return graph.node(
      "MaxPool", [found], at: path,
      [.integers("kernel_shape", block), .integers("strides", block)])
  }

  /// An image as a matrix of channels x pixels: N x C x (H W).
  private mutating func columns(
    _ image: String, _ channels: Int, _ layer: LayerDescription
  ) -> String {
    graph.node("Reshape", [image, graph.integers([0, channels, -1])], at: layer.path)
  }
}
