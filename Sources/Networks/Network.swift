import Collectives
import Kernels

/// A chain of layers with the memory of its passes: the replica of a generator or critic on this
/// rank.
///
/// A caller fills `input`, calls `forward`, reads `output`, fills `outputGradient`, calls
/// `backward`, and for a gradient penalty reads `inputGradient`, fills `direction`, and calls
/// `doubleBackward` and `backwardShares`.
package final class Network {
  package let name: String
  package let layers: [any Layer]
  package let arena: ParameterArena
  package let context: ExecutionContext
  package let memory: MemoryPlan
  /// What the state dict puts in front of a layer's number: `main.`, or nothing.
  package let namePrefix: String

  /// Tensors at the layers' borders: value i is the input of layer i.
  ///
  /// Layers that work in place share one.
  private let activations: [Tensor]
  private let gradients: [Tensor]
  /// For the second-order group: directions, and the share at the input of each curved layer.
  private let directions: [Tensor]
  private let shares: [Tensor?]

  /// - `name`: `generator` or `critic`: for messages.
  /// - `layers`: At least one; each takes what the one before gives.
  package init(
    name: String, layers: [any Layer], namePrefix: String = "", memory: MemoryPlan,
    context: ExecutionContext
  ) throws {
    precondition(!layers.isEmpty, "a network without layers")
    self.name = name
    self.layers = layers
    self.memory = memory
    self.context = context
    self.namePrefix = namePrefix
    for (index, (layer, next)) in zip(layers, layers.dropFirst()).enumerated()
    where layer.outputShape != next.inputShape {
      throw NetworkError(
        "\(name): layer \(index + 1) (\(next.kind)) takes \(next.inputShape), but layer \(index) "
          + "(\(layer.kind)) gives \(layer.outputShape)")
    }
    arena = try ParameterArena(layers.flatMap(\.parameters), context: context)
    for layer in layers { layer.prepare(memory, in: context) }

    let shapes = [layers[0].inputShape] + layers.map(\.outputShape)
    let tensor = { (shape: Shape) in
      Tensor(shape: shape, shards: context.plan.localShards, shardCapacity: memory.shardCapacity)
    }
    var activations = [tensor(shapes[0])]
    for (index, layer) in layers.enumerated() {
      let inPlace =
        index > 0 && layer.traits.forwardInPlace && !layers[index - 1].traits.needsOutput
      activations.append(inPlace ? activations[index] : tensor(shapes[index + 1]))
    }
    self.activations = activations

    // From the last to the first: a layer that works in place gives its dx where its dy was, unless
    // its second-order pass still needs that dy.
    let hasSecondOrder = memory.secondOrderGroup != nil
    var gradients = [tensor(shapes[layers.count])]
    for (index, layer) in layers.enumerated().reversed() {
      let inPlace =
        layer.traits.backwardInPlace && !(hasSecondOrder && layer.traits.isCurved)
      gradients.insert(inPlace ? gradients[0] : tensor(shapes[index]), at: 0)
    }
    self.gradients = gradients

    guard let group = memory.secondOrderGroup else {
      directions = []
      shares = []
      return
    }
    let capacity = memory.shardCapacity / memory.groups
    let single = { (shape: Shape) in
      Tensor(
        shape: shape, shards: context.plan.localShards, shardCapacity: capacity, firstGroup: group)
    }
    var directions = [single(shapes[0])]
    for (index, layer) in layers.enumerated() {
      let inPlace = layer.traits.backwardInPlace && !layer.traits.isCurved
      directions.append(inPlace ? directions[index] : single(shapes[index + 1]))
    }
    self.directions = directions
    shares = layers.enumerated().map { index, layer in
      layer.traits.isCurved ? single(shapes[index]) : nil
    }
  }

  package var inputShape: Shape { layers[0].inputShape }
  package var outputShape: Shape { layers[layers.count - 1].outputShape }
  package var input: Tensor { activations[0] }
  package var output: Tensor { activations[layers.count] }
  /// dL/d output: to be filled before `backward`.
  package var outputGradient: Tensor { gradients[layers.count] }
  /// dL/d input: filled by `backward` for the groups it was asked for.
  package var inputGradient: Tensor { gradients[0] }
  /// The direction t in input space: to be filled before `doubleBackward`.
  package var direction: Tensor { directions[0] }

  package var parameterCount: Int {
    layers.reduce(0) { $0 + $1.parameters.reduce(0) { $0 + $1.count } }
  }

  /// Floating-point operations of a forward pass, a sample, counted as direct products.
  package var operations: Int { layers.reduce(0) { $0 + $1.operations } }

  /// Whether a layer's output for a sample depends on the other samples.
  package var couplesSamples: Bool { layers.contains { $0 is BatchNorm } }

  /// output = network(input), for the pass's groups.
  package func forward(_ pass: Pass) throws {
    for (index, layer) in layers.enumerated() {
      try layer.forward(activations[index], into: activations[index + 1], pass)
    }
  }

  /// Sends `outputGradient` back.
  ///
  /// Parameter gradients of the pass's `parameterGroups` are added to the partials.
  ///
  /// `inputGroups`: The groups for which `inputGradient` is wanted.
  package func backward(_ pass: Pass, inputGroups: Range<Int>) throws {
    for index in layers.indices.reversed() {
      var layerPass = pass
      if index == 0 { layerPass.inputGroups = inputGroups }
      try layers[index].backward(
        gradients[index + 1], input: activations[index], output: activations[index + 1],
        into: layerPass.inputGroups.isEmpty ? nil : gradients[index], layerPass)
    }
  }

  /// Carries `direction` through the derivative of `backward`, which was the last call for this
  /// group: adds d/dW of <inputGradient, direction>, and keeps the curved layers' shares.
  package func doubleBackward(_ pass: Pass) throws {
    for (index, layer) in layers.enumerated() {
      try layer.doubleBackward(
        directions[index], outputGradient: gradients[index + 1], input: activations[index],
        output: activations[index + 1],
        into: index + 1 < layers.count ? directions[index + 1] : nil, share: shares[index], pass)
    }
  }

  /// Sends the shares that `doubleBackward` left back to the parameters.
  ///
  /// Overwrites what `backward` kept.
  package func backwardShares(_ pass: Pass) throws {
    var arriving: Tensor?
    for index in layers.indices.reversed() {
      if let dy = arriving {
        let wantsInput = index > 0
        try layers[index].backward(
          dy, input: activations[index], output: activations[index + 1],
          into: wantsInput ? gradients[index] : nil, pass)
        arriving = wantsInput ? gradients[index] : nil
      }
      guard let share = shares[index], index > 0 else { continue }
      if let sum = arriving {
        context.forEachShard { shard, _ in
          Elementwise.add(share.read(pass, shard: shard), to: sum.values(pass, shard: shard))
        }
      } else {
        arriving = share
      }
    }
  }

  /// Draws the parameters: value j (in PyTorch's order) of parameter i of network n is number j of
  /// sample i at step n of the initialization's stream.
  package func initialize(seed: UInt64, networkNumber: Int) {
    let stream = RandomStream(seed: seed, purpose: .initialization, step: networkNumber)
    for (index, parameter) in layers.flatMap(\.parameters).enumerated() {
      let drawn = FloatStorage(count: parameter.count)
      switch parameter.initializer {
      case .constant(let value): drawn.buffer.update(repeating: value)
      case .normal(let mean, let deviation):
        stream.normals(sample: index, into: drawn.buffer)
        for i in 0..<drawn.count { drawn.buffer[i] = mean + deviation * drawn.buffer[i] }
      case .uniform(let limit):
        stream.uniforms(sample: index, into: drawn.buffer)
        for i in 0..<drawn.count { drawn.buffer[i] = (2 * drawn.buffer[i] - 1) * limit }
      }
      parameter.layout.fromPyTorch(FloatBuffer(drawn.buffer), into: parameter.values)
    }
  }
}
