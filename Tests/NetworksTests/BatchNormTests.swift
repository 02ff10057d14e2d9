import Base
import Collectives
import Kernels
import Networks
import TestSupport
import Testing

/// Batch norm over all samples of a stat group, on however many ranks, against the naive whole
/// batch.
@Suite struct BatchNormTests {
  struct Group: Sendable {
    var y: [Float] = []
    var dx: [Float] = []
  }

  struct Result: Sendable {
    var groups: [Group] = []
    var gamma: [Float] = []
    var beta: [Float] = []
    var jt: [Float] = []
    var share: [Float] = []
    var secondGamma: [Float] = []
    var secondBeta: [Float] = []
    var runningMean: [Float] = []
    var runningVariance: [Float] = []
    var tracked = 0
  }

  static let batch = 9
  static let (height, width) = (2, 3)

  /// Three groups of different means and deviations.
  private static func data(_ channels: Int) -> (
    x: [[Float]], d: [[Float]], t: [Float], parameters: [Float]
  ) {
    var data = TestData(seed: UInt64(channels))
    let count = batch * height * width * channels
    return (
      [
        data.normals(count), data.normals(count, mean: 3, deviation: 2),
        data.normals(count, mean: -1, deviation: 0.5),
      ],
      (0..<3).map { _ in data.normals(count) }, data.normals(count),
      data.normals(2 * channels, awayFromZero: 0.5)
    )
  }

  private static func run(channels: Int, shards: Int, communicator: any Communicator) throws
    -> Result
  {
    let shape = Shape(channels: channels, height: height, width: width)
    let harness = try Harness(
      "- batchNorm", input: shape, batch: batch, groups: 3, shards: shards,
      communicator: communicator)
    let data = data(channels)
    harness.parameters = data.parameters
    guard let layer = harness.network.layers[0] as? BatchNorm else {
      throw Fault("no batch norm")
    }
    let passes = try GroupedPasses(harness, x: data.x, dy: data.d, parameterGroups: 0..<2)
    let second = try passes.second(t: data.t)
    var result = Result()
    result.groups = zip(passes.y, passes.dx).map(Group.init)
    // Memory order: gamma, then beta.
    result.gamma = Array(passes.dw[..<channels])
    result.beta = Array(passes.dw[channels...])
    result.jt = second.jt
    result.share = second.share ?? []
    result.secondGamma = Array(second.dw[..<channels])
    result.secondBeta = Array(second.dw[channels...])
    result.runningMean = Array(layer.runningMean.values.buffer)
    result.runningVariance = Array(layer.runningVariance.values.buffer)
    result.tracked = layer.batchesTracked.counter
    return result
  }

  private static let epsilon = 1e-5

  private func sums(_ channels: Int, _ value: (Int) -> Double) -> [Double] {
    var sums = [Double](repeating: 0, count: channels)
    for index in 0..<Self.batch * Self.height * Self.width * channels {
      sums[index % channels] += value(index)
    }
    return sums
  }

  @Test(arguments: [3, 8, 11], [1, 3, 8, 12])
  func allPassesAgreeWithTheWholeBatch(channels: Int, shards: Int) throws {
    let data = Self.data(channels)
    let rows = Self.batch * Self.height * Self.width
    let gamma = data.parameters[0..<channels].map(Double.init)
    let beta = data.parameters[channels...].map(Double.init)
    let found = try Self.run(channels: channels, shards: shards, communicator: SoloCommunicator())

    var dgamma = [Double](repeating: 0, count: channels)
    var dbeta = dgamma
    var mean = dgamma
    var variance = [Double](repeating: 1, count: channels)
    for group in 0..<3 {
      let x = data.x[group].map(Double.init)
      let d = data.d[group].map(Double.init)
      let y = NaiveBatchNormalization.forward(
        x, rows: rows, gamma: gamma, beta: beta, epsilon: Self.epsilon)
      expectClose(found.groups[group].y, y.y, absolute: 5e-6, relative: 1e-6, "y of group \(group)")
      expectClose(
        found.groups[group].dx,
        NaiveBatchNormalization.backward(d, x: x, rows: rows, gamma: gamma, epsilon: Self.epsilon),
        absolute: 1e-5, relative: 1e-5, "dx of group \(group)")
      for c in 0..<channels {
        // In the groups' order, with the unbiased variance.
        mean[c] = 0.9 * mean[c] + 0.1 * y.mean[c]
        variance[c] = 0.9 * variance[c] + 0.1 * y.variance[c] * Double(rows) / Double(rows - 1)
      }
      guard group < 2 else { continue }
      dbeta = zip(dbeta, sums(channels) { d[$0] }).map { $0 + $1 }
      dgamma = zip(
        dgamma,
        sums(channels) { i in
          let c = i % channels
          return d[i] * (x[i] - y.mean[c]) / (y.variance[c] + Self.epsilon).squareRoot()
        }
      ).map { $0 + $1 }
    }
    expectClose(found.gamma, dgamma, absolute: 1e-4, relative: 1e-5, "dgamma")
    expectClose(found.beta, dbeta, absolute: 1e-4, relative: 1e-5, "dbeta")
    expectClose(found.runningMean, mean, absolute: 1e-6, relative: 1e-6, "running mean")
    expectClose(found.runningVariance, variance, absolute: 1e-6, relative: 1e-6, "running variance")
    #expect(found.tracked == 3)

    // Second order: group 2 alone. J is symmetric, so J t is the backward pass of t.
    let x = data.x[2].map(Double.init)
    let (d, t) = (data.d[2].map(Double.init), data.t.map(Double.init))
    let value = { (x: [Double], gamma: [Double]) in
      zip(
        NaiveBatchNormalization.backward(d, x: x, rows: rows, gamma: gamma, epsilon: Self.epsilon),
        t
      )
      .reduce(0) { $0 + $1.0 * $1.1 }
    }
    expectClose(
      found.jt,
      NaiveBatchNormalization.backward(t, x: x, rows: rows, gamma: gamma, epsilon: Self.epsilon),
      absolute: 2e-5, relative: 1e-5, "J t")
    let shares = x.indices.map { index in
      directionalDerivative(at: [x[index]], along: [1], step: 1e-3) { moved in
        var all = x
        all[index] = moved[0]
        return value(all, gamma)
      }
    }
    let largest = shares.reduce(0) { max($0, abs($1)) }
    expectClose(found.share, shares, absolute: 1e-5 * largest, relative: 1e-5, "share")
    let gammas = gamma.indices.map { index in
      directionalDerivative(at: [gamma[index]], along: [1], step: 1e-2) { moved in
        var all = gamma
        all[index] = moved[0]
        return value(x, all)
      }
    }
    expectClose(found.secondGamma, gammas, absolute: 1e-3, relative: 1e-5, "second dgamma")
    #expect(found.secondBeta.allSatisfy { $0 == 0 })
  }

  /// 1, 2, 4 and 8 ranks, threads of this process: the same bits, and so the oracle's values.
  @Test(arguments: [3, 8, 11])
  func ranksDoNotShow(channels: Int) throws {
    let alone = try Self.run(channels: channels, shards: 8, communicator: SoloCommunicator())
    for ranks in [2, 4, 8] {
      let found = try ThreadedCommunicator.run(ranks: ranks) {
        try Self.run(channels: channels, shards: 8, communicator: $0)
      }
      for group in 0..<3 {
        expectSameBits(
          found.flatMap { $0.groups[group].y }, alone.groups[group].y, "y, \(ranks) ranks")
        expectSameBits(
          found.flatMap { $0.groups[group].dx }, alone.groups[group].dx, "dx, \(ranks) ranks")
      }
      expectSameBits(found.flatMap(\.jt), alone.jt, "J t, \(ranks) ranks")
      expectSameBits(found.flatMap(\.share), alone.share, "share, \(ranks) ranks")
      for rank in found {
        expectSameBits(rank.gamma, alone.gamma, "dgamma, \(ranks) ranks")
        expectSameBits(rank.beta, alone.beta, "dbeta, \(ranks) ranks")
        expectSameBits(rank.secondGamma, alone.secondGamma, "second dgamma, \(ranks) ranks")
        expectSameBits(rank.runningMean, alone.runningMean, "running mean, \(ranks) ranks")
        expectSameBits(
          rank.runningVariance, alone.runningVariance, "running variance, \(ranks) ranks")
        #expect(rank.tracked == 3)
      }
    }
  }

  /// Running statistics are used, not moved, in evaluation; a sample's result is then its own.
  @Test func evaluationUsesRunningStatistics() throws {
    let shape = Shape(channels: 3, height: 2, width: 2)
    let harness = try Harness("- batchNorm: {epsilon: 0.25}", input: shape)
    let layer = try #require(harness.network.layers[0] as? BatchNorm)
    harness.parameters = [2, 3, 4, -1, 0, 1]
    _ = layer.runningMean.values.buffer.update(fromContentsOf: [1, 2, 3])
    _ = layer.runningVariance.values.buffer.update(fromContentsOf: [0, 3.75, 0.75])
    var data = TestData(seed: 3)
    let x = data.normals(5 * shape.elementCount)
    let y = harness.tensor(shape)
    try layer.forward(harness.filled(shape, x), into: y, harness.pass(0..<1, mode: .evaluation))
    let (mean, r, gamma, beta) = ([1.0, 2, 3], [2.0, 0.5, 1], [2.0, 3, 4], [-1.0, 0, 1])
    let expected = x.enumerated().map { index, value in
      let c = index % 3
      return gamma[c] * r[c] * (Double(value) - mean[c]) + beta[c]
    }
    expectClose(harness.values(y), expected, absolute: 2e-6, relative: 1e-6)
    // Backward, the statistics are constants.
    let (dy, dx) = (data.normals(x.count), harness.tensor(shape))
    try layer.backward(
      harness.filled(shape, dy), input: harness.filled(shape, x), output: y, into: dx,
      harness.pass(0..<1, mode: .evaluation))
    expectClose(
      harness.values(dx), dy.enumerated().map { gamma[$0 % 3] * r[$0 % 3] * Double($1) },
      absolute: 2e-6, relative: 1e-6)
    #expect(Array(layer.runningMean.values.buffer) == [1, 2, 3])
    #expect(layer.batchesTracked.counter == 0)
  }

  /// A channel that never varies: epsilon keeps all passes finite.
  @Test func aConstantChannel() throws {
    let shape = Shape(channels: 3, height: 2, width: 2)
    let passes = LayerPasses(harness: try Harness("- batchNorm", input: shape))
    var data = TestData(seed: 4)
    let x = data.normals(5 * shape.elementCount).enumerated().map {
      $0.offset % 3 == 1 ? 1e3 : $0.element
    }
    let (dy, t) = (data.normals(x.count), data.normals(x.count))
    let first = try passes.first(x: x, dy: dy)
    let second = try passes.second(x: x, dy: dy, t: t)
    for values in [first.y, first.dx, first.dw, second.jt, second.dw, second.share ?? []] {
      #expect(values.allSatisfy { $0.isFinite })
    }
    for index in x.indices where index % 3 == 1 { #expect(abs(first.y[index]) < 1e-3) }
  }
}
