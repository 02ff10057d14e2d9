import Base
import Collectives
import Foundation
import Networks
import TestSupport
import Testing

@Suite struct SpectralNormTests {
  /// PyTorch 2.15.0's `torch.nn.utils.spectral_norm` in Float64: weight = sin(1 + 0.7 i), u and v
  /// the normalized cos(i) and cos(0.5 i), x = cos(0.4 i), dy = sin(0.5 + 0.9 i), each in PyTorch's
  /// order, in evaluation (no power iteration); u1 and v1 after one forward pass in training.
  struct Expected: Sendable {
    var layer: String
    var input: Shape
    var y: [Double]
    var dw: [Double]
    var u: [Double]
    var v: [Double]
  }

  static let expected = [
    Expected(
      layer: "linear: {outputs: 2, spectralNorm: true}", input: Shape(channels: 3),
      y: [2.383956, -1.288712],
      dw: [0.5969429, 0.546196, 0.4028544, 1.100681, 1.011836, 0.7598067],
      u: [0.9450769, -0.3268481], v: [0.7869901, 0.6021975, 0.1341819]),
    Expected(
      layer: "conv2d: {channels: 3, kernel: 2, spectralNorm: true}",
      input: Shape(channels: 2, height: 2, width: 2), y: [1.685243, 1.760142, 1.044969],
      dw: [
        -0.3588199, -0.3053195, -0.1594287, 0.03883721, 0.2345332, 0.3722482, 0.4108549,
        0.3347496, 0.1397932, 0.1423605, 0.1463266, 0.1418897, 0.116976, 0.06227316, -0.02405618,
        -0.1335201, 0.5834884, 0.5269517, 0.3688325, 0.1411617, -0.1102777, -0.335587,
        -0.4911277, -0.5483865,
      ], u: [0.7723888, 0.6106294, 0.1747778],
      v: [
        0.4148989, 0.4707523, 0.3052035, -0.003887216, -0.3111498, -0.4720737, -0.410974,
        -0.1565868,
      ]),
    Expected(
      layer: "convTranspose2d: {channels: 3, kernel: 2, spectralNorm: true}",
      input: Shape(channels: 2),
      y: [
        2.145678, 1.032599, -0.5661268, -1.898595, -2.338124, -1.677997, -0.2286817, 1.328186,
        2.260387, 2.129493, 0.9970648, -0.6042984,
      ],
      dw: [
        -8.440345, -6.005147, -3.352135, -0.8261579, -7.23486, -6.94704, -3.739599, 0.8586051,
        6.460943, 5.340318, 1.978815, -1.771657, 5.103989, 9.968807, 11.23932, 8.885124, 0.2942995,
        1.975991, 4.296429, 6.002619, 0.5917575, -1.531482, -4.139462, -5.645984,
      ], u: [0.8232478, -0.1457112, -0.5486631],
      v: [
        0.4116171, 0.1183305, -0.2306089, -0.4710893, -0.4744078, -0.4874261, -0.2712002,
        0.07257529,
      ]),
  ]

  private static func unit(_ values: [Double]) -> [Float] {
    let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return values.map { Float($0 / length) }
  }

  private static func reordered(_ values: [Float], _ shape: Shape, toPyTorch: Bool) -> [Float] {
    let layout = ParameterLayout.innerLast(
      outer: 1, inner: shape.channels, pixels: shape.pixels)
    return values.read { source in
      withOutput(values.count) {
        if toPyTorch {
          layout.toPyTorch(source, into: $0)
        } else {
          layout.fromPyTorch(source, into: $0)
        }
      }
    }
  }

  @Test(arguments: expected)
  func valuesOfPyTorch(expected: Expected) throws {
    let harness = try Harness("- \(expected.layer)", input: expected.input, batch: 1, shards: 1)
    let layer = harness.network.layers[0]
    let (weight, bias) = (layer.parameters[0], layer.parameters[1])
    #expect(weight.name == "weight_orig")
    #expect(layer.buffers.map(\.name) == ["weight_u", "weight_v"])
    (0..<weight.count).map { Float(sin(1 + 0.7 * Double($0))) }.read { values in
      weight.mutate { weight.layout.fromPyTorch(values, into: $0) }
    }
    bias.mutate { $0.update(repeating: 0) }
    for (buffer, step) in zip(layer.buffers, [1, 0.5]) {
      let values = Self.unit((0..<buffer.values.count).map { cos(step * Double($0)) })
      _ = buffer.values.buffer.update(fromContentsOf: values)
    }
    let x = Self.reordered(
      (0..<layer.inputShape.elementCount).map { Float(cos(0.4 * Double($0))) }, layer.inputShape,
      toPyTorch: false)
    let dy = Self.reordered(
      (0..<layer.outputShape.elementCount).map { Float(sin(0.9 * Double($0) + 0.5)) },
      layer.outputShape, toPyTorch: false)
    let y = harness.tensor(layer.outputShape)
    let xs = harness.filled(layer.inputShape, x)
    try layer.forward(xs, into: y, harness.pass)
    harness.network.arena.clearGradient()
    try layer.backward(
      harness.filled(layer.outputShape, dy), input: xs, output: y, into: nil, harness.pass)
    try harness.network.arena.reduceGradient()
    expectClose(
      Self.reordered(harness.values(y), layer.outputShape, toPyTorch: true), expected.y,
      absolute: 3e-6, "y")
    let dw = Array(weight.gradient).read { source in
      withOutput(weight.count) { weight.layout.toPyTorch(source, into: $0) }
    }
    expectClose(dw, expected.dw, absolute: 2e-5, "dw")
    // The gradient is followed by a step of the power iteration.
    expectClose(layer.buffers[0].values.buffer, expected.u, absolute: 1e-6, "u")
    expectClose(layer.buffers[1].values.buffer, expected.v, absolute: 1e-6, "v")
  }

  /// The estimate begins near the largest singular value, and steps bring it there.
  @Test func theLargestSingularValue() throws {
    let harness = try Harness(
      "- linear: {outputs: 3, bias: false, spectralNorm: true}", input: Shape(channels: 3))
    let layer = harness.network.layers[0]
    let norm = try #require(layer.parameters[0].spectralNorm)
    harness.parameters = [3, 0, 0, 0, 2, 0, 0, 0, -1]
    let (x, y) = (
      harness.filled(layer.inputShape, [Float](repeating: 1, count: 15)),
      harness.tensor(layer.outputShape)
    )
    for _ in 0..<60 {
      try layer.forward(x, into: y, harness.pass)
      harness.network.arena.clearGradient()
      try harness.network.arena.reduceGradient()
    }
    expectClose(norm.sigma, 3, absolute: 1e-5)
    expectClose(
      norm.effective.buffer, [1, 0, 0, 0, 2.0 / 3, 0, 0, 0, -1.0 / 3], absolute: 1e-5)
  }

  /// Gradient and vectors have the same bits on every rank and with any number of threads.
  @Test func ranksAndThreadsDoNotShow() throws {
    struct Result: Sendable {
      var gradient: [Float]
      var vectors: [Float]
    }
    let run = { @Sendable (communicator: any Communicator, threads: Int) throws -> Result in
      let harness = try Harness(
        """
        - conv2d: {channels: 5, kernel: 3, stride: 2, padding: 1, spectralNorm: true}
        - leakyReLU: {slope: 0.2}
        - conv2d: {channels: 2, kernel: 2, spectralNorm: true}
        """, input: Shape(channels: 3, height: 4, width: 4), batch: 9, shards: 8, threads: threads,
        communicator: communicator)
      var data = TestData(seed: 5)
      let network = harness.network
      harness.fill(network.input, data.normals(9 * 48))
      harness.fill(network.outputGradient, data.normals(9 * network.outputShape.elementCount))
      harness.fill(network.direction, data.normals(9 * 48))
      for _ in 0..<2 {
        try network.forward(harness.pass)
        network.arena.clearGradient()
        try network.backward(harness.pass, inputGroups: 0..<1)
        try network.doubleBackward(harness.pass)
        try network.arena.reduceGradient()
      }
      return Result(
        gradient: harness.gradients,
        vectors: network.layers.flatMap(\.buffers).flatMap { Array($0.values.buffer) })
    }
    let alone = try run(SoloCommunicator(), 1)
    #expect(alone.gradient.allSatisfy { $0.isFinite })
    var all = [try run(SoloCommunicator(), 3)]
    for ranks in [2, 4, 8] {
      all += try ThreadedCommunicator.run(ranks: ranks) { try run($0, 1) }
    }
    for found in all {
      expectSameBits(found.gradient, alone.gradient, "gradient")
      expectSameBits(found.vectors, alone.vectors, "u and v")
    }
  }
}
