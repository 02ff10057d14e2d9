import Base
import Networks
import ONNXMessages

extension ONNXLayers {
  /// One function of each element; swish is x sigmoid(x), of two nodes.
  mutating func activation(_ layer: LayerDescription, _ value: ONNXValue) -> ONNXValue {
    switch layer.kind {
    case "relu": return mapped("Relu", value, layer)
    case "tanh": return mapped("Tanh", value, layer)
    case "sigmoid": return mapped("Sigmoid", value, layer)
    case "softplus": return mapped("Softplus", value, layer)
    case "leakyReLU":
      return mapped("LeakyRelu", value, layer, [.number("alpha", layer.number("slope"))])
    case "elu": return mapped("Elu", value, layer, [.number("alpha", layer.number("alpha"))])
    case "swish":
      let gate = graph.node("Sigmoid", [value.name], at: layer.path)
      return mapped("Mul", value, with: [gate], layer)
    default: return gelu(layer, value)
    }
  }

  /// x / 2 (1 + erf(x / sqrt(2))), or with a tanh of a cubic in place of erf.
  ///
  /// Gelu is an operator of the set 20 only.
  private mutating func gelu(_ layer: LayerDescription, _ value: ONNXValue) -> ONNXValue {
    let path = layer.path
    let x = value.name
    let curve: String
    if layer[option: "approximate"] == .word("tanh") {
      let square = graph.node("Mul", [x, x], at: path)
      let scaled = graph.node("Mul", [square, graph.number(0.044715)], at: path)
      let factor = graph.node("Add", [scaled, graph.number(1)], at: path)
      let cubic = graph.node("Mul", [x, factor], at: path)
      let root = (2 / Double.pi).squareRoot()
      let argument = graph.node("Mul", [cubic, graph.number(root)], at: path)
      curve = graph.node("Tanh", [argument], at: path)
    } else {
      let argument = graph.node("Mul", [x, graph.number(0.5.squareRoot())], at: path)
      curve = graph.node("Erf", [argument], at: path)
    }
    let share = graph.node("Add", [curve, graph.number(1)], at: path)
    let half = graph.node("Mul", [x, graph.number(0.5)], at: path)
    return mapped("Mul", ONNXValue(name: half, sizes: value.sizes), with: [share], layer)
  }

  /// A function for each span of the channels, softmax over the span; the spans again in their
  /// order.
  mutating func spans(_ layer: LayerDescription, _ value: ONNXValue) -> ONNXValue {
    let functions = layer.words("functions")
    let axis: [ONNXAttributeProto] = [.integer("axis", 1)]
    let parts =
      functions.count == 1
      ? [value.name]
      : graph.nodes(
        "Split", [value.name, graph.integers(layer.integers("channels"))], at: layer.path, axis,
        outputs: functions.count)
    let found = zip(functions, parts).map { function, part in
      switch function {
      case "tanh": graph.node("Tanh", [part], at: layer.path)
      case "sigmoid": graph.node("Sigmoid", [part], at: layer.path)
      case "softmax": graph.node("Softmax", [part], at: layer.path, axis)
      default: part
      }
    }
    guard found.count > 1 else { return ONNXValue(name: found[0], sizes: value.sizes) }
    return ONNXValue(
      name: graph.node("Concat", found, at: layer.path, axis), sizes: value.sizes)
  }
}
