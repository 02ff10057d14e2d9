import Base
import Collectives
import Networks
import TestSupport
import Testing

/// Conditional batch norm, layer norm and instance norm on however many ranks, shards and threads,
/// against the naive whole batch.
@Suite struct NormalizationTests {
  struct Case: Sendable, CustomStringConvertible {
    var layer: String
    var channels: Int
    var less = 0.0
    var description: String { "\(layer) of \(channels) channels" }
  }

  static let cases =
    [3, 8, 11].flatMap {
      [
        Case(layer: "conditionalBatchNorm", channels: $0),
        Case(layer: "layerNorm", channels: $0),
        Case(layer: "layerNorm: {affine: channel}", channels: $0),
      ]
    } + [
      Case(
        layer: "conditionalBatchNorm: {variance: unbiased, statistics: running}", channels: 11,
        less: 1),
      Case(layer: "layerNorm: {affine: scalar, variance: unbiased}", channels: 11, less: 1),
      Case(layer: "layerNorm: {affine: none}", channels: 3),
      Case(layer: "instanceNorm", channels: 3),
      Case(layer: "instanceNorm: {affine: true}", channels: 11),
    ]

  static let batch = 9
  static let (height, width) = (2, 3)
  static let classes = 4

  struct Result: Sendable {
    var y: [[Float]] = []
    var dx: [[Float]] = []
    var dw: [Float] = []
    var jt: [Float] = []
    var share: [Float] = []
    var second: [Float] = []
    var state: [[Float]] = []
  }

  private static func data(_ channels: Int, parameters: Int) -> (
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
      data.normals(parameters, awayFromZero: 0.5)
    )
  }

  private static func run(
    _ test: Case, shards: Int, threads: Int = 1, communicator: any Communicator
  ) throws -> Result {
    let shape = Shape(channels: test.channels, height: height, width: width)
    let harness = try Harness(
      "- \(test.layer)", input: shape, batch: batch, groups: 3, shards: shards, threads: threads,
      classes: classes, communicator: communicator)
    let data = data(test.channels, parameters: harness.parameters.count)
    harness.parameters = data.parameters
    let passes = try GroupedPasses(harness, x: data.x, dy: data.d, parameterGroups: 0..<2)
    let second = try passes.second(t: data.t)
    var result = Result()
    result.y = passes.y
    result.dx = passes.dx
    result.dw = passes.dw
    result.jt = second.jt
    result.share = second.share ?? []
    result.second = second.dw
    result.state = harness.network.layers[0].buffers.map { Array($0.values.buffer) }
    return result
  }

  private static func oracle(_ test: Case, group: Int) -> NaiveNormalization {
    let channels = test.channels
    let size = height * width * channels
    let isLayerNorm = test.layer.hasPrefix("layerNorm")
    let (cells, cell): (Int, (Int) -> Int) =
      if test.layer.hasPrefix("conditional") {
        (channels, { $0 % channels })
      } else if isLayerNorm {
        (batch, { $0 / size })
      } else {
        (batch * channels, { $0 / size * channels + $0 % channels })
      }
    let place: (Int) -> Int =
      if test.layer.hasPrefix("conditional") {
        { Int(Harness.label($0 / size, group, classes)) * channels + $0 % channels }
      } else if ["scalar", "none"].contains(where: test.layer.contains)
        || test.layer == "instanceNorm"
      {
        { _ in 0 }
      } else if isLayerNorm && !test.layer.contains("channel") {
        { $0 % size }
      } else {
        { $0 % channels }
      }
    return NaiveNormalization(
      cell: cell, cells: cells, place: place, epsilon: 1e-5, less: test.less)
  }

  @Test(arguments: cases, [1, 3, 8])
  func allPassesAgreeWithTheWholeBatch(test: Case, shards: Int) throws {
    let found = try Self.run(test, shards: shards, communicator: SoloCommunicator())
    // The layers without parameters have one gamma of 1 in the oracle.
    let count = max(found.dw.count / 2, 1)
    let data = Self.data(test.channels, parameters: found.dw.count)
    let hasParameters = !found.dw.isEmpty
    let gamma = hasParameters ? data.parameters[0..<count].map(Double.init) : [1]
    let beta = hasParameters ? data.parameters[count...].map(Double.init) : [0]
    var dgamma = [Double](repeating: 0, count: count)
    var dbeta = dgamma
    for group in 0..<3 {
      let oracle = Self.oracle(test, group: group)
      let (x, d) = (data.x[group].map(Double.init), data.d[group].map(Double.init))
      expectClose(
        found.y[group], oracle.forward(x, gamma: gamma, beta: beta), absolute: 1e-5,
        relative: 1e-6, "y of group \(group)")
      let expected = oracle.backward(d, x: x, gamma: gamma)
      expectClose(
        found.dx[group], expected.dx, absolute: 2e-5, relative: 1e-5, "dx of group \(group)")
      guard group < 2 else { continue }
      dgamma = zip(dgamma, expected.gamma).map { $0 + $1 }
      dbeta = zip(dbeta, expected.beta).map { $0 + $1 }
    }
    if hasParameters {
      expectClose(found.dw, dgamma + dbeta, absolute: 1e-4, relative: 1e-5, "dgamma and dbeta")
    }

    // Second order: group 2 alone.
    let oracle = Self.oracle(test, group: 2)
    let x = data.x[2].map(Double.init)
    let (d, t) = (data.d[2].map(Double.init), data.t.map(Double.init))
    let value = { (x: [Double], gamma: [Double]) in
      zip(oracle.backward(d, x: x, gamma: gamma).dx, t).reduce(0) { $0 + $1.0 * $1.1 }
    }
    expectClose(
      found.jt, oracle.transposed(t, x: x, gamma: gamma), absolute: 4e-5, relative: 1e-5, "J t")
    let shares = x.indices.map { index in
      directionalDerivative(at: [x[index]], along: [1], step: 1e-3) { moved in
        var all = x
        all[index] = moved[0]
        return value(all, gamma)
      }
    }
    let largest = shares.reduce(0) { max($0, abs($1)) }
    expectClose(found.share, shares, absolute: 1e-5 * largest, relative: 1e-5, "share")
    guard hasParameters else { return }
    let gammas = gamma.indices.map { index in
      directionalDerivative(at: [gamma[index]], along: [1], step: 1e-2) { moved in
        var all = gamma
        all[index] = moved[0]
        return value(x, all)
      }
    }
    expectClose(
      found.second, gammas + [Double](repeating: 0, count: count), absolute: 1e-3,
      relative: 1e-5, "second dgamma")
  }

  /// 1, 2, 4 and 8 ranks, threads of this process, and threads of a rank: the same bits.
  @Test(arguments: cases)
  func ranksAndThreadsDoNotShow(test: Case) throws {
    let alone = try Self.run(test, shards: 8, communicator: SoloCommunicator())
    let threaded = try Self.run(test, shards: 8, threads: 3, communicator: SoloCommunicator())
    var all = [("3 threads", [threaded])]
    for ranks in [2, 4, 8] {
      all.append(
        (
          "\(ranks) ranks",
          try ThreadedCommunicator.run(ranks: ranks) {
            try Self.run(test, shards: 8, communicator: $0)
          }
        ))
    }
    for (name, found) in all {
      for group in 0..<3 {
        expectSameBits(found.flatMap { $0.y[group] }, alone.y[group], "y, \(name)")
        expectSameBits(found.flatMap { $0.dx[group] }, alone.dx[group], "dx, \(name)")
      }
      expectSameBits(found.flatMap(\.jt), alone.jt, "J t, \(name)")
      expectSameBits(found.flatMap(\.share), alone.share, "share, \(name)")
      for rank in found {
        expectSameBits(rank.dw, alone.dw, "dgamma and dbeta, \(name)")
        expectSameBits(rank.second, alone.second, "second dgamma, \(name)")
        expectSameBits(rank.state.flatMap { $0 }, alone.state.flatMap { $0 }, "state, \(name)")
      }
    }
  }

  /// Layer and instance norm keep samples apart: shards of any size give the same bits.
  @Test(arguments: cases.filter { !$0.layer.hasPrefix("conditional") })
  func samplesStandAlone(test: Case) throws {
    let whole = try Self.run(test, shards: 1, communicator: SoloCommunicator())
    let cut = try Self.run(test, shards: 8, communicator: SoloCommunicator())
    for group in 0..<3 {
      expectSameBits(cut.y[group], whole.y[group], "y")
      expectSameBits(cut.dx[group], whole.dx[group], "dx")
    }
    expectSameBits(cut.jt, whole.jt, "J t")
    expectSameBits(cut.share, whole.share, "share")
  }

  /// The oracle's backward pass is the derivative of its forward pass.
  @Test(arguments: [0.0, 1])
  func theOracle(less: Double) {
    let oracle = NaiveNormalization(
      cell: { $0 / 4 }, cells: 2, place: { $0 % 2 }, epsilon: 0.1, less: less)
    let (x, d) = ([1.0, -2, 0.5, 3, 0.2, 0.9, -1.5, 2.5], [0.3, -0.7, 0.9, 2, 0.1, -1, 1, 0.4])
    let (gamma, beta) = ([2.0, -0.5], [0.1, 0.2])
    let along = [1.0, 0.5, -2, 0.3, 1.5, 0, -1, 0.7]
    let value = { (x: [Double], gamma: [Double]) in
      zip(oracle.forward(x, gamma: gamma, beta: beta), d).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let found = oracle.backward(d, x: x, gamma: gamma)
    expectClose(
      zip(found.dx, along).reduce(0) { $0 + $1.0 * $1.1 },
      directionalDerivative(at: x, along: along, step: 1e-3) { value($0, gamma) }, absolute: 1e-9)
    expectClose(
      found.gamma[0] - 2 * found.gamma[1],
      directionalDerivative(at: gamma, along: [1, -2], step: 1e-3) { value(x, $0) },
      absolute: 1e-9)
    // J t by its definition: <backward(d), t> = <d, J t>.
    expectClose(
      zip(found.dx, along).reduce(0) { $0 + $1.0 * $1.1 },
      zip(oracle.transposed(along, x: x, gamma: gamma), d).reduce(0) { $0 + $1.0 * $1.1 },
      absolute: 1e-12)
  }
}
