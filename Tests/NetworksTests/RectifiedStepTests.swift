import Base
import Networks
import TestSupport
import Testing

/// A sequence that runs batch norm, or a convolution, and the (leaky) ReLU behind it as one step,
/// against the same layers called one by one.
@Suite struct RectifiedStepTests {
  struct Case: Sendable, CustomTestStringConvertible {
    /// Nil for activations right behind the convolutions.
    var norm: String?
    var channels: Int
    var classes = 0
    var threads = 1
    var width = 5
    var trained = 0..<1
    /// Whether some of the activations' inputs are moved across the kink.
    var isRevised = false
    var testDescription: String {
      "\(norm ?? "conv2d"), \(channels) channels, \(width) wide, \(threads) threads"
        + (isRevised ? ", revised" : "")
    }

    /// Two pairs: the shares of what is behind them travel through both.
    var layers: String {
      guard let norm else {
        return """
          - conv2d: {channels: \(channels), kernel: 3, padding: 1}
          - leakyReLU: {slope: 0.2}
          - conv2d: {channels: 7, kernel: 2, bias: false}
          - relu
          - batchNorm
          - conv2d: {channels: 2, kernel: 2}
          """
      }
      return """
        - conv2d: {channels: \(channels), kernel: 3, padding: 1}
        - \(norm)
        - leakyReLU: {slope: 0.2}
        - conv2d: {channels: \(channels + 3), kernel: 2}
        - \(norm)
        - relu
        - conv2d: {channels: 2, kernel: 2}
        """
    }

    /// The first pair's second layer.
    var injected: Int { norm == nil ? 1 : 2 }

    /// Whether a shard's samples are several blocks, so that its gradients are summed otherwise.
    var hasBlocks: Bool {
      guard norm == nil else { return false }
      return trained.count > 1 || 3 * channels * width * 4 > RectifiedConvolution.blockCount
    }

    /// Parameters of either sign, and some that are 0: v = 0 is on the kink.
    func harness() throws -> Harness {
      let harness = try Harness(
        layers, input: Shape(channels: 3, height: 4, width: width), batch: batch, groups: 2,
        threads: threads, classes: classes)
      var data = TestData(seed: 31)
      harness.parameters = data.normals(harness.parameters.count, deviation: 0.5).enumerated().map {
        $0 % 7 == 0 ? 0 : $1
      }
      guard isRevised else { return harness }
      for layer in harness.network.layers.compactMap({ $0 as? LeakyReLU }) {
        layer.reviseInput = { values, pass in
          for shard in 0..<harness.context.plan.localShards {
            let values = values.values(pass, shard: shard)
            for index in stride(from: 0, to: values.count, by: 5) {
              values[index] = values[index] > 0 ? -1e-30 : 1e-30
            }
          }
          return true
        }
      }
      return harness
    }
  }

  static let cases = [
    Case(norm: "batchNorm", channels: 16), Case(norm: "batchNorm", channels: 11, threads: 3),
    Case(norm: "batchNorm: {epsilon: 0.3}", channels: 5),
    Case(
      norm: "conditionalBatchNorm: {statistics: running, variance: unbiased}", channels: 19,
      classes: 3),
    Case(channels: 16), Case(channels: 13, threads: 3), Case(channels: 9, trained: 0..<2),
    // Two images a block, of three; and one.
    Case(channels: 17, width: 900), Case(channels: 17, width: 2000),
    Case(norm: "batchNorm", channels: 11, isRevised: true), Case(channels: 13, isRevised: true),
  ]
  static let batch = 7

  /// What a network's passes give, over both groups.
  struct Values {
    var output: [Float] = []
    var inner: [Float] = []
    var dx: [Float] = []
    /// After `backward`, then after the second-order pass.
    var gradients: [[Float]] = []
    var state: [Float] = []
  }

  struct Inputs {
    var x: [[Float]] = []
    var dy: [[Float]] = []
    var injection: [[Float]] = []
    var t: [Float] = []

    init(_ network: Network, injected: Int) {
      var data = TestData(seed: 32)
      let values = { (shape: Shape) in (0..<2).map { _ in data.normals(batch * shape.elementCount) }
      }
      x = values(network.inputShape)
      dy = values(network.outputShape)
      injection = values(network.layers[injected].outputShape)
      t = values(network.inputShape)[0]
    }
  }

  private func both(_ harness: Harness, _ tensor: Tensor) -> [Float] {
    harness.values(tensor, group: 0) + harness.values(tensor, group: 1)
  }

  private func fill(_ harness: Harness, _ tensor: Tensor, _ values: [[Float]]) {
    for group in 0..<2 { harness.fill(tensor, group: group, values[group]) }
  }

  private func state(_ harness: Harness) -> [Float] {
    harness.network.layers.flatMap(\.buffers).flatMap { Array($0.values.buffer) }
  }

  /// The sequence's own passes.
  private func together(
    _ harness: Harness, _ test: Case, mode: Pass.Mode
  ) throws -> Values {
    let network = harness.network
    let inputs = Inputs(network, injected: test.injected)
    fill(harness, network.input, inputs.x)
    // Moves the running statistics away from 0 and 1.
    try network.forward(harness.pass)
    try network.forward(harness.pass(0..<2, mode: mode))
    var values = Values()
    values.output = both(harness, network.output)
    values.inner = both(
      harness, network.sequence.activation(behind: test.injected, output: network.output))
    fill(harness, network.outputGradient, inputs.dy)
    let injection = harness.tensor(network.layers[test.injected].outputShape)
    fill(harness, injection, inputs.injection)
    network.arena.clearGradient()
    try network.backward(
      harness.pass(0..<2, parameterGroups: test.trained, mode: mode), inputGroups: 0..<2,
      adding: InnerGradient(behind: test.injected, injection))
    values.dx = both(harness, network.inputGradient)
    try network.arena.reduceGradient()
    values.gradients.append(harness.gradients)
    if mode == .training {
      harness.fill(network.direction, group: 1, inputs.t)
      network.arena.clearGradient()
      try network.doubleBackward(harness.pass(1..<2))
      try network.backwardShares(harness.pass(1..<2))
      try network.arena.reduceGradient()
      values.gradients.append(harness.gradients)
    }
    values.state = state(harness)
    return values
  }

  /// Runs the passes layer by layer, with a tensor of its own at every border.
  private func apart(
    _ harness: Harness, _ test: Case, mode: Pass.Mode
  ) throws -> Values {
    let layers = harness.network.layers
    let inputs = Inputs(harness.network, injected: test.injected)
    let shapes = [layers[0].inputShape] + layers.map(\.outputShape)
    let x = shapes.map { harness.tensor($0) }
    fill(harness, x[0], inputs.x)
    for mode in [.training, mode] {
      for (index, layer) in layers.enumerated() {
        try layer.forward(x[index], into: x[index + 1], harness.pass(0..<2, mode: mode))
      }
    }
    var values = Values()
    values.output = both(harness, x[layers.count])
    values.inner = both(harness, x[test.injected + 1])

    let d = shapes.map { harness.tensor($0) }
    fill(harness, d[layers.count], inputs.dy)
    harness.network.arena.clearGradient()
    for (index, layer) in layers.enumerated().reversed() {
      if index == test.injected {
        for group in 0..<2 {
          harness.add(inputs.injection[group], to: d[index + 1], group: group)
        }
      }
      try layer.backward(
        d[index + 1], input: x[index], output: x[index + 1], into: d[index],
        harness.pass(0..<2, parameterGroups: test.trained, mode: mode))
    }
    values.dx = both(harness, d[0])
    try harness.network.arena.reduceGradient()
    values.gradients.append(harness.gradients)
    if mode == .training {
      try addSecondOrder(harness, inputs.t, x, d)
      values.gradients.append(harness.gradients)
    }
    values.state = state(harness)
    return values
  }

  private func addSecondOrder(
    _ harness: Harness, _ direction: [Float], _ x: [Tensor], _ d: [Tensor]
  ) throws {
    let layers = harness.network.layers
    let pass = harness.pass(1..<2)
    let t = x.map { harness.tensor($0.shape, firstGroup: 1) }
    let shares = layers.map {
      $0.traits.isCurved ? harness.tensor($0.inputShape, firstGroup: 1) : nil
    }
    harness.fill(t[0], group: 1, direction)
    harness.network.arena.clearGradient()
    for (index, layer) in layers.enumerated() {
      try layer.doubleBackward(
        t[index], outputGradient: d[index + 1], input: x[index], output: x[index + 1],
        into: t[index + 1], share: shares[index], pass)
    }
    var arriving: Tensor?
    for (index, layer) in layers.enumerated().reversed() {
      var sent: Tensor?
      if let dy = arriving {
        let dx = harness.tensor(layer.inputShape, firstGroup: 1)
        try layer.backward(dy, input: x[index], output: x[index + 1], into: dx, pass)
        sent = dx
      }
      if let share = shares[index] {
        if let sent { harness.add(harness.values(share, group: 1), to: sent, group: 1) }
        sent = sent ?? share
      }
      arriving = sent
    }
    try harness.network.arena.reduceGradient()
  }

  @Test(arguments: cases, [Pass.Mode.training, .evaluation])
  func hasTheBitsOfTheLayersInTurn(_ test: Case, mode: Pass.Mode) throws {
    let found = try together(test.harness(), test, mode: mode)
    let expected = try apart(test.harness(), test, mode: mode)
    expectSameBits(found.output, expected.output, "output")
    expectSameBits(found.inner, expected.inner, "behind the first pair")
    expectSameBits(found.dx, expected.dx, "dx")
    #expect(found.gradients.count == (mode == .training ? 2 : 1))
    for (found, expected) in zip(found.gradients, expected.gradients) {
      if test.hasBlocks {
        let scale = expected.reduce(0) { max($0, abs($1)) }
        expectClose(found, expected, absolute: 1e-6 * Double(scale), "gradients")
      } else {
        expectSameBits(found, expected, "gradients")
      }
      let isUsable = found.allSatisfy(\.isFinite) && found.contains { $0 != 0 }
      #expect(isUsable)
    }
    expectSameBits(found.state, expected.state, "running statistics")
  }

  /// Inputs that are moved across the kink take the other derivative; without, the bits stay.
  @Test(arguments: ["batchNorm", nil])
  func revisedInputsTakeTheOtherSide(norm: String?) throws {
    let plain = Case(norm: norm, channels: 6)
    let revised = Case(norm: norm, channels: 6, isRevised: true)
    let expected = try together(plain.harness(), plain, mode: .training)
    let found = try together(revised.harness(), revised, mode: .training)
    #expect(found.dx != expected.dx)
    #expect(found.gradients[1] != expected.gradients[1])
    let watched = try plain.harness()
    for layer in watched.network.layers.compactMap({ $0 as? LeakyReLU }) {
      layer.reviseInput = { _, _ in false }
    }
    let seen = try together(watched, plain, mode: .training)
    expectSameBits(seen.output, expected.output, "output")
    expectSameBits(seen.dx, expected.dx, "dx")
    expectSameBits(seen.gradients[1], expected.gradients[1], "gradients")
  }

  /// What a step says of itself is what its two layers say: their entries, parameters, buffers and
  /// operations; an algorithm only they have.
  @Test(arguments: [
    [
      "conv2d: {channels: 5, kernel: 3, stride: 1, padding: 1, bias: true, spectralNorm: false}",
      "leakyReLU: {slope: 0.2}",
    ],
    [
      "conv2d: {channels: 4, kernel: 2, stride: 1, padding: 0, bias: false, spectralNorm: true}",
      "relu",
    ],
    [
      "batchNorm: {epsilon: 0.25, momentum: 0.5, runningVariance: biased}",
      "leakyReLU: {slope: 0.3}",
    ],
    [
      "conditionalBatchNorm: {epsilon: 0.25, statistics: running, variance: unbiased, "
        + "momentum: 0.5}", "relu",
    ],
  ])
  func describesItsTwoLayers(entries: [String]) throws {
    let network = try Harness(
      entries.map { "- \($0)\n" }.joined() + "- tanh",
      input: Shape(channels: 3, height: 4, width: 5), classes: 3
    ).network
    #expect(network.sequence.steps.count == 2 && network.layers.count == 3)
    let step = network.sequence.steps[0]
    let found = step.description(path: "0")
    let parts = (0..<2).map { network.layers[$0].description(path: "0.\($0)") }
    #expect(found.children == parts)
    #expect(found.kind == "\(parts[0].kind) and \(parts[1].kind)")
    #expect(found.inputShape == parts[0].inputShape && found.outputShape == parts[1].outputShape)
    let isConvolution = parts[0].kind == "conv2d"
    #expect(found.parameterCount == parts[0].parameterCount && found.parameterCount > 0)
    #expect(found.operations == parts[0].operations && (found.operations > 0) == isConvolution)
    #expect(found.algorithm == nil && (parts[0].algorithm != nil) == isConvolution)
    #expect(found.options.isEmpty)
    #expect(found.configurationItems == parts.flatMap(\.configurationItems))
    #expect(step.parameters.map(\.name) == network.layers[0].parameters.map(\.name))
    #expect(step.buffers.map(\.name) == network.layers[0].buffers.map(\.name))
    #expect(step.traits.isCurved == !isConvolution)
    #expect(step.traits.couplesSamples == !isConvolution)
  }

  /// Between the layers of a pair nothing is kept; behind a pair at the end both outputs are.
  @Test func keepsNothingBetweenTheTwo() async throws {
    await #expect(processExitsWith: .failure) {
      let network = try RectifiedStepTests.cases[0].harness().network
      _ = network.sequence.activation(behind: 1, output: network.output)
    }
    await #expect(processExitsWith: .failure) {
      let network = try Harness(
        "- conv2d: {channels: 2, kernel: 1}\n- relu\n- tanh", input: Shape(channels: 3)
      ).network
      _ = network.sequence.activation(behind: 0, output: network.output)
    }
    let network = try Harness("- batchNorm\n- relu", input: Shape(channels: 3)).network
    let inner = network.sequence.activation(behind: 0, output: network.output)
    #expect(inner !== network.output)
    #expect(network.layers.map(\.kind) == ["batchNorm", "relu"])
  }
}

extension Harness {
  /// Adds `values` to this rank's part of a group.
  fileprivate func add(_ values: [Float], to tensor: Tensor, group: Int) {
    fill(tensor, group: group, zip(self.values(tensor, group: group), values).map { $0 + $1 })
  }
}
