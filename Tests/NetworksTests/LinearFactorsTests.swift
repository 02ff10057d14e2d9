import Networks
import TestSupport
import Testing

/// Where a linear layer has samples enough it packs its weight: the same bits.
@Suite struct LinearFactorsTests {
  @Test(arguments: [1, 2])
  func aLargeBatchHasTheBitsOfASmallOne(threads: Int) throws {
    let (inputs, outputs) = (Shape(channels: 32), Shape(channels: 37))
    var data = TestData(seed: 3)
    let dy = data.normals(300 * 37)
    let run = { (batch: Int) in
      let harness = try Harness(
        "- linear: {outputs: 37}", input: inputs, batch: batch, shards: 2, hasSecondOrder: false,
        threads: threads)
      let gradients = harness.filled(outputs, Array(dy.prefix(batch * 37)))
      let x = harness.filled(inputs, data.normals(batch * 32))
      let dx = harness.tensor(inputs)
      let backward = {
        try harness.network.layers[0].backward(
          gradients, input: x, output: gradients, into: dx, harness.pass)
        return harness.values(dx)
      }
      let before = try backward()
      // Packed again after a change.
      harness.parameters = harness.parameters.map { $0 * 2 }
      return (before, try backward())
    }
    let (small, changedSmall) = try run(20)
    let (large, changedLarge) = try run(300)
    expectSameBits(large.prefix(20 * 32), small)
    expectSameBits(changedLarge.prefix(20 * 32), changedSmall)
    #expect(small != changedSmall)
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
          initialization: Initialization(.pytorch), groups: 1, classes: 0,
          context: harness.context)),
      memory: MemoryPlan(shardCapacity: 64, groups: 1), context: harness.context)
    expectSameBits(try run(), before)
  }
}
