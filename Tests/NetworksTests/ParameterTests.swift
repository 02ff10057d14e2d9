import Base
import Collectives
import Networks
import TestSupport
import Testing

@Suite struct ParameterTests {
  /// PyTorch's (O, I, H, W) = (2, 3, 1, 2), value = 100 o + 10 i + x.
  @Test func layoutByHand() {
    let pytorch: [Float] = [0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121]
    let ours: [Float] = [0, 10, 20, 1, 11, 21, 100, 110, 120, 101, 111, 121]
    let layout = ParameterLayout.innerLast(outer: 2, inner: 3, pixels: 2)
    let found = pytorch.read { source in withOutput(12) { layout.fromPyTorch(source, into: $0) } }
    #expect(found == ours)
    let back = ours.read { source in withOutput(12) { layout.toPyTorch(source, into: $0) } }
    #expect(back == pytorch)
  }

  @Test func layoutRoundTrip() {
    var data = TestData(seed: 1)
    for layout in [ParameterLayout.same, .innerLast(outer: 5, inner: 3, pixels: 8)] {
      let values = data.normals(120)
      let ours = values.read { source in withOutput(120) { layout.fromPyTorch(source, into: $0) } }
      expectSameBits(
        ours.read { source in withOutput(120) { layout.toPyTorch(source, into: $0) } }, values)
      #expect((ours == values) == (layout == .same))
    }
  }

  /// Writing values starts a new version, whether of one parameter or of the arena; reading does
  /// not.
  @Test func versionsFollowChanges() throws {
    let network = try Harness("- linear: {outputs: 2}", input: Shape(channels: 3)).network
    let (weight, bias) = (network.layers[0].parameters[0], network.layers[0].parameters[1])
    let before = (weight.version, bias.version)
    _ = weight.values
    _ = network.arena.values
    #expect(weight.version == before.0)
    weight.mutate { $0[0] = 1 }
    #expect(weight.version > before.0)
    #expect(bias.version == before.1)
    network.arena.mutate { $0[0] = 2 }
    #expect(bias.version > before.1)
  }

  /// A transformed filter follows its parameter.
  @Test func transformedFiltersAreOfTheLatestValues() throws {
    let harness = try Harness(
      "- conv2d: {channels: 3, kernel: 3, padding: 1, bias: false, algorithm: winograd}",
      input: Shape(channels: 2, height: 5, width: 6))
    var data = TestData(seed: 2)
    harness.fill(harness.network.input, data.normals(5 * 60))
    try harness.network.forward(harness.pass)
    let first = harness.values(harness.network.output)
    harness.parameters = harness.parameters.map { 2 * $0 }
    try harness.network.forward(harness.pass)
    expectSameBits(harness.values(harness.network.output), first.map { 2 * $0 })
  }

  private func moments(_ values: some Sequence<Float>) -> (mean: Double, deviation: Double) {
    let values = values.map(Double.init)
    let mean = values.reduce(0, +) / Double(values.count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    return (mean, variance.squareRoot())
  }

  private static let layers = """
    - convTranspose2d: {channels: 64, kernel: 4}
    - batchNorm
    - conv2d: {channels: 64, kernel: 4, padding: 2}
    - conv2d: {channels: 300, kernel: 5}
    - linear: {outputs: 200}
    """

  private func values(_ network: Network, _ layer: Int, _ index: Int) -> [Float] {
    Array(network.layers[layer].parameters[index].values)
  }

  /// Convolutions N(0, 0.02), norm weights N(1, 0.02), PyTorch's defaults elsewhere.
  ///
  /// Bounds are five standard errors or more.
  @Test func dcganInitialization() throws {
    let network = try Harness(Self.layers, input: Shape(channels: 100), scheme: .dcgan).network
    for (layer, deviation) in [(0, 0.02), (2, 0.02), (3, 0.02)] {
      let weight = moments(values(network, layer, 0))
      expectClose(weight.mean, 0, absolute: 5e-4, "weight of layer \(layer)")
      expectClose(weight.deviation, deviation, absolute: 2e-4, "weight of layer \(layer)")
    }
    let norm = moments(values(network, 1, 0))
    expectClose(norm.mean, 1, absolute: 0.0125)
    expectClose(norm.deviation, 0.02, absolute: 0.009)
    #expect(values(network, 1, 1).allSatisfy { $0 == 0 })
    try checkUniform(network, weights: [4])
  }

  @Test func pytorchInitialization() throws {
    let network = try Harness(Self.layers, input: Shape(channels: 100)).network
    #expect(values(network, 1, 0).allSatisfy { $0 == 1 })
    #expect(values(network, 1, 1).allSatisfy { $0 == 0 })
    try checkUniform(network, weights: [0, 2, 3, 4])
  }

  /// Uniform in +-1/sqrt(fan-in); the fan-in of a transposed convolution is PyTorch's, of its
  /// outputs.
  private func checkUniform(_ network: Network, weights: [Int]) throws {
    let fanIns = [0: 64 * 16, 2: 64 * 16, 3: 64 * 25, 4: 300]
    for (layer, fanIn) in fanIns {
      let limit = 1 / Double(fanIn).squareRoot()
      for index in weights.contains(layer) ? [0, 1] : [1] {
        let found = values(network, layer, index)
        let largest = found.reduce(0.0) { max($0, Double(abs($1))) }
        #expect(largest <= limit * (1 + 1e-6), "layer \(layer), parameter \(index)")
        // Of 64 values the largest is below 0.85 of the limit once in 30,000 seeds.
        #expect(largest > limit * 0.85, "layer \(layer), parameter \(index)")
        if found.count > 10_000 {
          let (mean, deviation) = moments(found)
          expectClose(mean, 0, absolute: 0.03 * limit)
          expectClose(deviation, limit / 3.0.squareRoot(), absolute: 0.02 * limit)
        }
      }
    }
  }

  /// Values are the same on every rank, with any threads; others for other networks and seeds; and
  /// no parameter is like another.
  @Test func initializationDependsOnSeedAndNetworkOnly() throws {
    let layers =
      "- conv2d: {channels: 5, kernel: 3, padding: 1}\n- conv2d: {channels: 3, kernel: 3}"
    let draw = {
      @Sendable (communicator: any Communicator, threads: Int, seed: UInt64, number: Int) in
      let harness = try Harness(
        layers, input: Shape(channels: 3, height: 3, width: 3), shards: 4, threads: threads,
        communicator: communicator)
      harness.network.initialize(seed: seed, networkNumber: number)
      return harness.parameters
    }
    let alone = try draw(SoloCommunicator(), 1, 5, 0)
    expectSameBits(try draw(SoloCommunicator(), 3, 5, 0), alone)
    for rank in try ThreadedCommunicator.run(ranks: 4, { try draw($0, 1, 5, 0) }) {
      expectSameBits(rank, alone)
    }
    #expect(try draw(SoloCommunicator(), 1, 6, 0) != alone)
    #expect(try draw(SoloCommunicator(), 1, 5, 1) != alone)
    #expect(Set(alone).count > alone.count - 3)
  }

  /// Values are numbered in PyTorch's order: a known answer of the first weight.
  @Test func initializationIsInPyTorchOrder() throws {
    let harness = try Harness(
      "- conv2d: {channels: 5, kernel: 3}", input: Shape(channels: 3, height: 3, width: 3))
    harness.network.initialize(seed: 9, networkNumber: 1)
    let parameter = harness.network.layers[0].parameters[0]
    let values = withOutput(parameter.count) {
      parameter.layout.toPyTorch(parameter.values, into: $0)
    }
    let limit = Float(1 / 27.0.squareRoot())
    let drawn = withOutput(parameter.count) {
      RandomStream(seed: 9, purpose: .initialization, step: 1).uniforms(sample: 0, into: $0)
    }
    expectSameBits(values, drawn.map { (2 * $0 - 1) * limit })
  }

  /// Gaps between parameters stay zero; values and gradients of one do not touch the other's.
  @Test func arenaIsAlignedAndApart() throws {
    let harness = try Harness(
      "- conv2d: {channels: 5, kernel: 3}\n- batchNorm",
      input: Shape(channels: 3, height: 4, width: 4))
    let arena = harness.network.arena
    let parameters = harness.network.namedParameters.map(\.parameter)
    for parameter in parameters {
      #expect(UInt(bitPattern: parameter.values.baseAddress) % 64 == 0)
    }
    harness.parameters = [Float](repeating: 1, count: harness.network.parameterCount)
    #expect(arena.values.reduce(0, +) == Float(harness.network.parameterCount))
    arena.clearGradient()
    for (index, parameter) in parameters.enumerated() {
      for shard in 0..<3 { parameter.partial(shard: shard).update(repeating: Float(index + 1)) }
    }
    try arena.reduceGradient()
    for (index, parameter) in parameters.enumerated() {
      #expect(parameter.gradient.allSatisfy { $0 == Float(3 * (index + 1)) })
    }
  }

  /// A rank's parts of the gradient are the whole sum's, its norm has the same bits on any number
  /// of ranks, and what the ranks make of their parts all get.
  @Test(arguments: [1, 2, 4])
  func ranksHaveTheirParts(ranks: Int) throws {
    let reduce = {
      @Sendable (communicator: any Communicator) throws -> (
        own: [Range<Int>], parts: [Float], norm: Double, whole: [Float], made: [Float]
      ) in
      let harness = try Harness(
        "- linear: {outputs: 100}", input: Shape(channels: 90), shards: 4,
        communicator: communicator)
      let arena = harness.network.arena
      arena.clearGradient()
      for parameter in harness.network.namedParameters.map(\.parameter) {
        for shard in 0..<4 / communicator.size {
          var data = TestData(seed: UInt64(communicator.rank * 4 / communicator.size + shard))
          _ = parameter.partial(shard: shard).update(
            fromContentsOf: data.orderSensitive(parameter.count))
        }
      }
      try arena.reduceOwnGradient()
      let parts = arena.ownParts.flatMap { Array(arena.gradient[$0]) }
      let norm = try arena.gradientSumOfSquares()
      try arena.completeGradient()
      let made = FloatStorage(count: arena.count)
      for part in arena.ownParts {
        for index in part { made.pointer[index] = 2 * arena.gradient[index] }
      }
      try arena.complete(made.buffer)
      return (arena.ownParts, parts, norm, Array(arena.gradient), Array(made.buffer))
    }
    let alone = try reduce(SoloCommunicator())
    #expect(alone.own == [0..<alone.whole.count])
    #expect(alone.whole.count > 4 * OrderedSumParts.block)
    let found = try ThreadedCommunicator.run(ranks: ranks, reduce)
    #expect(found.flatMap(\.own).flatMap { Array($0) } == Array(alone.whole.indices))
    expectSameBits(found.flatMap(\.parts), alone.whole, "parts")
    for rank in found {
      #expect(rank.norm == alone.norm)
      expectSameBits(rank.whole, alone.whole, "whole")
      expectSameBits(rank.made, alone.whole.map { 2 * $0 }, "made of it")
    }
    let squares = alone.whole.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(alone.norm - squares) <= 1e-12 * squares)
  }
}
