import Base
import Collectives

/// A chain of layers with the memory of its passes: the replica of a generator or critic on this
/// rank.
///
/// A caller fills `input` (and `conditions`), calls `forward`, reads `output`, fills
/// `outputGradient`, calls `backward`, and for a gradient penalty reads `inputGradient`, fills
/// `direction`, and calls `doubleBackward` and `backwardShares`, each once; `Pass.lastContribution`
/// may tell `backward` of that.
///
/// Networks of one context share the memory of inner and of parameter gradients: what a backward
/// pass leaves there is good until another network's.
package final class Network {
  package let name: String
  package let sequence: LayerSequence
  package let arena: ParameterArena
  package let context: ExecutionContext
  package let memory: MemoryPlan
  /// What the state dict puts in front of a layer's number: `main.`, or nothing.
  package let namePrefix: String
  /// What the state dict calls the layers in place of their numbers; nil for the counted ones.
  package let names: [String?]
  package let input: Tensor
  package let output: Tensor
  /// dL/d output: to be filled before `backward`.
  package let outputGradient: Tensor
  /// dL/d input: filled by `backward` for the groups it was asked for.
  package let inputGradient: Tensor
  /// The conditions of the samples in `input`; nil for a network that takes none.
  package let conditions: Conditions?
  private let secondOrderDirection: Tensor?

  /// Gives the layers memory for parameters and passes; parameters have no values yet.
  ///
  /// - Parameters:
  ///   - name: The name in messages: `generator` or `critic`.
  ///   - layers: At least one; each takes what the one before gives.
  ///   - names: What the state dict calls the layers, nil for those that are counted; nil where
  ///     all are.
  ///   - namePrefix: What the state dict puts in front of a layer's number.
  ///   - condition: What the samples are conditioned on, where layers take conditions.
  ///   - memory: The largest pass that will run.
  ///   - keptLayers: Layers whose outputs are still there behind a pass, of a network for forward
  ///     passes alone.
  ///   - context: The ranks, threads and shared memory of the passes.
  /// - Throws: `Fault` where the layers do not fit each other, `Fault` where an
  ///   exchange between ranks cannot be set up.
  package init(
    name: String, layers: [any Layer], names: [String?]? = nil, namePrefix: String = "",
    condition: ConditionShape = .none, memory: MemoryPlan, keptLayers: Set<Int> = [],
    context: ExecutionContext
  ) throws {
    self.name = name
    self.memory = memory
    self.context = context
    self.namePrefix = namePrefix
    self.names = names ?? layers.map { _ in nil }
    precondition(self.names.count == layers.count, "\(self.names.count) names of \(layers.count)")
    context.gradientMemory.beginNetwork()
    context.partialMemory.beginNetwork()
    arena = try ParameterArena(
      layers.flatMap(\.parameters), hasGradient: !memory.isForwardOnly, context: context)
    sequence = try LayerSequence(
      layers, name: name, endsNetwork: true, memory: memory, keptLayers: keptLayers,
      context: context)
    context.valueMemory.endOverlaps()
    let shards = context.plan.localShards
    let tensor = { (shape: Shape) in
      Tensor(
        shape: shape, shards: shards, shardCapacity: memory.shardCapacity, in: context.valueMemory)
    }
    input = tensor(sequence.inputShape)
    output = tensor(sequence.outputShape)
    let none = Shape(channels: 0)
    outputGradient = tensor(memory.isForwardOnly ? none : sequence.outputShape)
    inputGradient = tensor(memory.isForwardOnly ? none : sequence.inputShape)
    conditions =
      sequence.needsConditions
      ? Conditions(condition, shards: shards, shardCapacity: memory.shardCapacity) : nil
    secondOrderDirection = memory.secondOrderGroup.map {
      Tensor(
        shape: layers[0].inputShape, shards: shards, shardCapacity: memory.groupCapacity,
        firstGroup: $0, in: context.valueMemory)
    }
    for shared in [context.valueMemory, context.gradientMemory, context.partialMemory] {
      shared.allocate()
    }
  }

  package var layers: [any Layer] { sequence.layers }
  /// The batch norms that keep running statistics, those inside other layers included.
  package var runningNorms: [BatchNorm] { Self.runningNorms(in: layers) }

  private static func runningNorms(in layers: [any Layer]) -> [BatchNorm] {
    layers.flatMap { layer in
      ((layer as? BatchNorm).map { $0.buffers.isEmpty ? [] : [$0] } ?? [])
        + runningNorms(in: layer.children.map(\.layer))
    }
  }

  package var inputShape: Shape { sequence.inputShape }
  package var outputShape: Shape { sequence.outputShape }

  /// The direction t in input space: to be filled before `doubleBackward`.
  package var direction: Tensor {
    guard let secondOrderDirection else {
      preconditionFailure("\(name) is not planned for a second-order pass")
    }
    return secondOrderDirection
  }

  package var parameterCount: Int {
    layers.reduce(0) { $0 + $1.parameters.reduce(0) { $0 + $1.count } }
  }

  /// Floating-point operations of a forward pass, a sample, counted as direct products.
  package var operations: Int { sequence.operations }

  /// Whether the outputs are probabilities: the last layer that changes values gives some.
  package var givesProbabilities: Bool {
    layers.last { !$0.traits.keepsValues }?.traits.givesProbabilities ?? false
  }

  /// Whether a layer's output for a sample depends on the other samples.
  package var couplesSamples: Bool { sequence.couplesSamples }

  /// output = network(input), for the pass's groups.
  package func forward(_ pass: Pass) throws {
    try sequence.forward(input, into: output, pass.with(conditions))
  }

  /// Sends `outputGradient` back.
  ///
  /// Parameter gradients of the pass's `parameterGroups` are added to the partials, or left to
  /// `backwardShares`.
  ///
  /// - Parameters:
  ///   - pass: The groups and samples that `outputGradient` covers.
  ///   - inputGroups: The groups for which `inputGradient` is wanted; empty for none.
  ///   - inner: What is added behind a layer; nil for nothing.
  /// - Throws: `Fault` where a layer's exchange between ranks fails.
  package func backward(
    _ pass: Pass, inputGroups: Range<Int>, adding inner: InnerGradient? = nil
  ) throws {
    let narrowed = pass.with(conditions).with(inputGroups: inputGroups)
    try sequence.backward(
      outputGradient, input: input, output: output,
      into: inputGroups.isEmpty ? nil : inputGradient, narrowed, adding: inner)
  }

  /// Carries `direction` through the derivative of `backward`, which was the last call for this
  /// group: adds d/dW of <inputGradient, direction>, and keeps the curved layers' shares.
  ///
  /// Call it at most once after each `backward`.
  package func doubleBackward(_ pass: Pass) throws {
    try sequence.doubleBackward(
      direction, outputGradient: outputGradient, input: input, output: output, into: nil,
      pass.with(conditions))
  }

  /// Sends the shares that `doubleBackward` left back to the parameters, and adds what `backward`
  /// left.
  ///
  /// Overwrites what `backward` kept.
  package func backwardShares(_ pass: Pass) throws {
    try sequence.backwardShares(
      arriving: nil, input: input, output: output, into: nil, pass.with(conditions))
  }

  /// Numbers of a stream's samples that no parameter has, for the vectors of spectral norm.
  private static let firstSpectralSample = 1 << 31

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
      case .uniformParts(let parts):
        stream.uniforms(sample: index, into: drawn.buffer)
        var first = 0
        for part in parts {
          for i in first..<first + part.count {
            drawn.buffer[i] = (2 * drawn.buffer[i] - 1) * part.limit
          }
          first += part.count
        }
      }
      parameter.mutate { parameter.layout.fromPyTorch(FloatBuffer(drawn.buffer), into: $0) }
      parameter.spectralNorm?.begin(
        stream, sample: Self.firstSpectralSample + index, weight: parameter.values)
    }
  }
}
