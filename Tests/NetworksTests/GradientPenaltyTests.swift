import Base
import Collectives
import Kernels
import Networks
import TestSupport
import Testing

/// The penalty of whole critics: its parameter gradient against differences of the naive network's,
/// in Double.
@Suite struct GradientPenaltyTests {
  struct Case: Sendable, CustomStringConvertible {
    var name: String
    var layers: String
    var input: Shape
    /// Stride and padding of the convolutions, once more for the naive network.
    var convolutions: [(stride: Int, padding: Int)]
    var description: String { name }
  }

  /// The published Fashion-MNIST critic at width 3, on images of 14 x 14.
  static let published = Case(
    name: "published critic",
    layers: """
      - conv2d: {channels: 3, kernel: 4, stride: 2, padding: 1}
      - leakyReLU: {slope: 0.2}
      - conv2d: {channels: 6, kernel: 4, stride: 2, padding: 1}
      - batchNorm
      - leakyReLU: {slope: 0.2}
      - conv2d: {channels: 12, kernel: 3, stride: 2, padding: 1}
      - batchNorm
      - leakyReLU: {slope: 0.2}
      - conv2d: {channels: 1, kernel: 2}
      """, input: Shape(channels: 1, height: 14, width: 14),
    convolutions: [(2, 1), (2, 1), (2, 1), (1, 0)])

  static let cases = [
    published,
    Case(
      name: "no norm",
      layers: """
        - conv2d: {channels: 5, kernel: 3, stride: 2, padding: 1}
        - leakyReLU: {slope: 0.2}
        - conv2d: {channels: 9, kernel: 3, stride: 2}
        - leakyReLU: {slope: 0.2}
        - conv2d: {channels: 1, kernel: 1}
        """,
      input: Shape(channels: 3, height: 5, width: 5), convolutions: [(2, 1), (2, 0), (1, 0)]),
    Case(
      name: "tanh after norm",
      layers: """
        - conv2d: {channels: 5, kernel: 3, padding: 1}
        - tanh
        - batchNorm: {epsilon: 0.1}
        - tanh
        - leakyReLU
        - conv2d: {channels: 1, kernel: 4}
        """, input: Shape(channels: 3, height: 4, width: 4), convolutions: [(1, 1), (1, 0)]),
    Case(
      name: "norm first",
      layers: """
        - batchNorm
        - conv2d: {channels: 5, kernel: 2, stride: 2}
        - batchNorm
        - tanh
        - conv2d: {channels: 1, kernel: 2}
        """, input: Shape(channels: 3, height: 4, width: 4), convolutions: [(2, 0), (1, 0)]),
  ]

  private func naive(_ harness: Harness, _ test: Case) throws -> NaiveNetwork {
    var convolutions = test.convolutions
    let layers: [NaiveNetwork.Layer] = try harness.network.layers.map { layer in
      if layer is Conv {
        let shape = layer.parameters[0].shape
        let (stride, padding) = convolutions.removeFirst()
        let geometry = try #require(
          ConvolutionGeometry(
            inputHeight: layer.inputShape.height, inputWidth: layer.inputShape.width,
            inputChannels: layer.inputShape.channels, outputChannels: shape[0],
            kernelHeight: shape[2],
            kernelWidth: shape[3], stride: stride, paddingTop: padding, paddingBottom: padding,
            paddingLeft: padding, paddingRight: padding))
        try #require(geometry.outputHeight == layer.outputShape.height)
        return .conv(geometry)
      }
      if let norm = layer as? BatchNorm {
        return .batchNorm(channels: norm.inputShape.channels, epsilon: norm.epsilon)
      }
      if let relu = layer as? LeakyReLU { return .leakyReLU(Double(relu.slope)) }
      return .tanh
    }
    return NaiveNetwork(layers: layers, batch: harness.batch)
  }

  struct Result: Sendable {
    var scores: [Float]
    var gradient: [Float]
    var penalty: Double
    var parameterGradient: [Float]
  }

  /// The passes as the trainer makes them, with the last group as interpolates.
  private static func penalty(_ harness: Harness, _ x: [[Float]], weight: Double) throws -> Result {
    let (network, last) = (harness.network, harness.groups - 1)
    for (group, x) in x.enumerated() { harness.fill(network.input, group: group, x) }
    let pass = harness.pass(0..<harness.groups, parameterGroups: 0..<0)
    try network.forward(pass)
    for group in 0..<harness.groups {
      harness.fill(
        network.outputGradient, group: group, [Float](repeating: 1, count: harness.batch))
    }
    network.arena.clearGradient()
    let second = harness.pass(last..<last + 1)
    try network.backward(pass, inputGroups: second.groups)
    var penalty = 0.0
    for shard in 0..<harness.context.plan.localShards {
      for index in 0..<second.samples(inShard: shard) {
        let g = network.inputGradient.sample(index, group: last, second, shard: shard)
        let norm = dot(g, g).squareRoot()
        penalty += weight * (norm - 1) * (norm - 1) / Double(harness.batch)
        let factor = Float(weight * 2 / Double(harness.batch) * (norm - 1) / norm)
        let t = network.direction.sample(index, group: last, second, shard: shard)
        for i in 0..<t.count { t[i] = factor * g[i] }
      }
    }
    let result = Result(
      scores: harness.values(network.output, group: last),
      gradient: harness.values(network.inputGradient, group: last), penalty: penalty,
      parameterGradient: [])
    try network.doubleBackward(second)
    try network.backwardShares(second)
    try network.arena.reduceGradient()
    return Result(
      scores: result.scores, gradient: result.gradient, penalty: result.penalty,
      parameterGradient: harness.gradients)
  }

  /// Norm weights that are no ones, and weights large enough for gradients of about length 1.
  private static func spread(_ harness: Harness) {
    var data = TestData(seed: 31)
    harness.parameters = harness.parameters.map { $0 * 1.5 }
    let noise = data.normals(harness.parameters.count, deviation: 0.1)
    harness.parameters = zip(harness.parameters, noise).map { $0 + $1 }
  }

  @Test(arguments: cases, [1, 3])
  func parameterGradient(test: Case, groups: Int) throws {
    let harness = try Harness(test.layers, input: test.input, batch: 5, groups: groups)
    Self.spread(harness)
    var data = TestData(seed: 17)
    let x = (0..<groups).map {
      data.normals(5 * test.input.elementCount, mean: Float($0), deviation: 1 + Float($0))
    }
    let found = try Self.penalty(harness, x, weight: 10)

    let naive = try naive(harness, test)
    let last = x[groups - 1].map(Double.init)
    let parameters = harness.parameters.map(Double.init)
    let scores = naive.forward(last, parameters: parameters)[naive.layers.count]
    let magnitude = scores.reduce(0) { max($0, abs($1)) }
    expectClose(found.scores, scores, absolute: 1e-5 * max(1, magnitude), "scores")
    let gradient = naive.inputGradient(
      last, parameters: parameters, outputGradient: [Double](repeating: 1, count: 5))
    let largest = gradient.reduce(0) { max($0, abs($1)) }
    expectClose(found.gradient, gradient, absolute: 2e-5 * largest, "input gradient")
    expectClose(
      found.penalty, naive.penalty(last, parameters: parameters, weight: 10), absolute: 1e-6,
      relative: 1e-4,
      "penalty")

    // Every parameter on its own: the step is so small that next to no value crosses a kink.
    let stride = max(1, parameters.count / 150)
    let chosen = Swift.stride(from: 0, to: parameters.count, by: stride).map { $0 }
    let exact = chosen.map { index in
      directionalDerivative(
        at: [parameters[index]], along: [1], step: 1e-5
      ) { value in
        var moved = parameters
        moved[index] = value[0]
        return naive.penalty(last, parameters: moved, weight: 10)
      }
    }
    let length = found.parameterGradient.reduce(0.0) { max($0, Double(abs($1))) }
    expectClose(
      chosen.map { found.parameterGradient[$0] }, exact, absolute: 1e-4 * length, relative: 1e-4,
      "parameter gradient")
    #expect(length > 0.1, "a gradient of nearly nothing proves nothing")
  }

  /// Every allowed number of ranks and of threads gives the same bits.
  @Test(arguments: cases)
  func ranksAndThreadsDoNotShow(test: Case) throws {
    let run = { @Sendable (communicator: any Communicator, threads: Int) throws -> Result in
      let harness = try Harness(
        test.layers, input: test.input, batch: 13, groups: 3, shards: 8, threads: threads,
        communicator: communicator)
      Self.spread(harness)
      var data = TestData(seed: 18)
      let x = (0..<3).map { _ in data.normals(13 * test.input.elementCount) }
      return try Self.penalty(harness, x, weight: 10)
    }
    let alone = try run(SoloCommunicator(), 1)
    for threads in [2, 3] {
      let found = try run(SoloCommunicator(), threads)
      expectSameBits(found.parameterGradient, alone.parameterGradient, "\(threads) threads")
    }
    for ranks in [2, 4, 8] {
      let found = try ThreadedCommunicator.run(ranks: ranks) { try run($0, ranks == 2 ? 2 : 1) }
      expectSameBits(found.flatMap(\.scores), alone.scores, "scores on \(ranks) ranks")
      expectSameBits(found.flatMap(\.gradient), alone.gradient, "input gradient on \(ranks) ranks")
      for rank in found {
        expectSameBits(rank.parameterGradient, alone.parameterGradient, "\(ranks) ranks")
      }
    }
  }

  /// Nothing that a step leaves in a buffer reaches the next.
  @Test(arguments: cases)
  func repeatedPassesGiveTheSameBits(test: Case) throws {
    let harness = try Harness(test.layers, input: test.input, batch: 5, groups: 3)
    var data = TestData(seed: 19)
    let x = (0..<3).map { _ in data.normals(5 * test.input.elementCount) }
    let other = (0..<3).map { _ in data.normals(5 * test.input.elementCount) }
    let first = try Self.penalty(harness, x, weight: 10)
    _ = try Self.penalty(harness, other, weight: 1)
    let second = try Self.penalty(harness, x, weight: 10)
    expectSameBits(second.parameterGradient, first.parameterGradient)
    expectSameBits(second.gradient, first.gradient)
    expectSameBits(second.scores, first.scores)
  }
}
