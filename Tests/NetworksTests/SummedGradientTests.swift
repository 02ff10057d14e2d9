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

  /// What a rank has does not depend on how it sums: eight shards at once have the bits of those
  /// of sixteen, of which the odd ones are empty, summed one by one.
  @Test func hasTheBitsOfItsShards() throws {
    let gradients = try [8, 16].map { shards in
      let harness = try Harness(
        "- linear: {outputs: 37}", input: Shape(channels: 21), batch: 8, groups: 3,
        shards: shards)
      let network = harness.network
      let second = harness.pass(2..<3)
      var data = TestData(seed: 8)
      for group in 0..<3 { harness.fill(network.input, group: group, data.normals(8 * 21)) }
      harness.fill(network.direction, group: 2, data.normals(8 * 21))
      let pass = harness.pass(0..<3, parameterGroups: 0..<2).with(lastContribution: .doubleBackward)
      try network.forward(pass)
      for group in 0..<3 {
        harness.fill(network.outputGradient, group: group, data.normals(8 * 37))
      }
      network.arena.clearGradient()
      try network.backward(pass, inputGroups: 2..<3)
      try network.doubleBackward(second)
      try network.backwardShares(second)
      try network.arena.reduceGradient()
      return harness.gradients
    }
    expectSameBits(gradients[0], gradients[1])
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
