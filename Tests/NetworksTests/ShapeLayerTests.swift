import Base
import Collectives
import Configuration
import Networks
import TestSupport
import Testing

/// Layers that move, add or leave out pixels, against PyTorch's meaning of them.
///
/// Their passes are in `LayerDerivativeTests`.
@Suite struct ShapeLayerTests {
  /// The layer's output for values that count from 1, with channels first as in PyTorch.
  private func output(
    _ layer: String, input: Shape, parameters: [Float]? = nil, batch: Int = 2
  ) throws -> (shape: Shape, values: [Float]) {
    let harness = try Harness("- \(layer)", input: input, batch: batch, shards: 1)
    if let parameters { harness.parameters = parameters }
    let x = (0..<batch).flatMap { sample in
      channelsLast((0..<input.elementCount).map { Float(sample * 1000 + $0 + 1) }, input)
    }
    let layer = harness.network.layers[0]
    let y = harness.tensor(layer.outputShape)
    try layer.forward(harness.filled(input, x), into: y, harness.pass)
    let count = layer.outputShape.elementCount
    let values = harness.values(y)
    return (
      layer.outputShape,
      (0..<batch).flatMap {
        channelsFirst(Array(values[$0 * count..<($0 + 1) * count]), layer.outputShape)
      }
    )
  }

  private func channelsLast(_ x: [Float], _ shape: Shape) -> [Float] {
    x.indices.map { x[$0 % shape.channels * shape.pixels + $0 / shape.channels] }
  }

  private func channelsFirst(_ x: [Float], _ shape: Shape) -> [Float] {
    x.indices.map { x[$0 % shape.pixels * shape.channels + $0 / shape.pixels] }
  }

  /// With channels first nothing moves.
  @Test func reshapesKeepPyTorchsOrder() throws {
    let expected = (1...30).map(Float.init) + (1001...1030).map(Float.init)
    for (layer, input, shape) in [
      ("reshape: {to: [5, 3, 2]}", Shape(channels: 30), Shape(channels: 5, height: 3, width: 2)),
      ("reshape: {to: [30]}", Shape(channels: 5, height: 3, width: 2), Shape(channels: 30)),
      ("flatten", Shape(channels: 5, height: 3, width: 2), Shape(channels: 30)),
      (
        "reshape: {to: [2, 3, 5]}", Shape(channels: 3, height: 5, width: 2),
        Shape(channels: 2, height: 3, width: 5)
      ),
      ("reshape: {to: [1, 5, 6]}", Shape(channels: 30), Shape(channels: 1, height: 5, width: 6)),
    ] {
      let found = try output(layer, input: input)
      #expect(found.shape == shape)
      #expect(found.values == expected, "\(layer)")
    }
  }

  /// y[2h + i, 2w + j, c] = x[h, w, (4c + 2i + j) mod C], and x[h, w, c].
  @Test func upsampledPixels() throws {
    let input = Shape(channels: 8, height: 2, width: 3)
    let nearest = try output("upsample", input: input)
    let shuffled = try output("upsample: {order: shuffled}", input: input)
    #expect(nearest.shape == Shape(channels: 8, height: 4, width: 6))
    #expect(shuffled.shape == nearest.shape)
    var expected: (nearest: [Float], shuffled: [Float]) = ([], [])
    for sample in 0..<2 {
      for c in 0..<8 {
        for row in 0..<4 {
          for column in 0..<6 {
            let x = { (channel: Int) in
              Float(sample * 1000 + (channel * 2 + row / 2) * 3 + column / 2 + 1)
            }
            expected.nearest.append(x(c))
            expected.shuffled.append(x((4 * c + 2 * (row % 2) + column % 2) % 8))
          }
        }
      }
    }
    #expect(nearest.values == expected.nearest)
    #expect(shuffled.values == expected.shuffled)
  }

  @Test func means() throws {
    let pooled = try output(
      "meanPool: {size: 2}", input: Shape(channels: 2, height: 3, width: 4), batch: 1)
    #expect(pooled.shape == Shape(channels: 2, height: 1, width: 2))
    #expect(pooled.values == [3.5, 5.5, 15.5, 17.5])
    let whole = try output("globalMean", input: Shape(channels: 2, height: 3, width: 4), batch: 1)
    #expect(whole.shape == Shape(channels: 2))
    #expect(whole.values == [6.5, 18.5])
  }

  /// A 2x4x5 image: value i is (7 i^2 + 3 i) mod 23 - 11, channels first.
  private static let pattern = (0..<40).map { (i: Int) -> Float in
    let value = (7 * i * i + 3 * i) % 23
    return Float(value - 11)
  }

  /// What `torch.nn.functional` of PyTorch 2.13.0 makes of the pattern.
  static let pools: [(layer: String, shape: Shape, y: [Float])] = [
    (
      "maxPool2d: {kernel: 3, stride: 2}", Shape(channels: 2, height: 1, width: 2),
      [8, 8, 11, 8]
    ),
    (
      "maxPool2d: {kernel: 3, stride: 1, padding: 1}", Shape(channels: 2, height: 4, width: 5),
      [
        6, 8, 8, 8, 8, 6, 8, 8, 8, 8, 6, 8, 11, 11, 11, 6, 6, 11, 11, 11, 11, 11, 11, 6, 6, 11, 11,
        11, 8, 6, 8, 8, 8, 8, 6, 8, 8, 8, 8, 6,
      ]
    ),
    (
      "maxPool2d: {kernel: [2, 3], stride: 2, padding: [1, 0]}",
      Shape(channels: 2, height: 3, width: 2), [0, 0, 8, 8, -1, 11, 11, -1, 8, 8, 0, 0]
    ),
    (
      "avgPool2d: {kernel: 3, stride: 2, padding: 1}", Shape(channels: 2, height: 2, width: 3),
      [
        -1.222222, 0.666667, -0.111111, -1.111111, -0.777778, 1, 0, -2.444444, -1.222222, -1, -1,
        -1.111111,
      ]
    ),
    (
      "avgPool2d: {kernel: 3, stride: 2, padding: 1, countIncludePad: false}",
      Shape(channels: 2, height: 2, width: 3),
      [-2.75, 1, -0.25, -1.666667, -0.777778, 1.5, 0, -3.666667, -2.75, -1.5, -1, -1.666667]
    ),
    (
      "avgPool2d: {kernel: [1, 2], stride: 1}", Shape(channels: 2, height: 4, width: 4),
      [
        -6, -0.5, -4, -5, 0.5, 7, 4.5, 4.5, 0.5, -3.5, -5, -4, -6, -9, 2, 4, 4, 2, -9, -6, -4, -5,
        -3.5, 0.5, 4.5, 4.5, 7, 0.5, -5, -4, -0.5, -6,
      ]
    ),
  ]

  /// The same of the pattern as a volume of 2 planes, and as a line.
  static let otherPools: [(layer: String, shape: Shape, y: [Float])] = [
    (
      "maxPool3d: {kernel: [2, 3, 2], stride: [1, 1, 2], padding: [1, 0, 1]}",
      Shape(channels: 1, depth: 3, height: 2, width: 3),
      [6, 8, 8, 6, 8, 11, 8, 11, 8, 8, 8, 11, 8, 11, 6, 8, 8, 6]
    ),
    (
      "avgPool3d: {kernel: [2, 2, 3], stride: [2, 2, 1], padding: [1, 0, 1]}",
      Shape(channels: 1, depth: 2, height: 2, width: 5),
      [
        -0.916667, -0.25, 0.5, 0.583333, -0.083333, -0.916667, -1.666667, -1.833333, -0.75, 0, 0,
        -0.75, -1.833333, -1.666667, -0.916667, -0.083333, 0.583333, 0.5, -0.25, -0.916667,
      ]
    ),
    (
      "avgPool3d: {kernel: [2, 2, 3], stride: [2, 2, 1], padding: [1, 0, 1], "
        + "countIncludePad: false}", Shape(channels: 1, depth: 2, height: 2, width: 5),
      [
        -2.75, -0.5, 1, 1.166667, -0.25, -2.75, -3.333333, -3.666667, -1.5, 0, 0, -1.5, -3.666667,
        -3.333333, -2.75, -0.25, 1.166667, 1, -0.5, -2.75,
      ]
    ),
    (
      "maxPool1d: {kernel: 3, stride: 2, padding: 1}", Shape(channels: 2, length: 10),
      [-1, 0, -2, 8, 8, 8, -2, 0, -1, 11, 11, 11, 0, 0, 6, 8, 8, 6, 0, 0]
    ),
    (
      "avgPool1d: {kernel: 4}", Shape(channels: 2, length: 5),
      [-5, 1.75, 2.5, -2.75, -2.5, -2.5, -2.75, 2.5, 1.75, -5]
    ),
  ]

  @Test(arguments: 0..<pools.count + otherPools.count)
  func poolsArePyTorchs(number: Int) throws {
    let test = (Self.pools + Self.otherPools)[number]
    let inputs = [
      Shape(channels: 2, length: 20), Shape(channels: 2, height: 4, width: 5),
      Shape(channels: 1, depth: 2, height: 4, width: 5),
    ]
    let input = inputs[test.shape.dimensions - 1]
    let harness = try Harness("- \(test.layer)", input: input, batch: 1, shards: 1)
    let layer = harness.network.layers[0]
    #expect(layer.outputShape == test.shape)
    let y = harness.tensor(layer.outputShape)
    try layer.forward(
      harness.filled(input, channelsLast(Self.pattern, input)), into: y, harness.pass)
    expectClose(
      channelsFirst(harness.values(y), test.shape), test.y.map(Double.init), absolute: 1e-6)
  }

  /// Of equal maxima the first has the gradient; a NaN is the largest: in lanes and tail.
  @Test(arguments: [1, 9]) func tiesAndNaNs(channels: Int) throws {
    let input = Shape(channels: channels, height: 2, width: 2)
    func each(_ values: [Float]) -> [Float] {
      values.flatMap { [Float](repeating: $0, count: channels) }
    }
    let harness = try Harness("- maxPool2d: {kernel: 2}", input: input, batch: 2, shards: 1)
    let passes = LayerPasses(harness: harness)
    let found = try passes.first(x: each([1, 3, 3, 2, 0, 5, .nan, 7]), dy: each([10, 20]))
    #expect(found.y.prefix(channels).allSatisfy { $0 == 3 })
    #expect(found.y.suffix(channels).allSatisfy { $0.isNaN })
    #expect(found.dx == each([0, 10, 0, 0, 0, 0, 20, 0]))
  }

  /// Kernel, stride, padding and result of weights from 1 and pixels from 1 to 12, by `conv2d` of
  /// PyTorch 2.13.0.
  static let oblong: [(options: String, y: [Float])] = [
    (
      "kernel: [1, 3], padding: [0, 1]", [8, 14, 20, 11, 28, 38, 44, 23, 48, 62, 68, 35]
    ),
    (
      "kernel: [3, 1], padding: [1, 0]", [17, 22, 27, 32, 38, 44, 50, 56, 23, 26, 29, 32]
    ),
    ("kernel: [2, 3], stride: 2, padding: [1, 0]", [32, 190]),
  ]

  @Test(arguments: 0..<oblong.count) func oblongKernels(number: Int) throws {
    let test = Self.oblong[number]
    let found = try output(
      "conv2d: {channels: 1, \(test.options), bias: false}",
      input: Shape(channels: 1, height: 3, width: 4),
      parameters: (1...(number == 2 ? 6 : 3)).map(Float.init), batch: 1)
    #expect(found.values == test.y)
  }

  /// Branches lie behind each other in the channels.
  @Test func branchesAreConcatenated() throws {
    let found = try output(
      "concat: {branches: [[{crop: {height: 1, width: 2}}], [{meanPool: {size: 2}}, flatten, "
        + "{reshape: {to: [1, 1, 2]}}]]}",
      input: Shape(channels: 1, height: 2, width: 4), batch: 1)
    #expect(found.shape == Shape(channels: 2, height: 1, width: 2))
    #expect(found.values == [1, 2, 3.5, 5.5])
  }

  @Test func cropKeepsTheTopLeft() throws {
    let found = try output(
      "crop: {height: 2, width: 3}", input: Shape(channels: 2, height: 3, width: 4), batch: 1)
    #expect(found.shape == Shape(channels: 2, height: 2, width: 3))
    #expect(found.values == [1, 2, 3, 5, 6, 7, 13, 14, 15, 17, 18, 19])
  }

  /// Kernel, stride, input and what TensorFlow's SAME padding gives for weights from 0 and pixels
  /// that count from 1: by `torch.nn.functional` of PyTorch 2.15.0, `conv2d` behind `pad` with the
  /// odd pixel on the far side.
  static let convolutions: [(kernel: Int, stride: Int, height: Int, width: Int, y: [Float])] = [
    (5, 2, 4, 5, [2150, 3710, 2246, 1020, 1645, 912]),
    (3, 2, 5, 4, [154, 123, 438, 291, 262, 153]),
    (2, 3, 5, 4, [30, 16, 102, 40]),
    (1, 3, 5, 4, [0, 0, 0, 0]),
  ]

  @Test(arguments: 0..<convolutions.count)
  func sameConvolution(number: Int) throws {
    let test = Self.convolutions[number]
    let found = try output(
      "conv2d: {channels: 1, kernel: \(test.kernel), stride: \(test.stride), padding: same, bias: "
        + "false}",
      input: Shape(channels: 1, height: test.height, width: test.width),
      parameters: (0..<test.kernel * test.kernel).map(Float.init), batch: 1)
    #expect(found.shape.height == (test.height + test.stride - 1) / test.stride)
    #expect(found.values == test.y)
  }

  /// The odd plane, row and column are on the far side: y = x + 10 (the next one).
  @Test(arguments: 0..<3) func sameConvolutionOfVolumes(direction: Int) throws {
    var (kernel, sizes) = ([1, 1, 1], [2, 2, 2])
    (kernel[direction], sizes[direction]) = (2, 3)
    let found = try output(
      "conv3d: {channels: 1, kernel: \(kernel), padding: same, bias: false}",
      input: Shape(channels: 1, depth: sizes[0], height: sizes[1], width: sizes[2]),
      parameters: [1, 10], batch: 1)
    let step = sizes[(direction + 1)...].reduce(1, *)
    let expected = (0..<12).map { (place: Int) -> Float in
      let next = place / step % 3 == 2 ? 0 : place + 1 + step
      return Float(place + 1 + 10 * next)
    }
    #expect(found.values == expected)
  }

  /// Results of `conv_transpose2d`, from whose output the rows and columns from
  /// (kernel - stride) / 2 on are kept, stride times as many as the input's.
  static let transposed: [(kernel: Int, stride: Int, height: Int, width: Int, y: [Float])] = [
    (
      5, 2, 2, 3,
      [
        6, 17, 20, 38, 34, 39, 15, 40, 52, 94, 80, 96, 40, 100, 112, 199, 160, 176, 65, 160, 172,
        304, 240, 256,
      ]
    ),
    (4, 2, 2, 2, [5, 14, 17, 12, 12, 32, 42, 28, 28, 72, 82, 52, 27, 62, 69, 40]),
    (3, 3, 2, 1, [0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 2, 4, 6, 8, 10, 12, 14, 16]),
    (4, 1, 2, 3, [17, 41, 62, 65, 125, 146]),
  ]

  @Test(arguments: 0..<transposed.count)
  func sameTransposedConvolution(number: Int) throws {
    let test = Self.transposed[number]
    let found = try output(
      "convTranspose2d: {channels: 1, kernel: \(test.kernel), stride: \(test.stride), padding: "
        + "same, bias: false}",
      input: Shape(channels: 1, height: test.height, width: test.width),
      parameters: (0..<test.kernel * test.kernel).map(Float.init), batch: 1)
    #expect(found.shape.height == test.height * test.stride)
    #expect(found.values == test.y)
  }

  /// [top, bottom, left, right], against the same kernel at the places that it then has.
  @Test func asymmetricPadding() throws {
    let found = try output(
      "conv2d: {channels: 1, kernel: 2, padding: [1, 0, 0, 2], bias: false}",
      input: Shape(channels: 1, height: 2, width: 2), parameters: [1, 10, 100, 1000], batch: 1)
    #expect(found.shape == Shape(channels: 1, height: 2, width: 3))
    // 1 2 / 3 4 with a row of zeros above and two columns of zeros to the right.
    #expect(found.values == [2100, 200, 0, 4321, 402, 0])
    let transposed = try output(
      "convTranspose2d: {channels: 1, kernel: 2, stride: 2, padding: [1, 0, 0, 2], bias: false}",
      input: Shape(channels: 1, height: 2, width: 2), parameters: [1, 10, 100, 1000], batch: 1)
    #expect(transposed.shape == Shape(channels: 1, height: 3, width: 2))
    #expect(transposed.values == [100, 1000, 3, 30, 300, 3000])
  }

  /// Layers that write over their input, that need it, and that draw, behind each other: the
  /// penalty's gradient of the whole network against differences.
  @Test func networkOfAllKinds() throws {
    let harness = try Harness(
      """
      - labelConcat: {embedding: 2}
      - conv2d: {channels: 4, kernel: 3, stride: 2, padding: same}
      - gelu
      - dropout: {rate: 0.3}
      - upsample: {order: shuffled}
      - tanh
      - dropout: {rate: 0.2}
      - residual: {main: [swish, {conv2d: {channels: 4, kernel: 3, padding: 1}}, softplus], \
      shortcut: [dropout]}
      - crop: {height: 4, width: 3}
      - dropout: {rate: 0.2}
      - meanPool: {size: 2}
      - sigmoid
      - flatten
      - linear: {outputs: 3}
      """, input: Shape(channels: 2, height: 5, width: 4), classes: 3)
    try harness.expectGradientsOfTheNetwork(seed: 3, tolerance: 1e-4)
  }
}
