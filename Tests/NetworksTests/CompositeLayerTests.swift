import Base
import Networks
import TestSupport
import Testing

/// Layers made of layers against the same layers without them, and in a row with others.
///
/// Their passes alone are in `LayerDerivativeTests`.
@Suite struct CompositeLayerTests {
  /// What all passes of a network give.
  private struct Passes: Equatable {
    var output: [Float] = []
    var inputGradient: [Float] = []
    var first: [Float] = []
    var second: [Float] = []
  }

  private func passes(_ layers: String, input: Shape) throws -> Passes {
    let harness = try Harness(layers, input: input, threads: 2)
    let network = harness.network
    var data = TestData(seed: 13)
    harness.fill(network.input, data.normals(harness.batch * input.elementCount))
    let count = harness.batch * network.outputShape.elementCount
    harness.fill(network.outputGradient, data.normals(count))
    harness.fill(network.direction, data.normals(harness.batch * input.elementCount))
    var found = Passes()
    try network.forward(harness.pass)
    found.output = harness.values(network.output)
    network.arena.clearGradient()
    try network.backward(harness.pass, inputGroups: 0..<1)
    found.inputGradient = harness.values(network.inputGradient)
    try network.arena.reduceGradient()
    found.first = harness.gradients
    network.arena.clearGradient()
    try network.doubleBackward(harness.pass)
    try network.backwardShares(harness.pass)
    try network.arena.reduceGradient()
    found.second = harness.gradients
    return found
  }

  /// The parameters have the same order and the same numbers, so all bits are the same.
  @Test func groupsOfLayersChangeNoBits() throws {
    let input = Shape(channels: 3, height: 5, width: 4)
    let plain = """
      - conv2d: {channels: 6, kernel: [3, 1], padding: [1, 0], bias: false}
      - batchNorm: {epsilon: 1e-3}
      - relu
      - conv2d: {channels: 4, kernel: 2}
      - tanh
      - conv2d: {channels: 2, kernel: 1}
      """
    let expected = try passes(plain, input: input)
    #expect(expected.second.contains { $0 != 0 })
    let grouped = [
      """
      - basicConv2d: {channels: 6, kernel: [3, 1], padding: [1, 0]}
      - sequential: {layers: [{conv2d: {channels: 4, kernel: 2}}, tanh]}
      - conv2d: {channels: 2, kernel: 1}
      """,
      """
      - sequential:
          layers:
          - basicConv2d: {channels: 6, kernel: [3, 1], padding: [1, 0]}
          - sequential: {layers: [{conv2d: {channels: 4, kernel: 2}}, tanh]}
          - conv2d: {channels: 2, kernel: 1}
      """,
      """
      - concat: {branches: [[{basicConv2d: {channels: 6, kernel: [3, 1], padding: [1, 0]}}]]}
      - concat: {branches: [[{conv2d: {channels: 4, kernel: 2}}, tanh]]}
      - conv2d: {channels: 2, kernel: 1}
      """,
    ]
    for layers in grouped {
      let found = try passes(layers, input: input)
      expectSameBits(found.output, expected.output, "\(layers)")
      expectSameBits(found.inputGradient, expected.inputGradient, "\(layers)")
      expectClose(found.first, expected.first, absolute: 1e-4, "\(layers)")
      expectClose(found.second, expected.second, absolute: 1e-4, "\(layers)")
    }
  }

  /// The penalty's gradient of a network of branches against differences: shares arise in branches,
  /// between them and behind them.
  @Test func networkOfBranches() throws {
    let harness = try Harness(
      """
      - conv2d: {channels: 4, kernel: 3, padding: 1}
      - tanh
      - concat:
          branches:
          - [{conv2d: {channels: 3, kernel: [1, 3], padding: [0, 1]}}, tanh]
          - [{avgPool2d: {kernel: 3, stride: 1, padding: 1}}, {conv2d: {channels: 2, kernel: 1}}]
          - - concat: {branches: [[softplus], [{conv2d: {channels: 2, kernel: 1}}, swish]]}
            - conv2d: {channels: 3, kernel: [3, 1], padding: [1, 0]}
      - avgPool2d: {kernel: 2, stride: 2, padding: 1, countIncludePad: false}
      - batchNorm
      - concat: {branches: [[{conv2d: {channels: 2, kernel: 1}}], [gelu]]}
      - sequential: {layers: [flatten, {linear: {outputs: 3}}]}
      """, input: Shape(channels: 2, height: 5, width: 4))
    try harness.expectGradientsOfTheNetwork(seed: 4)
  }
}
