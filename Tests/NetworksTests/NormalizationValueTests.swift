import Base
import Foundation
import Networks
import TestSupport
import Testing

/// Single values of the normalizations: PyTorch's, running statistics, evaluation.
@Suite struct NormalizationValueTests {
  /// PyTorch 2.15.0's `LayerNorm([2, 1, 3])` and `InstanceNorm2d(2, affine=True)` in Float64, x =
  /// sin(1 + 0.7 i), dy = cos(0.3 i) in PyTorch's order, shape (2, 2, 1, 3), weight = 0.5 + 0.25 j,
  /// bias = 0.1 j; dx and dw by `autograd.grad(create_graph=True)`, the share by a second
  /// `autograd.grad` of <dx, t>, t = dx.
  struct Expected: Sendable {
    var layer: String
    var y: [Double]
    var dx: [Double]
    var dw: [Double]
    var share: [Double]
  }

  static let expected = [
    Expected(
      layer: "layerNorm",
      y: [
        0.4575877, 0.9376869, 0.8921935, 0.1009523, -1.155406, -2.174191, -0.8433636, -0.601032,
        0.2768072, 1.390113, 2.015659, 1.542007,
      ],
      dx: [
        -0.3040142, -0.05623227, 0.1805313, 0.2972045, 0.1707824, -0.2882717, -0.09346604,
        0.09344747, 0.3415085, 0.3732775, 0.007116341, -0.7218838,
      ],
      dw: [1.298403, 1.538915, 0.5146548, -0.8874168, -1.44207, -0.6960717],
      share: [
        0.01973122, -0.06609756, -0.1026617, -0.07341816, 0.02739664, 0.1950496, 0.2235969,
        0.2886669, 0.3723896, 0.2530122, -0.202417, -0.9352486,
      ]),
    Expected(
      layer: "instanceNorm: {affine: true}",
      y: [
        0.02040282, 0.6017325, -0.6221353, 1.091894, -0.07065778, -0.7212358, -0.5802339,
        -0.05985563, 0.6400895, 0.1907224, 0.9695735, -0.860296,
      ],
      dx: [
        0.2743599, -0.1438856, -0.1304742, -0.03892315, 0.1085534, -0.06963021, 0.0233044,
        -0.04061133, 0.01730693, 0.3148183, -0.1808123, -0.134006,
      ],
      dw: [-0.4563207, 0.6693624],
      share: [
        -0.4603843, -0.1154482, 0.5758325, 0.01731118, -0.09786961, 0.08055844, 0.01200822,
        -0.01730036, 0.005292136, -0.07671596, -0.4145234, 0.4912393,
      ]),
  ]

  @Test(arguments: expected)
  func valuesOfPyTorch(expected: Expected) throws {
    let shape = Shape(channels: 2, height: 1, width: 3)
    let harness = try Harness("- \(expected.layer)", input: shape, batch: 2, shards: 1)
    let passes = LayerPasses(harness: harness)
    // Two samples of (2, 1, 3), each to (1, 3, 2).
    let layout = ParameterLayout.innerLast(outer: 2, inner: 2, pixels: 3)
    let ours = { (values: [Float]) in
      values.read { source in withOutput(12) { layout.fromPyTorch(source, into: $0) } }
    }
    let theirs = { (values: [Float]) in
      values.read { source in withOutput(12) { layout.toPyTorch(source, into: $0) } }
    }
    for parameter in passes.layer.parameters {
      let values = (0..<parameter.count).map {
        parameter.name == "weight" ? 0.5 + 0.25 * Float($0) : 0.1 * Float($0)
      }
      values.read { values in
        parameter.mutate { parameter.layout.fromPyTorch(values, into: $0) }
      }
    }
    let x = ours((0..<12).map { Float(sin(1 + 0.7 * Double($0))) })
    let dy = ours((0..<12).map { Float(cos(0.3 * Double($0))) })
    let found = try passes.first(x: x, dy: dy)
    expectClose(theirs(found.y), expected.y, absolute: 2e-6, "y")
    expectClose(theirs(found.dx), expected.dx, absolute: 2e-6, "dx")
    let weight = passes.layer.parameters[0]
    let dw = found.dw[0..<weight.count].map { $0 }.read { source in
      withOutput(weight.count) { weight.layout.toPyTorch(source, into: $0) }
    }
    expectClose(dw, expected.dw, absolute: 2e-6, "dw")
    let second = try passes.second(x: x, dy: dy, t: found.dx)
    expectClose(theirs(try #require(second.share)), expected.share, absolute: 4e-6, "share")
  }

  /// x = 1, 3 a channel: mean 2, variance 1, unbiased 2.
  @Test func runningStatisticsByHand() throws {
    let variances = try ["", ": {runningVariance: biased}", ": {momentum: 0.2}"].map { options in
      let harness = try Harness(
        "- batchNorm\(options)", input: Shape(channels: 1), batch: 2, shards: 2)
      let layer = try #require(harness.network.layers[0] as? BatchNorm)
      let shape = layer.inputShape
      try layer.forward(harness.filled(shape, [1, 3]), into: harness.tensor(shape), harness.pass)
      return layer.runningMean.values.buffer[0] + 10 * layer.runningVariance.values.buffer[0]
    }
    expectClose(
      variances, [0.2 + 10 * (0.9 + 0.2), 0.2 + 10 * (0.9 + 0.1), 0.4 + 10 * (0.8 + 0.4)],
      absolute: 1e-5)
  }

  /// With `statistics: running`, conditional batch norm normalizes by its running statistics.
  @Test func conditionalRunningStatistics() throws {
    let harness = try Harness(
      "- conditionalBatchNorm: {statistics: running, variance: unbiased, epsilon: 0.25}",
      input: Shape(channels: 1), batch: 2, shards: 2, classes: 3)
    let layer = try #require(harness.network.layers[0] as? BatchNorm)
    let (shape, y) = (layer.inputShape, harness.tensor(layer.inputShape))
    harness.parameters = [1, 2, 3, 0, 0, 10]
    let x = harness.filled(shape, [1, 3])
    try layer.forward(x, into: y, harness.pass)
    // Labels 0 and 2; (x - 2) / sqrt(2 + 0.25).
    let r = 1 / 2.25.squareRoot()
    expectClose(harness.values(y), [-r, 3 * r + 10], absolute: 1e-6)
    expectClose(layer.runningMean.values.buffer, [0.2], absolute: 1e-6)
    expectClose(layer.runningVariance.values.buffer, [1.1], absolute: 1e-6)
    try layer.forward(x, into: y, harness.pass(0..<1, mode: .evaluation))
    let running = 1 / 1.35.squareRoot()
    expectClose(harness.values(y), [0.8 * running, 3 * 2.8 * running + 10], absolute: 1e-5)
    #expect(layer.buffers.map(\.name) == ["running_mean", "running_var"])
  }

  /// With `statistics: batch`, evaluation takes the samples' own statistics: over all ranks' in a
  /// global pass, those of each shard's place in a pass over this rank's own.
  @Test func batchStatisticsInEvaluation() throws {
    let harness = try Harness(
      "- conditionalBatchNorm", input: Shape(channels: 3), batch: 6, shards: 2, classes: 4)
    let layer = try #require(harness.network.layers[0] as? BatchNorm)
    let shape = layer.inputShape
    var data = TestData(seed: 1)
    harness.parameters = data.normals(24, awayFromZero: 0.5)
    let values = data.normals(18)
    let (x, y, training) = (
      harness.filled(shape, values), harness.tensor(shape), harness.tensor(shape)
    )
    try layer.forward(x, into: training, harness.pass)
    try layer.forward(x, into: y, harness.pass(0..<1, mode: .evaluation))
    expectSameBits(harness.values(y), harness.values(training), "global")
    #expect(layer.buffers.isEmpty)

    // 5 samples: 3 in the first shard's place, 2 in the second's.
    let pass = Pass(
      .local(count: 5, capacity: 3), groups: 0..<1, mode: .evaluation, plan: harness.context.plan
    ).with(harness.network.conditions)
    try layer.forward(x, into: y, pass)
    let parameters = harness.parameters.map(Double.init)
    for (shard, samples) in [0..<3, 3..<5].enumerated() {
      let labels = try #require(pass.conditions).labels(pass, shard: shard)
      let oracle = NaiveNormalization(
        cell: { $0 % 3 }, cells: 3, place: { Int(labels[$0 / 3]) * 3 + $0 % 3 }, epsilon: 1e-5,
        less: 0)
      let own = values[samples.lowerBound * 3..<samples.upperBound * 3].map(Double.init)
      expectClose(
        y.read(pass, shard: shard),
        oracle.forward(own, gamma: Array(parameters[0..<12]), beta: Array(parameters[12...])),
        absolute: 1e-4, "shard \(shard)")
    }
  }

  /// Epsilon stands under the root: x = 0, 2, 4, 6 has the mean 3 and the variance 5.
  @Test(arguments: ["layerNorm: {epsilon: 1.0, affine: none}", "instanceNorm: {epsilon: 1.0}"])
  func epsilonIsUnderTheRoot(layer: String) throws {
    let shape = Shape(channels: 1, height: 1, width: 4)
    let passes = LayerPasses(harness: try Harness("- \(layer)", input: shape, batch: 1, shards: 1))
    let found = try passes.first(x: [0, 2, 4, 6], dy: [1, 0, 0, 0])
    expectClose(found.y, [-3, -1, 1, 3].map { $0 / 6.0.squareRoot() }, absolute: 1e-6, "y")
  }

  /// A sample, or a channel of a sample, that never varies: epsilon keeps all passes finite.
  @Test(
    arguments: ["layerNorm", "layerNorm: {affine: channel}", "instanceNorm: {affine: true}"])
  func constantSamples(layer: String) throws {
    let shape = Shape(channels: 3, height: 2, width: 2)
    let passes = LayerPasses(harness: try Harness("- \(layer)", input: shape))
    var data = TestData(seed: 4)
    let x = data.normals(5 * shape.elementCount).enumerated().map {
      $0.offset / shape.elementCount == 1 ? 1e3 : $0.element
    }
    let (dy, t) = (data.normals(x.count), data.normals(x.count))
    let first = try passes.first(x: x, dy: dy)
    let second = try passes.second(x: x, dy: dy, t: t)
    for values in [first.y, first.dx, first.dw, second.jt, second.dw, second.share ?? []] {
      #expect(values.allSatisfy { $0.isFinite })
    }
    for index in 12..<24 { #expect(abs(first.y[index]) < 1e-3) }
  }
}
