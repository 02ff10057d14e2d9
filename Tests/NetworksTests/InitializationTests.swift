import Base
import Networks
import TestSupport
import Testing

/// Limits of the published systems, by the arithmetic of their papers and code.
@Suite struct InitializationTests {
  struct Case: Sendable, CustomStringConvertible {
    var layer: String
    var input: Shape
    var scheme = Initialization.Scheme.gulrajani
    var limit: Double
    var description: String { "\(scheme): \(layer) of \(input)" }
  }

  private static func conv(_ inputs: Int, _ outputs: Int, _ kernel: Int, stride: Int = 1) -> (
    String, Shape
  ) {
    (
      "conv2d: {channels: \(outputs), kernel: \(kernel), stride: \(stride), padding: 2}",
      Shape(channels: inputs, height: 4, width: 4)
    )
  }

  private static func deconv(_ inputs: Int, _ outputs: Int) -> (String, Shape) {
    (
      "convTranspose2d: {channels: \(outputs), kernel: 5, stride: 2, padding: 2}",
      Shape(channels: inputs, height: 4, width: 4)
    )
  }

  private static func linear(_ inputs: Int, _ outputs: Int) -> (String, Shape) {
    ("linear: {outputs: \(outputs)}", Shape(channels: inputs))
  }

  private static func with(_ weight: String, _ layer: (String, Shape)) -> (String, Shape) {
    (String(layer.0.dropLast()) + ", initialization: \(weight)}", layer.1)
  }

  private static func cases(
    _ scheme: Initialization.Scheme, _ list: [((String, Shape), Double)]
  ) -> [Case] {
    list.map { Case(layer: $0.0.0, input: $0.0.1, scheme: scheme, limit: $0.1) }
  }

  /// Lines and volumes: the kernel's pixels, and the stride once or three times.
  private static let otherDimensions = [
    ("conv1d: {channels: 5, kernel: 3, stride: 2}", Shape(channels: 3, length: 8)),
    (
      "conv3d: {channels: 5, kernel: 3, stride: 2}",
      Shape(channels: 3, depth: 4, height: 4, width: 4)
    ),
    ("convTranspose3d: {channels: 2, kernel: 2}", Shape(channels: 4)),
  ]

  static let all =
    cases(
      .pytorch,
      zip(otherDimensions, [0.333333, 0.111111, 0.25]).map { ($0, $1) })
    + cases(
      .gulrajani, zip(otherDimensions, [0.852803, 0.350149, 0.5]).map { ($0, $1) })
    // fi = 4 * 8 and fo = 2 * 8 of the last: sqrt(12 / 48).

    // The MNIST network: strides count.
    + cases(
      .gulrajani,
      [
        (conv(1, 64, 5, stride: 2), 0.16803), (conv(64, 128, 5, stride: 2), 0.07071),
        (conv(128, 256, 5, stride: 2), 0.05000), (deconv(256, 128), 0.05000),
        (deconv(128, 64), 0.07071), (deconv(64, 1), 0.16803), (linear(128, 4096), 0.03769),
        (linear(4096, 1), 0.03827),
        // The CIFAR-10 residual network.
        (conv(128, 128, 3), 0.07217), (with("glorot", conv(128, 128, 1)), 0.15309),
        (conv(3, 128, 3), 0.10089), (with("glorot", conv(3, 128, 1)), 0.21401),
        (with("glorot", conv(128, 3, 3)), 0.07134), (linear(128, 2048), 0.05251),
        (linear(128, 1), 0.21567), (linear(128, 10), 0.20851),
        // The two-dimensional one.
        (with("heFanIn", linear(2, 512)), 1.7321), (with("heFanIn", linear(512, 512)), 0.10825),
        (linear(512, 2), 0.10804), (linear(512, 1), 0.10815),
      ])
    + cases(
      .paddlescience,
      [
        (conv(1, 64, 5, stride: 2), 0.08593), (conv(64, 128, 5, stride: 2), 0.05000),
        (conv(128, 256, 5, stride: 2), 0.03536), (deconv(256, 128), 0.03536),
        (deconv(128, 64), 0.05000), (deconv(64, 1), 0.08593), (conv(128, 128, 3), 0.07217),
        (linear(128, 2048), 0.05251),
      ])
    + cases(
      .keras,
      // sqrt(6 / (784 + 512)), sqrt(6 / (9 * 3 + 9 * 5)).
      [(linear(784, 512), 0.068041), (conv(3, 5, 3, stride: 2), 0.288675)])
    + cases(
      .pytorch,
      // 1 / sqrt(fan-in); of a transposed convolution PyTorch's fan-in is the outputs'.
      [
        (linear(100, 128), 0.1), (conv(4, 5, 5), 0.1), (deconv(3, 16), 0.05),
        (with("{uniform: {limit: 0.25}}", linear(100, 128)), 0.25),
        (with("he", linear(2, 4)), 1.41421),
      ])

  /// The largest of the drawn numbers reaches the limit but does not exceed it.
  @Test(arguments: all)
  func limits(test: Case) throws {
    let harness = try Harness(
      "- \(test.layer)", input: test.input, batch: 1, shards: 1, scheme: test.scheme)
    let parameters = harness.network.layers[0].parameters
    guard case .uniform(let limit) = parameters[0].initializer else {
      Issue.record("\(parameters[0].initializer) is not uniform")
      return
    }
    // Half a unit of the published last digit.
    expectClose(limit, test.limit, absolute: test.limit < 1 ? 5.1e-6 : 5.1e-5)
    let largest = parameters[0].values.reduce(0) { max($0, abs($1)) }
    let reached = 1 - 20 / Float(parameters[0].count + 20)
    #expect(largest <= limit && largest > reached * limit)
    if test.scheme != .pytorch { #expect(parameters[1].initializer == .constant(0)) }
  }

  /// Heads in one matrix begin as layers of their own.
  @Test func heads() throws {
    let harness = try Harness(
      "- linear: {heads: [1, 10]}", input: Shape(channels: 128), scheme: .gulrajani)
    let weight = harness.network.layers[0].parameters[0]
    #expect(weight.shape == [11, 128])
    let first = weight.values[0..<128].reduce(0) { max($0, abs($1)) }
    let others = weight.values[128...].reduce(0) { max($0, abs($1)) }
    #expect(first <= 0.21568 && first > 0.2)
    #expect(others <= 0.20852 && others > 0.205)
    guard case .uniformParts(let parts) = weight.initializer else {
      Issue.record("\(weight.initializer)")
      return
    }
    expectClose(parts.map(\.limit), [0.21567, 0.20851], absolute: 0, relative: 1e-4)
    #expect(parts.map(\.count) == [128, 1280])
    // With PyTorch's default the fan-out does not count.
    let plain = try Harness("- linear: {heads: [1, 10]}", input: Shape(channels: 100))
    #expect(plain.network.layers[0].parameters[0].initializer == .uniform(limit: 0.1))
  }

  @Test func distributionsOfALayer() throws {
    let values = { (options: String) in
      let harness = try Harness(
        "- linear: {outputs: 50, bias: false, initialization: \(options)}",
        input: Shape(channels: 80))
      return harness.parameters
    }
    #expect(try values("zeros").allSatisfy { $0 == 0 })
    let normal = try values("{normal: {deviation: 0.5}}")
    #expect(normal.count == 4000)
    expectClose(dot(normal, normal) / 4000, 0.25, absolute: 0.02)
  }

  /// PaddleScience's scalar layer norm draws scale and offset from U(-sqrt 3, sqrt 3).
  @Test func scalarLayerNorm() throws {
    let parameters = try Harness(
      "- layerNorm: {affine: scalar, variance: unbiased, initialization: xavier}",
      input: Shape(channels: 3, height: 2, width: 2)
    ).network.layers[0].parameters
    #expect(parameters.map(\.initializer) == Array(repeating: .uniform(limit: 1.7320508), count: 2))
    #expect(parameters.map(\.shape) == [[1], [1]])
    let ones = try Harness(
      "- layerNorm: {affine: scalar}", input: Shape(channels: 3, height: 2, width: 2)
    ).network.layers[0].parameters
    #expect(ones.map { $0.values[0] } == [1, 0])
  }

  /// What clipping of weights alone leaves out, whatever its shape.
  @Test func weightsAreThoseOfProducts() throws {
    let network = try Harness(
      """
      - conv2d: {channels: 3, kernel: 2}
      - conditionalBatchNorm
      - layerNorm
      - batchNorm
      """, input: Shape(channels: 2, height: 3, width: 3), classes: 2
    ).network
    #expect(
      network.namedParameters.map(\.parameter.isWeight)
        == [true, false, false, false, false, false, false, false])
    #expect(network.arena.weightRanges == [0..<24])
  }

  @Test func normWeights() throws {
    for (scheme, expected) in [
      (Initialization.Scheme.dcgan, Initializer.normal(mean: 1, deviation: 0.02)),
      (.keras, .constant(1)), (.gulrajani, .constant(1)),
    ] {
      let harness = try Harness(
        "- batchNorm\n- conditionalBatchNorm", input: Shape(channels: 3), scheme: scheme,
        classes: 2)
      #expect(harness.network.layers[0].parameters[0].initializer == expected)
      #expect(harness.network.layers[1].parameters[0].initializer == .constant(1))
    }
  }
}
