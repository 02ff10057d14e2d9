import Base
import Networks
import TestSupport
import Testing

/// What a linear layer makes of its weight, and when it makes it anew.
@Suite struct LinearFactorsTests {
  /// Rows that are not whole panels are packed: again after a change.
  @Test(arguments: [1, 2])
  func inputGradientFollowsTheWeight(threads: Int) throws {
    let (inputs, outputs) = (Shape(channels: 21), Shape(channels: 37))
    let harness = try Harness(
      "- linear: {outputs: 37}", input: inputs, batch: 20, shards: 2, hasSecondOrder: false,
      threads: threads)
    var data = TestData(seed: 3)
    let gradients = harness.filled(outputs, data.normals(20 * 37))
    let x = harness.filled(inputs, data.normals(20 * 21))
    let dx = harness.tensor(inputs)
    let backward = {
      try harness.network.layers[0].backward(
        gradients, input: x, output: gradients, into: dx, harness.pass)
      return harness.values(dx)
    }
    let before = try backward()
    harness.parameters = harness.parameters.map { $0 * 2 }
    expectSameBits(try backward(), before.map { $0 * 2 })
  }

  /// Another network of the context moves the memory in which the transposed weight is.
  @Test func anotherNetworkDoesNotSpoilTheFactors() throws {
    let shape = Shape(channels: 32)
    let harness = try Harness(
      "- linear: {outputs: 48}\n- relu\n- linear: {outputs: 16}", input: shape, batch: 4,
      hasSecondOrder: false)
    let network = harness.network
    let x = (0..<4 * 32).map { Float($0) / 64 - 1 }
    let run = {
      harness.fill(network.input, x)
      try network.forward(harness.pass)
      return harness.values(network.output)
    }
    let before = try run()
    _ = try Network(
      name: "generator",
      layers: LayerCatalog.layers(
        Harness.items("- linear: {outputs: 512}"), inputShape: shape,
        .init(
          initialization: Initialization(.pytorch), groups: 1, context: harness.context)),
      memory: MemoryPlan(shardCapacity: 64, groups: 1), context: harness.context)
    expectSameBits(try run(), before)
  }
}
