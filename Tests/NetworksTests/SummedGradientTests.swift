import Base
import Networks
import TestSupport
import Testing

/// A linear layer whose gradient is summed over the shards while it is made.
@Suite struct SummedGradientTests {
  @Test(arguments: [1, 2, 4, 8], [1, 3])
  func hasTheBitsOfTheShardsOwn(shards: Int, threads: Int) throws {
    let harness = try Harness(
      "- linear: {outputs: 37}", input: Shape(channels: 21), batch: 24, groups: 2, shards: shards,
      hasSecondOrder: false, threads: threads)
    var data = TestData(seed: 8)
    let (x, dy) = (data.normals(24 * 21), data.normals(24 * 37))
    // Group 1 like group 0: what a test's tensors do not fill is NaN.
    let run = { (last: Pass.Contribution?) in
      let inputs = harness.filled(Shape(channels: 21), x)
      harness.fill(inputs, group: 1, dy.prefix(24 * 21).map { $0 * 2 })
      let gradients = harness.filled(Shape(channels: 37), dy)
      harness.fill(gradients, group: 1, dy.map { $0 - 1 })
      harness.network.arena.clearGradient()
      try harness.network.layers[0].backward(
        gradients, input: inputs, output: gradients, into: nil,
        harness.pass.with(lastContribution: last))
      try harness.network.arena.reduceGradient()
      return harness.gradients
    }
    let apart = try run(nil)
    expectSameBits(try run(.backward), apart)
    let isFinite = apart.allSatisfy { $0.isFinite }
    #expect(isFinite)
  }

  /// With a second-order pass, which makes both contributions as one chain: the sum of what each
  /// pass makes, rounded less often.
  @Test(arguments: [1, 2, 4, 8, 16], [1, 3])
  func isTheSumOfBothPasses(shards: Int, threads: Int) throws {
    let harness = try Harness(
      "- linear: {outputs: 37}\n- leakyReLU: {slope: 0.2}\n- linear: {outputs: 1}",
      input: Shape(channels: 21), batch: 24, groups: 3, shards: shards, threads: threads)
    let network = harness.network
    let second = harness.pass(2..<3)
    var data = TestData(seed: 8)
    for group in 0..<3 { harness.fill(network.input, group: group, data.normals(24 * 21)) }
    let scores = (0..<3).map { _ in data.normals(24) }
    harness.fill(network.direction, group: 2, data.normals(24 * 21))
    let run = { (last: Pass.Contribution?) in
      let pass = harness.pass(0..<3, parameterGroups: 0..<2).with(lastContribution: last)
      try network.forward(pass)
      for group in 0..<3 { harness.fill(network.outputGradient, group: group, scores[group]) }
      network.arena.clearGradient()
      try network.backward(pass, inputGroups: 2..<3)
      try network.doubleBackward(second)
      try network.backwardShares(second)
      try network.arena.reduceGradient()
      return harness.gradients
    }
    let apart = try run(nil)
    expectClose(try run(.doubleBackward), apart, absolute: 1e-5, relative: 1e-5)
  }

  /// A shard's chain goes on from its samples to its directions, whether a rank sums its shards at
  /// once or, as sixteen or uneven ones, each by itself.
  @Test(arguments: [1, 2, 4, 8, 16], [24, 21])
  func hasTheBitsOfOneChain(shards: Int, batch: Int) throws {
    let harness = try Harness(
      "- linear: {outputs: 37, bias: false}", input: Shape(channels: 21), batch: batch, groups: 3,
      shards: shards)
    let (layer, arena) = (harness.network.layers[0], harness.network.arena)
    var data = TestData(seed: 8)
    // Group 2 has directions.
    let inputs = harness.tensor(Shape(channels: 21))
    let gradients = harness.tensor(Shape(channels: 37))
    for group in 0..<3 {
      harness.fill(inputs, group: group, data.normals(batch * 21))
      harness.fill(gradients, group: group, data.normals(batch * 37))
    }
    arena.clearGradient()
    try layer.backward(gradients, input: inputs, output: gradients, into: nil, harness.pass)
    try arena.reduceGradient()
    let chain = harness.gradients

    arena.clearGradient()
    try layer.backward(
      gradients, input: inputs, output: gradients, into: nil,
      harness.pass(0..<3, parameterGroups: 0..<2).with(lastContribution: .doubleBackward))
    try layer.doubleBackward(
      inputs, outputGradient: gradients, input: inputs, output: gradients, into: nil, share: nil,
      harness.pass(2..<3))
    try arena.reduceGradient()
    expectSameBits(harness.gradients, chain)
  }

  /// A contribution that was left to a second-order pass which does not come is not lost in
  /// silence.
  @Test func stopsWithoutTheSecondPass() async {
    await #expect(processExitsWith: .failure) {
      let harness = try Harness(
        "- linear: {outputs: 3}", input: Shape(channels: 2), batch: 4, groups: 3, shards: 2)
      let network = harness.network
      let pass = harness.pass(0..<3, parameterGroups: 0..<2)
        .with(lastContribution: .doubleBackward)
      try network.forward(pass)
      network.arena.clearGradient()
      try network.backward(pass, inputGroups: 2..<3)
      try network.arena.reduceGradient()
    }
  }
}
