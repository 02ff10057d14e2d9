import Base
import Networks
import TestSupport
import Testing

/// Outputs of inner layers that a loss may read, and what it adds there.
@Suite struct InnerGradientTests {
  private static let input = Shape(channels: 3, height: 4, width: 4)

  /// Layers, and those whose outputs stay.
  @Test(arguments: [
    // The tanh overwrites what the dropout gave; the last two outputs have their own tensors.
    ("- dropout\n- tanh\n- swish\n- relu", [1, 2, 3]),
    // A rectifier keeps its output from the layer behind it, and runs as one with the one before.
    ("- batchNorm\n- leakyReLU\n- dropout\n- conv2d: {channels: 2, kernel: 2}", [1, 2, 3]),
    ("- conv2d: {channels: 2, kernel: 1}\n- relu\n- dropout\n- dropout\n- swish", [1, 3, 4]),
    ("- batchNorm\n- relu", [0, 1]),
  ])
  func keptOutputsAreThoseOfTheLayers(layers: String, kept: [Int]) throws {
    let harness = try Harness(layers, input: Self.input)
    let network = harness.network
    let sequence = network.sequence
    #expect(network.layers.indices.filter(sequence.keepsOutput) == kept)
    var data = TestData(seed: 9)
    let x = data.normals(harness.batch * Self.input.elementCount)
    harness.fill(network.input, group: 0, x)
    try network.forward(harness.pass)
    // Each layer again, with a tensor of its own.
    var tensor = harness.tensor(Self.input)
    harness.fill(tensor, group: 0, x)
    for (index, layer) in network.layers.enumerated() {
      let y = harness.tensor(layer.outputShape)
      try layer.forward(tensor, into: y, harness.pass)
      tensor = y
      guard kept.contains(index) else { continue }
      expectClose(
        harness.values(sequence.activation(behind: index, output: network.output), group: 0),
        harness.values(y, group: 0), absolute: 1e-5, "layer \(index)")
    }
  }

  /// A pass's gradient is the pass's alone.
  @Test func nothingIsLeftForTheNextPass() throws {
    let harness = try Harness("- tanh\n- conv2d: {channels: 2, kernel: 2}", input: Self.input)
    let network = harness.network
    var data = TestData(seed: 10)
    harness.fill(network.input, group: 0, data.normals(harness.batch * Self.input.elementCount))
    let dy = data.normals(harness.batch * network.outputShape.elementCount)
    let added = harness.tensor(Self.input)
    harness.fill(added, group: 0, data.normals(harness.batch * Self.input.elementCount))
    func dx(_ inner: InnerGradient?) throws -> [Float] {
      try network.forward(harness.pass)
      harness.fill(network.outputGradient, group: 0, dy)
      try network.backward(harness.pass, inputGroups: 0..<1, adding: inner)
      return harness.values(network.inputGradient, group: 0)
    }
    let alone = try dx(nil)
    #expect(try dx(InnerGradient(behind: 0, added)) != alone)
    expectSameBits(try dx(nil), alone, "dL/dx")
  }
}
