import Base
import Collectives
import Configuration
import Networks
import TestSupport
import Testing

/// A network of this rank, filled and read by the samples' numbers in the global batch.
final class Harness {
  let network: Network
  let context: ExecutionContext
  let batch: Int
  let groups: Int

  /// Builds the network of `layers`: a configuration's entries, such as `- relu`, a line each.
  ///
  /// With `hasSecondOrder` the last group takes the second-order pass.
  init(
    _ layers: String, input: Shape, batch: Int = 5, groups: Int = 1, shards: Int = 3,
    hasSecondOrder: Bool = true, scheme: Initialization.Scheme = .pytorch, threads: Int = 1,
    classes: Int = 0, numbers: Int = 0,
    communicator: any Communicator = SoloCommunicator()
  ) throws {
    self.batch = batch
    self.groups = groups
    let plan = try ShardPlan(shards: shards, rank: communicator.rank, ranks: communicator.size)
    context = try ExecutionContext(plan: plan, communicator: communicator, threads: threads)
    network = try Network(
      name: "critic",
      layers: LayerCatalog.layers(
        Self.items(layers), inputShape: input,
        .init(
          initialization: Initialization(scheme), groups: groups,
          condition: ConditionShape(classes: classes, numbers: numbers), context: context)),
      condition: ConditionShape(classes: classes, numbers: numbers),
      memory: MemoryPlan(
        shardCapacity: groups * plan.capacity(batch: batch), groups: groups,
        secondOrderGroup: hasSecondOrder ? groups - 1 : nil),
      context: context)
    network.initialize(seed: 1, networkNumber: 1)
    fillConditions()
  }

  /// The class of a sample of a group: neighbours differ.
  func label(_ sample: Int, group: Int) -> Int {
    Int(Self.label(sample, group, max(1, network.conditions?.shape.classes ?? 1)))
  }

  /// The numbers of a sample's condition, of both signs and none of them 0.
  func numbers(_ sample: Int, group: Int) -> [Float] {
    (0..<(network.conditions?.shape.numbers ?? 0)).map {
      Float((3 * sample + 5 * group + 2 * $0) % 7) / 4 - 0.875
    }
  }

  private func fillConditions() {
    guard let conditions = network.conditions else { return }
    for shard in 0..<context.plan.localShards {
      for group in 0..<groups {
        let target = conditions.labels(pass, shard: shard, groups: group..<group + 1)
        for (index, sample) in context.plan.samples(localShard: shard, batch: batch).enumerated() {
          target[index] = Int32(label(sample, group: group))
          let numbers = conditions.sample(index, group: group, pass, shard: shard).numbers
          _ = numbers.update(fromContentsOf: self.numbers(sample, group: group))
        }
      }
    }
  }

  static func items(_ layers: String) throws -> [ConfigurationItem] {
    try ConfigurationDocument(text: "layers:\n\(layers)", name: "test.yaml").root().items("layers")
  }

  /// The class of a sample of the global batch: not in the samples' order, none for each shard.
  static func label(_ sample: Int, _ group: Int, _ classes: Int) -> Int32 {
    Int32((2 * sample + sample / 3 + group) % max(classes, 1))
  }

  /// All groups; a parameter gradient of all.
  var pass: Pass { pass(0..<groups) }

  func pass(
    _ groups: Range<Int>, parameterGroups: Range<Int>? = nil, mode: Pass.Mode = .training,
    draw: Int = 3
  ) -> Pass {
    Pass(
      .global(batch: batch), groups: groups, parameterGroups: parameterGroups, mode: mode,
      draw: PassDraw(seed: 5, number: draw), plan: context.plan
    ).with(network.conditions)
  }

  /// A tensor of its own with every value NaN.
  func tensor(_ shape: Shape, firstGroup: Int = 0) -> Tensor {
    let tensor = Tensor(
      shape: shape, shards: context.plan.localShards,
      shardCapacity: (groups - firstGroup) * context.plan.capacity(batch: batch),
      firstGroup: firstGroup)
    let pass = pass(firstGroup..<groups)
    for shard in 0..<context.plan.localShards {
      tensor.values(pass, shard: shard).update(repeating: .nan)
    }
    return tensor
  }

  /// Overwrites this rank's part of a group with that of `values`, the group's samples over all
  /// ranks.
  func fill(_ tensor: Tensor, group: Int = 0, _ values: [Float]) {
    let count = tensor.shape.elementCount
    #expect(values.count == batch * count)
    let pass = pass(group..<group + 1)
    for shard in 0..<context.plan.localShards {
      for (index, sample) in context.plan.samples(localShard: shard, batch: batch).enumerated() {
        _ = tensor.sample(index, group: group, pass, shard: shard)
          .update(fromContentsOf: values[sample * count..<(sample + 1) * count])
      }
    }
  }

  /// This rank's samples of a group: over all ranks, in rank order, the group.
  func values(_ tensor: Tensor, group: Int = 0) -> [Float] {
    (0..<context.plan.localShards).flatMap {
      Array(tensor.read(pass(group..<group + 1), shard: $0))
    }
  }

  /// All parameters behind each other, each in its own memory order.
  var parameters: [Float] {
    get { allParameters.flatMap { Array($0.values) } }
    set {
      var first = 0
      for parameter in allParameters {
        parameter.mutate {
          _ = $0.update(fromContentsOf: newValue[first..<first + parameter.count])
        }
        first += parameter.count
      }
    }
  }

  /// The reduced gradients, in the order of `parameters`.
  var gradients: [Float] { allParameters.flatMap { Array($0.gradient) } }

  private var allParameters: [Parameter] { network.layers.flatMap(\.parameters) }
}

/// The passes of one layer, called as a network calls them but into outputs of NaNs.
///
/// A call leaves the layer's state (running statistics, vectors of spectral norm) as it was.
struct LayerPasses {
  let harness: Harness
  var layer: any Layer { harness.network.layers[0] }

  struct First {
    var y: [Float]
    var dx: [Float]
    var dw: [Float]
  }

  struct Second {
    var jt: [Float]
    var dw: [Float]
    /// nil for a layer without one.
    var share: [Float]?
  }

  private func tensors(_ x: [Float], _ dy: [Float]) throws -> (
    x: Tensor, y: Tensor, dy: Tensor, dx: Tensor
  ) {
    let (x, y) = (harness.filled(layer.inputShape, x), harness.tensor(layer.outputShape))
    try layer.forward(x, into: y, harness.pass)
    return (x, y, harness.filled(layer.outputShape, dy), harness.tensor(layer.inputShape))
  }

  private func keepingState<Result>(_ body: () throws -> Result) rethrows -> Result {
    let state = layer.buffers.map { Array($0.values.buffer) }
    defer {
      for (buffer, values) in zip(layer.buffers, state) {
        _ = buffer.values.buffer.update(fromContentsOf: values)
      }
    }
    return try body()
  }

  func first(x: [Float], dy: [Float]) throws -> First {
    try keepingState { try computeFirst(x: x, dy: dy) }
  }

  func second(x: [Float], dy: [Float], t direction: [Float]) throws -> Second {
    try keepingState { try computeSecond(x: x, dy: dy, t: direction) }
  }

  private func computeFirst(x: [Float], dy: [Float]) throws -> First {
    let t = try tensors(x, dy)
    harness.network.arena.clearGradient()
    try layer.backward(t.dy, input: t.x, output: t.y, into: t.dx, harness.pass)
    try harness.network.arena.reduceGradient()
    return First(y: harness.values(t.y), dx: harness.values(t.dx), dw: harness.gradients)
  }

  private func computeSecond(x: [Float], dy: [Float], t direction: [Float]) throws -> Second {
    let t = try tensors(x, dy)
    try layer.backward(
      t.dy, input: t.x, output: t.y, into: t.dx, harness.pass(0..<1, parameterGroups: 0..<0))
    harness.network.arena.clearGradient()
    let jt = harness.tensor(layer.outputShape)
    let composite = layer as? any CompositeLayer
    var share = layer.traits.isCurved ? harness.tensor(layer.inputShape) : nil
    try layer.doubleBackward(
      harness.filled(layer.inputShape, direction), outputGradient: t.dy, input: t.x, output: t.y,
      into: jt, share: composite == nil ? share : nil, harness.pass)
    if let composite, let dx = share {
      // The shares inside reach the parameters of the layers before them here, and the input.
      let isSent = try composite.backwardShares(
        arriving: nil, input: t.x, output: t.y, into: dx, harness.pass)
      share = isSent ? dx : nil
    }
    try harness.network.arena.reduceGradient()
    return Second(
      jt: harness.values(jt), dw: harness.gradients, share: share.map { harness.values($0) })
  }
}

/// The first layer's passes over all groups, as a critic step makes them, into outputs of NaNs.
struct GroupedPasses {
  private let harness: Harness
  private let tensors: (x: Tensor, y: Tensor, dy: Tensor, dx: Tensor)
  /// Of each group.
  let y: [[Float]]
  let dx: [[Float]]
  /// The reduced gradients of the parameters, of `parameterGroups` alone.
  let dw: [Float]
  private var layer: any Layer { harness.network.layers[0] }

  /// Runs the layer forward and backward.
  ///
  /// - Parameters:
  ///   - harness: The network of the layer.
  ///   - x: Inputs of each group.
  ///   - dy: Output gradients of each group.
  ///   - parameterGroups: The groups whose samples add to the parameters' gradients.
  /// - Throws: What a pass throws.
  init(_ harness: Harness, x: [[Float]], dy: [[Float]], parameterGroups: Range<Int>) throws {
    self.harness = harness
    let layer = harness.network.layers[0]
    let tensors = (
      x: harness.tensor(layer.inputShape), y: harness.tensor(layer.outputShape),
      dy: harness.tensor(layer.outputShape), dx: harness.tensor(layer.inputShape)
    )
    self.tensors = tensors
    for group in 0..<harness.groups {
      harness.fill(tensors.x, group: group, x[group])
      harness.fill(tensors.dy, group: group, dy[group])
    }
    try layer.forward(tensors.x, into: tensors.y, harness.pass)
    harness.network.arena.clearGradient()
    try layer.backward(
      tensors.dy, input: tensors.x, output: tensors.y, into: tensors.dx,
      harness.pass(0..<harness.groups, parameterGroups: parameterGroups))
    try harness.network.arena.reduceGradient()
    y = (0..<harness.groups).map { harness.values(tensors.y, group: $0) }
    dx = (0..<harness.groups).map { harness.values(tensors.dx, group: $0) }
    dw = harness.gradients
  }

  /// The second-order pass of the last group, of a curved layer.
  ///
  /// - Parameter direction: The group's t.
  /// - Returns: What the pass gives, the parameters' gradients without those of the first order.
  /// - Throws: What a pass throws.
  func second(t direction: [Float]) throws -> LayerPasses.Second {
    let last = harness.groups - 1
    harness.network.arena.clearGradient()
    let t = harness.tensor(layer.inputShape, firstGroup: last)
    let jt = harness.tensor(layer.outputShape, firstGroup: last)
    let share = harness.tensor(layer.inputShape, firstGroup: last)
    harness.fill(t, group: last, direction)
    try layer.doubleBackward(
      t, outputGradient: tensors.dy, input: tensors.x, output: tensors.y, into: jt, share: share,
      harness.pass(last..<last + 1))
    try harness.network.arena.reduceGradient()
    return LayerPasses.Second(
      jt: harness.values(jt, group: last), dw: harness.gradients,
      share: harness.values(share, group: last))
  }
}

extension Harness {
  /// A tensor of one group's values.
  func filled(_ shape: Shape, _ values: [Float]) -> Tensor {
    let tensor = tensor(shape)
    fill(tensor, values)
    return tensor
  }
}

extension Harness {
  /// Expects what the passes of the whole network give for one group to agree with differences: the
  /// gradients of <dy, y> with respect to input and parameters, and that of F = <dL/dx, t> with
  /// respect to the parameters.
  ///
  /// - Parameters:
  ///   - seed: Of x, dy and t.
  ///   - tolerance: Of the second order, as in `expectGradient`.
  ///   - sourceLocation: Where messages point.
  /// - Throws: What a pass throws.
  func expectGradientsOfTheNetwork(
    seed: UInt64, tolerance: Double = 1e-3, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    var data = TestData(seed: seed)
    let x = data.normals(batch * network.inputShape.elementCount)
    let dy = data.normals(batch * network.outputShape.elementCount)
    let t = data.normals(x.count)
    fill(network.direction, t)
    fill(network.outputGradient, dy)
    let point = parameters

    func output(_ x: [Float]) throws -> Double {
      fill(network.input, x)
      try network.forward(pass)
      return dot(values(network.output), dy)
    }
    func penalty(_ parameters: [Float]) throws -> Double {
      self.parameters = parameters
      _ = try output(x)
      try network.backward(pass(0..<1, parameterGroups: 0..<0), inputGroups: 0..<1)
      return dot(values(network.inputGradient), t)
    }
    _ = try output(x)
    network.arena.clearGradient()
    try network.backward(pass, inputGroups: 0..<1)
    try network.arena.reduceGradient()
    let first = gradients
    try expectGradient(
      values(network.inputGradient), at: x, "input", sourceLocation: sourceLocation, of: output)
    try expectGradient(
      first, at: point, step: 0x1p-6, "parameters", sourceLocation: sourceLocation
    ) {
      parameters = $0
      return try output(x)
    }
    _ = try penalty(point)
    network.arena.clearGradient()
    try network.doubleBackward(pass)
    try network.backwardShares(pass)
    try network.arena.reduceGradient()
    // The differences' error falls with step^4: 2e-3 at 2^-4, 7e-6 here.
    try expectGradient(
      gradients, at: point, tolerance: tolerance, floor: 0.1, step: 0x1p-6, "second order",
      sourceLocation: sourceLocation, of: penalty)
  }
}
