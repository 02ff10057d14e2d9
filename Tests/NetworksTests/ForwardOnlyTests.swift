import Base
import Collectives
import Configuration
import Networks
import TestSupport
import Testing

/// Networks that are only evaluated: the same bits in less memory.
@Suite struct ForwardOnlyTests {
  private static let layers = """
    - conv2d: {channels: 6, kernel: 3, padding: 1}
    - batchNorm
    - relu
    - basicConv2d: {channels: 40, kernel: 3, padding: 1}
    - concat:
        branches:
          - [{basicConv2d: {name: first, channels: 3, kernel: [1, 3], padding: [0, 1]}}]
          - [{avgPool2d: {kernel: 3, stride: 1, padding: 1}}, {conv2d: {channels: 40, kernel: 1}}, \
    relu, {conv2d: {name: third, channels: 33, kernel: 3, padding: 1}}, dropout]
          - [{concat: {name: "", branches: [[{basicConv2d: {name: a, channels: 2, kernel: 1}}], \
    [{basicConv2d: {name: b, channels: 5, kernel: 1}}]]}}, \
    {residual: {main: [{conv2d: {channels: 7, kernel: 3, padding: 1}}, tanh]}}]
          - [{maxPool2d: {kernel: 3, stride: 1, padding: 1}}]
    - relu
    - sequential: {name: tail, layers: [{conv2d: {name: conv, channels: 9, kernel: 1}}, batchNorm]}
    - globalMean
    - linear: {outputs: 5}
    - tanh
    - linear: {outputs: 17}
    """
  private let input = Shape(channels: 3, height: 9, width: 8)

  private func built(_ context: ExecutionContext) throws -> LayerCatalog.NamedLayers {
    try LayerCatalog.namedLayers(
      Harness.items(Self.layers), inputShape: input,
      .init(initialization: Initialization(.pytorch), groups: 1, context: context))
  }

  /// A network and what it gives for `batch` samples, in order.
  private func outputs(
    isForwardOnly: Bool, batch: Int, shards: Int, kept: Int? = nil
  ) throws -> (network: Network, inner: [Float], values: [Float]) {
    let plan = try ShardPlan(shards: shards, rank: 0, ranks: 1)
    let context = try ExecutionContext(
      plan: plan, communicator: SoloCommunicator(), threads: shards)
    let built = try built(context)
    let capacity = plan.capacity(batch: 6)
    let network = try Network(
      name: "test", layers: built.layers, names: built.names,
      memory: isForwardOnly
        ? .forwardOnly(shardCapacity: capacity) : MemoryPlan(shardCapacity: capacity, groups: 1),
      keptLayers: Set([kept].compactMap { $0 }), context: context)
    network.initialize(seed: 3, networkNumber: 0)
    for buffer in network.layers.flatMap(\.buffers) where buffer.kind == .float {
      var data = TestData(seed: UInt64(buffer.values.count))
      let values = data.normals(buffer.values.count, awayFromZero: 0.5).map(abs)
      _ = buffer.values.buffer.update(fromContentsOf: values)
    }
    let pass = Pass(
      .local(count: batch, capacity: plan.capacity(batch: batch)), groups: 0..<1, mode: .evaluation,
      draw: PassDraw(seed: 1, number: 1), plan: plan)
    // Twice: what the first pass leaves must not show.
    for seed in [9, 5] as [UInt64] {
      var data = TestData(seed: seed)
      let x = data.normals(6 * input.elementCount)
      context.forEachSample(pass) { sample, index, shard in
        let size = self.input.elementCount
        _ = network.input.sample(index, group: 0, pass, shard: shard)
          .update(fromContentsOf: x[sample * size..<(sample + 1) * size])
      }
      try network.forward(pass)
    }
    func values(_ tensor: Tensor) -> [Float] {
      (0..<shards).flatMap { Array(tensor.read(pass, shard: $0)) }
    }
    let inner = kept.map {
      values(network.sequence.activation(behind: $0, output: network.output))
    }
    return (network, inner ?? [], values(network.output))
  }

  @Test func bitsAreThoseOfANetworkThatTrains() throws {
    let expected = try outputs(isForwardOnly: false, batch: 6, shards: 1, kept: 7).values
    for (batch, shards, kept) in [(6, 1, nil), (6, 3, 7), (1, 1, 8), (5, 2, 3), (6, 2, 6)] {
      let found = try outputs(isForwardOnly: true, batch: batch, shards: shards, kept: kept)
      expectSameBits(
        found.values, Array(expected.prefix(batch * 17)), "\(batch) samples in \(shards) shards")
    }
  }

  @Test func whatIsKeptStays() throws {
    for layer in [3, 5, 7] {
      let expected = try outputs(isForwardOnly: false, batch: 4, shards: 1, kept: layer)
      let found = try outputs(isForwardOnly: true, batch: 4, shards: 2, kept: layer)
      #expect(found.network.sequence.keepsOutput(ofLayer: layer))
      #expect(!found.inner.isEmpty)
      expectSameBits(found.inner, expected.inner, "layer \(layer)")
    }
    // A ReLU does not write over what is kept.
    let (before, behind) = (
      try outputs(isForwardOnly: true, batch: 4, shards: 2, kept: 4).inner,
      try outputs(isForwardOnly: true, batch: 4, shards: 2, kept: 5).inner
    )
    #expect(before.contains { $0 < 0 })
    expectSameBits(behind, before.map { $0 > 0 ? $0 : 0 * $0 }, "behind the ReLU")
    let network = try outputs(isForwardOnly: true, batch: 1, shards: 1).network
    #expect(!network.sequence.keepsOutput(ofLayer: 7))
  }

  @Test func memoryIsLess() throws {
    let values = try [false, true].map {
      try outputs(isForwardOnly: $0, batch: 1, shards: 1).network.context
    }.map { ($0.valueMemory.count, $0.gradientMemory.count + $0.partialMemory.count) }
    #expect(values[1].0 < values[0].0, "\(values)")
    #expect(values[1].1 == 0, "\(values)")
  }

  @Test func stateDictionaryNamesAreTheConfigurations() throws {
    let names = try outputs(isForwardOnly: true, batch: 1, shards: 1).network.stateTensors
      .map(\.name).filter { $0.hasSuffix("weight") }
    #expect(
      names == [
        "0.weight", "1.weight", "3.conv.weight", "3.bn.weight", "4.first.conv.weight",
        "4.first.bn.weight", "4.1.1.weight", "4.third.weight", "4.a.conv.weight",
        "4.a.bn.weight", "4.b.conv.weight", "4.b.bn.weight", "4.2.1.main.0.weight",
        "tail.conv.weight", "tail.1.weight", "8.weight", "10.weight",
      ])
  }

  /// Built again from what it says of itself, and a table of 100 columns.
  @Test func isDescribed() throws {
    let described = try outputs(isForwardOnly: true, batch: 1, shards: 1).network.description
    let items = described.layers.flatMap(\.configurationItems).map { "- \($0)\n" }.joined()
    let context = try ExecutionContext(
      plan: ShardPlan(shards: 1, rank: 0, ranks: 1), communicator: SoloCommunicator())
    let again = try LayerCatalog.namedLayers(
      Harness.items(items), inputShape: input,
      .init(initialization: Initialization(.pytorch), groups: 1, context: context))
    #expect(
      NetworkDescription(name: "test", layers: again.layers, names: again.names) == described,
      "\(items)")
    let lines = described.table.split(separator: "\n")
    #expect(lines.allSatisfy { $0.count <= 100 }, "\(described.table)")
    #expect(lines.contains { $0.contains("first basicConv2d channels 3,") })
  }
}
