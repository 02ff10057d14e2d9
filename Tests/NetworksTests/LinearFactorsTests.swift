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
}
