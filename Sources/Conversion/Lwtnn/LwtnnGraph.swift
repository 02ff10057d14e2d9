import Base
import Networks

/// The nodes and layers of a network of dense layers, as lwtnn has them.
///
/// A node is an input, a layer of a node's values, or the concatenation or sum of several. What
/// follows a dense layer becomes part of it where lwtnn allows that: batch norm by running
/// statistics goes into weights and bias, an activation into its place; where others read the dense
/// layer's values too, they are layers of their own.
struct LwtnnGraph {
  /// What a network is told beside its first input.
  enum Input: Int, CaseIterable {
    case first, labels, condition
  }

  /// Where a node's values come from; sources are numbers of nodes before it.
  enum Node {
    case input(Input, size: Int)
    case layer(Int, source: Int)
    case concatenate([Int])
    case add([Int])
  }

  private(set) var nodes: [Node] = []
  private(set) var layers: [LwtnnLayer] = []
  private let network: String
  private let weights: NetworkWeights
  private let condition: ConditionShape
  /// Nodes that others read too: nothing may be added to their layers.
  private var shared: Set<Int> = []

  /// - Parameter network: The network.
  /// - Throws: `Fault` naming a layer that lwtnn has nothing for.
  init(_ network: Network) throws {
    self.network = network.name
    weights = NetworkWeights(network)
    condition = network.conditions?.shape ?? .none
    let first = input(.first, size: network.inputShape.elementCount)
    _ = try apply(network.description.layers, to: first)
  }

  /// Whether layers follow each other from the only input on.
  var isSequence: Bool {
    nodes.enumerated().allSatisfy { index, node in
      switch node {
      case .input: index == 0
      case .layer(let layer, let source): layer == index - 1 && source == index - 1
      case .concatenate, .add: false
      }
    }
  }

  /// Adds layers one after the other behind a node, and gives the node of the last one's values.
  private mutating func apply(_ layers: [LayerDescription], to source: Int) throws -> Int {
    try layers.reduce(source) { try apply($1, to: $0) }
  }

  /// Adds a layer behind a node.
  ///
  /// - Parameters:
  ///   - layer: Of vectors; dropout and what only reshapes adds nothing.
  ///   - source: The node whose values it takes.
  /// - Returns: The node of its values, `source` itself where the layer became part of it.
  /// - Throws: `Fault` naming a layer that lwtnn has nothing for.
  private mutating func apply(_ layer: LayerDescription, to source: Int) throws -> Int {
    switch layer.kind {
    case "linear":
      return add(
        LwtnnLayer(
          weights: weights.weight(layer).values, bias: weights.find(layer, "bias")?.values ?? []),
        to: source)
    case "batchNorm" where layer.inputShape.pixels == 1:
      return try batchNorm(layer, to: source)
    case "relu", "leakyReLU", "elu", "tanh", "sigmoid", "swish":
      return activate(Self.activation(layer), source)
    case "spans" where layer.words("functions").count == 1:
      return span(layer.words("functions")[0], source)
    // Samples are their numbers in a row; dropout is of training only.
    case "reshape", "flatten", "dropout": return source
    case "sequential", "branch": return try apply(layer.children, to: source)
    case "residual" where layer.outputShape.pixels == 1:
      shared.insert(source)
      let main = try apply(layer.branch("main"), to: source)
      shared.insert(main)
      return append(.add([main, try apply(layer.branch("shortcut"), to: source)]))
    case "concat" where layer.outputShape.pixels == 1:
      shared.insert(source)
      return append(.concatenate(try layer.children.map { try apply($0, to: source) }))
    case "labelConcat" where layer.inputShape.pixels == 1:
      return append(.concatenate([source, label(layer)]))
    case "conditionConcat" where layer.inputShape.pixels == 1:
      return append(.concatenate([source, try conditionNumbers(layer)]))
    default:
      throw Fault(
        "export: \(network).layers: layer \(layer.path) is \(layer.kind), which lwtnn has no layer "
          + "for")
    }
  }

  // MARK: - Layers

  /// lwtnn's name of a function, with its number.
  private static func activation(_ layer: LayerDescription) -> LwtnnActivation {
    switch layer.kind {
    case "relu": .init("rectified")
    case "leakyReLU": .init("leakyrelu", alpha: layer.number("slope"))
    case "elu": .init("elu", alpha: layer.number("alpha"))
    // x s(alpha x).
    case "swish": .init("swish", alpha: 1)
    default: .init(layer.kind)
    }
  }

  /// By running statistics: part of the dense layer right before, else a layer of its own.
  ///
  /// With s = gamma / sqrt(v + epsilon) the dense layer's W becomes s W and its b s (b - m) + beta,
  /// in Double; the layer of its own is s (x + beta / s - m).
  ///
  /// - Parameters:
  ///   - layer: The norm.
  ///   - source: The node in front.
  /// - Returns: The node of its values.
  /// - Throws: `Fault` for a layer of its own with a scale of 0.
  private mutating func batchNorm(_ layer: LayerDescription, to source: Int) throws -> Int {
    let values = ["weight", "bias", "running_mean", "running_var"].map {
      weights[layer, $0].values.map { Double($0) }
    }
    let epsilon = layer.number("epsilon")
    let scales = zip(values[0], values[3]).map { $0 / ($1 + epsilon).squareRoot() }
    if let index = openLayer(source), !layers[index].weights.isEmpty {
      let inputs = layers[index].weights.count / scales.count
      layers[index].weights = layers[index].weights.enumerated().map {
        Float(Double($1) * scales[$0 / inputs])
      }
      let offsets =
        layers[index].bias.isEmpty ? scales.map { _ in Float(0) } : layers[index].bias
      layers[index].bias = scales.indices.map {
        Float((Double(offsets[$0]) - values[2][$0]) * scales[$0] + values[1][$0])
      }
      return source
    }
    guard !scales.contains(0) else {
      throw Fault(
        "export: \(network).layers: layer \(layer.path): batchNorm with a scale of 0, which a "
          + "normalization of lwtnn cannot have")
    }
    // lwtnn's is weight (x + bias).
    return add(
      LwtnnLayer(
        architecture: "normalization", weights: scales.map(Float.init),
        bias: scales.indices.map { Float(values[1][$0] / scales[$0] - values[2][$0]) },
        activation: nil), to: source)
  }

  /// The one function of all values; `none` adds nothing.
  private mutating func span(_ function: String, _ source: Int) -> Int {
    function == "none" ? source : activate(.init(function), source)
  }

  /// Gives a dense layer its activation, or adds a layer that is nothing but one.
  private mutating func activate(_ activation: LwtnnActivation, _ source: Int) -> Int {
    if let index = openLayer(source) {
      layers[index].activation = activation
      return source
    }
    return add(LwtnnLayer(weights: [], bias: [], activation: activation), to: source)
  }

  /// The dense layer of a node that nothing else reads, while it has no activation.
  private func openLayer(_ node: Int) -> Int? {
    guard case .layer(let index, _) = nodes[node], !shared.contains(node),
      layers[index].activation == .linear
    else { return nil }
    return index
  }

  // MARK: - Conditions

  /// 1 for the sample's class and 0 for the others, or a row of a table by it.
  private mutating func label(_ layer: LayerDescription) -> Int {
    let oneHot = input(.labels, size: condition.classes)
    guard let table = weights.find(layer, "weight") else { return oneHot }
    let (classes, count) = (table.shape[0], table.shape[1])
    let turned = (0..<classes * count).map { table.values[$0 % classes * count + $0 / classes] }
    return add(LwtnnLayer(weights: turned, bias: []), to: oneHot)
  }

  /// The numbers of the condition that a layer reads, through the layers inside of it.
  private mutating func conditionNumbers(_ layer: LayerDescription) throws -> Int {
    let count = condition.numbers
    let numbers = layer.integers("numbers")
    var node = input(.condition, size: count)
    if numbers != Array(0..<count) {
      // Chosen by a matrix of ones and zeros.
      let chosen = numbers.flatMap { number in
        (0..<count).map { $0 == number ? Float(1) : 0 }
      }
      node = add(LwtnnLayer(weights: chosen, bias: []), to: node)
    }
    return try apply(layer.children, to: node)
  }

  // MARK: - Nodes

  /// The node of an input, which there is once.
  private mutating func input(_ input: Input, size: Int) -> Int {
    let found = nodes.firstIndex {
      if case .input(input, _) = $0 { true } else { false }
    }
    return found ?? append(.input(input, size: size))
  }

  private mutating func add(_ layer: LwtnnLayer, to source: Int) -> Int {
    layers.append(layer)
    return append(.layer(layers.count - 1, source: source))
  }

  private mutating func append(_ node: Node) -> Int {
    nodes.append(node)
    return nodes.count - 1
  }
}
