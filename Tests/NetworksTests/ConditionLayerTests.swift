import Base
import Collectives
import Networks
import TestSupport
import Testing

/// Layers that read the numbers of conditions.
@Suite struct ConditionLayerTests {
  static let batch = 7
  static let shape = Shape(channels: 3, height: 2, width: 2)

  private static func harness(
    _ layers: String, groups: Int = 1, threads: Int = 1, numbers: Int = 2,
    communicator: any Communicator = SoloCommunicator()
  ) throws -> Harness {
    try Harness(
      layers, input: shape, batch: batch, groups: groups, shards: 4, threads: threads,
      numbers: numbers, communicator: communicator)
  }

  /// Every pixel has the input's channels and then the numbers that are asked for, each group its
  /// own.
  @Test(arguments: [
    ("conditionConcat", [0, 1, 2]), ("conditionConcat: {numbers: [2, 0]}", [2, 0]),
  ])
  func numbersOfTheSample(layer: String, numbers: [Int]) throws {
    var data = TestData(seed: 1)
    let x = data.normals(Self.batch * Self.shape.elementCount)
    let harness = try Self.harness("- \(layer)", groups: 2, numbers: 3)
    let layer = harness.network.layers[0]
    #expect(layer.outputShape == Shape(channels: 3 + numbers.count, height: 2, width: 2))
    let (xs, y) = (harness.tensor(Self.shape), harness.tensor(layer.outputShape))
    for group in 0..<2 { harness.fill(xs, group: group, x) }
    try layer.forward(xs, into: y, harness.pass)
    for group in 0..<2 {
      let expected = (0..<Self.batch * 4).flatMap { pixel in
        let own = harness.numbers(pixel / 4, group: group)
        return Array(x[pixel * 3..<pixel * 3 + 3]) + numbers.map { own[$0] }
      }
      expectSameBits(harness.values(y, group: group), expected)
    }
  }

  @Test func samplesAreScaled() throws {
    var data = TestData(seed: 2)
    let x = data.normals(Self.batch * Self.shape.elementCount)
    let harness = try Self.harness("- conditionScale: {number: 1}")
    let layer = harness.network.layers[0]
    let (xs, y) = (harness.filled(Self.shape, x), harness.tensor(layer.outputShape))
    try layer.forward(xs, into: y, harness.pass)
    let expected = x.indices.map { x[$0] * harness.numbers($0 / 12, group: 0)[1] }
    expectSameBits(harness.values(y), expected)
  }

  /// Backward too, for the groups that are asked for, each by its own numbers.
  @Test func gradientsAreScaledByTheirGroup() throws {
    var data = TestData(seed: 4)
    let dy = (0..<3).map { _ in data.normals(Self.batch * Self.shape.elementCount) }
    let harness = try Self.harness("- conditionScale: {number: 1}", groups: 3)
    let layer = harness.network.layers[0]
    let x = harness.tensor(Self.shape)
    let (ds, dx) = (harness.tensor(Self.shape), harness.tensor(Self.shape))
    for group in 0..<3 { harness.fill(ds, group: group, dy[group]) }
    try layer.backward(
      ds, input: x, output: x, into: dx, harness.pass.with(inputGroups: 1..<3))
    for group in 1..<3 {
      let expected = dy[group].indices.map {
        dy[group][$0] * harness.numbers($0 / 12, group: group)[1]
      }
      expectSameBits(harness.values(dx, group: group), expected)
    }
  }

  /// The gradient of layers inside is that of the parameter groups' samples, and the same bits on
  /// however many ranks and threads.
  @Test(arguments: [1, 2])
  func gradientsInside(threads: Int) throws {
    let layers = "- conditionConcat: {layers: [{linear: {outputs: 2, bias: false}}]}"
    var data = TestData(seed: 3)
    let dy = (0..<3).map { _ in data.normals(Self.batch * 5 * 4) }
    let x = data.normals(Self.batch * Self.shape.elementCount)
    var all: [[Float]] = []
    for ranks in [1, 2, 4] {
      all += try ThreadedCommunicator.run(ranks: ranks) { communicator in
        let harness = try Self.harness(
          layers, groups: 3, threads: threads, communicator: communicator)
        let layer = harness.network.layers[0]
        let (xs, y) = (harness.tensor(Self.shape), harness.tensor(layer.outputShape))
        let (ds, dx) = (harness.tensor(layer.outputShape), harness.tensor(Self.shape))
        for group in 0..<3 {
          harness.fill(xs, group: group, x)
          harness.fill(ds, group: group, dy[group])
        }
        try layer.forward(xs, into: y, harness.pass)
        // Twice: a pass leaves nothing to the next one.
        for _ in 0..<2 {
          harness.network.arena.clearGradient()
          try layer.backward(
            ds, input: xs, output: y, into: dx, harness.pass(0..<3, parameterGroups: 1..<3))
        }
        try harness.network.arena.reduceGradient()
        return harness.gradients
      }
    }
    // dW[o][i]: the sum over samples and pixels of dy's last channels times the numbers.
    let solo = try Self.harness(layers)
    var expected = [Double](repeating: 0, count: 4)
    for group in 1..<3 {
      for pixel in 0..<Self.batch * 4 {
        let numbers = solo.numbers(pixel / 4, group: group)
        for (o, i) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
          expected[o * 2 + i] += Double(dy[group][pixel * 5 + 3 + o]) * Double(numbers[i])
        }
      }
    }
    for gradient in all {
      // Memory order of the weight is the layer's own.
      #expect(gradient.count == 4)
      expectClose(gradient.sorted(), expected.sorted(), absolute: 1e-5)
      expectSameBits(gradient, all[0])
    }
  }

  /// Parameters inside are named as in a `Sequential`.
  @Test func namesInAStateDictionary() throws {
    let harness = try Harness(
      "- tanh\n- conditionConcat: {layers: [{linear: {outputs: 4}}, batchNorm]}",
      input: Shape(channels: 3), numbers: 2)
    #expect(
      harness.network.stateTensors.map(\.name) == [
        "1.0.weight", "1.0.bias", "1.1.weight", "1.1.bias", "1.1.running_mean",
        "1.1.running_var", "1.1.num_batches_tracked",
      ])
    #expect(harness.network.runningNorms.count == 1)
    let described = harness.network.description.layers[1].configurationItems
    #expect(
      described.count == 1
        && described[0].hasPrefix(
          "conditionConcat: {numbers: [0, 1], layers: [{linear: {outputs: 4,"),
      "\(described)")
  }

  private func message(_ layer: String, input: Shape = Shape(channels: 3)) -> String {
    do {
      _ = try Harness("- relu\n- \(layer)", input: input, numbers: 2)
      return "fine"
    } catch { return "\(error)" }
  }

  @Test(arguments: [
    ("conditionConcat: {numbers: [2]}", "numbers.0: expected an integer from 0 to 1, found 2"),
    ("conditionConcat: {numbers: [1, 1]}", "expected each number once"),
    ("conditionConcat: {numbers: []}", "numbers: expected a list of"),
    ("conditionConcat: {layers: []}", "expected at least one layer"),
    (
      "conditionConcat: {layers: [{reshape: {to: [1, 1, 2]}}]}",
      "expected layers that give a vector, found 1x1x2"
    ),
    ("conditionScale: {number: 2}", "number: expected an integer from 0 to 1, found 2"),
    ("labelConcat", "expected labels"),
  ])
  func refused(layer: String, expected: String) {
    let found = message(layer)
    #expect(found.contains("layers.1.") && found.contains(expected), "\(found)")
  }
}
