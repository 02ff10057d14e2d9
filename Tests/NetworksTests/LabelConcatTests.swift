import Base
import Collectives
import Networks
import TestSupport
import Testing

@Suite struct LabelConcatTests {
  static let (batch, classes) = (7, 4)
  static let shape = Shape(channels: 3, height: 2, width: 2)

  private static func harness(
    _ layer: String, groups: Int = 1, threads: Int = 1,
    communicator: any Communicator = SoloCommunicator()
  ) throws -> Harness {
    try Harness(
      "- \(layer)", input: shape, batch: batch, groups: groups, shards: 4, threads: threads,
      classes: classes, communicator: communicator)
  }

  /// Every pixel has the input's channels and then the class's row.
  @Test func rowsOfTheTable() throws {
    var data = TestData(seed: 1)
    let x = data.normals(Self.batch * Self.shape.elementCount)
    let table = data.normals(Self.classes * 2)
    let identity = (0..<16).map { Float($0 / 4 == $0 % 4 ? 1 : 0) }
    for (layer, added, rows) in [
      ("labelConcat", 4, identity), ("labelConcat: {embedding: 2}", 2, table),
    ] {
      let harness = try Self.harness(layer, groups: 2)
      if added == 2 { harness.parameters = table }
      let layer = harness.network.layers[0]
      #expect(layer.outputShape == Shape(channels: 3 + added, height: 2, width: 2))
      #expect(harness.network.conditions != nil)
      let (xs, y) = (harness.tensor(Self.shape), harness.tensor(layer.outputShape))
      for group in 0..<2 { harness.fill(xs, group: group, x) }
      try layer.forward(xs, into: y, harness.pass)
      for group in 0..<2 {
        let expected = (0..<Self.batch * 4).flatMap { pixel in
          let label = harness.label(pixel / 4, group: group)
          return Array(x[pixel * 3..<pixel * 3 + 3]) + rows[label * added..<(label + 1) * added]
        }
        expectSameBits(harness.values(y, group: group), expected)
      }
    }
  }

  /// The embedding's gradient is that of the parameter groups' samples, on however many ranks.
  @Test(arguments: [1, 2, 4], [1, 2])
  func embeddingGradient(ranks: Int, threads: Int) throws {
    var data = TestData(seed: 2)
    let dy = (0..<3).map { _ in data.normals(Self.batch * 5 * 4) }
    let x = data.normals(Self.batch * Self.shape.elementCount)
    let results = try ThreadedCommunicator.run(ranks: ranks) { communicator in
      let harness = try Self.harness(
        "labelConcat: {embedding: 2}", groups: 3, threads: threads, communicator: communicator)
      let passes = try GroupedPasses(
        harness, x: [x, x, x], dy: dy, parameterGroups: 1..<3)
      return (gradient: passes.dw, dx: passes.dx[2])
    }
    var expected = [Double](repeating: 0, count: Self.classes * 2)
    for group in 1..<3 {
      for pixel in 0..<Self.batch * 4 {
        let label = Int(Harness.label(pixel / 4, group, Self.classes))
        for c in 0..<2 { expected[label * 2 + c] += Double(dy[group][pixel * 5 + 3 + c]) }
      }
    }
    let solo = try Self.harness("labelConcat: {embedding: 2}")
    #expect(solo.gradients.count == expected.count)
    for result in results {
      expectClose(result.gradient, expected, absolute: 2e-6)
      expectSameBits(result.gradient, results[0].gradient)
    }
    expectSameBits(
      results.flatMap(\.dx), dy[2].indices.filter { $0 % 5 < 3 }.map { dy[2][$0] })
  }

  /// Named and initialized like PyTorch's `Embedding`: weights of N(0, 1).
  @Test func embeddingInAStateDictionary() throws {
    let harness = try Harness(
      "- tanh\n- labelConcat: {embedding: 500}", input: Shape(channels: 3), classes: 10)
    let tensors = harness.network.stateTensors
    #expect(tensors.map(\.name) == ["1.weight"])
    #expect(tensors.map(\.tensor.shape) == [[10, 500]])
    let squares = dot(harness.parameters, harness.parameters)
    expectClose(squares / 5000, 1, absolute: 0.1)
  }
}
