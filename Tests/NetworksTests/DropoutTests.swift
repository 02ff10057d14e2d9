import Base
import Collectives
import Networks
import TestSupport
import Testing

@Suite struct DropoutTests {
  static let shape = Shape(channels: 5, height: 3, width: 3)
  static let batch = 9
  static let groups = 3

  struct Result: Sendable, Equatable {
    var y: [[Float]] = []
    var dx: [[Float]] = []
    var jt: [Float] = []
  }

  /// All passes of ones: what they give are the masks.
  private static func run(
    _ layers: String = "- dropout: {rate: 0.3}", layer number: Int = 0, draw: Int = 3,
    shards: Int = 4, threads: Int = 1, mode: Pass.Mode = .training,
    communicator: any Communicator = SoloCommunicator()
  ) throws -> Result {
    let harness = try Harness(
      layers, input: shape, batch: batch, groups: groups, shards: shards, threads: threads,
      communicator: communicator)
    let layer = harness.network.layers[number]
    let (x, y) = (harness.tensor(shape), harness.tensor(shape))
    let dx = harness.tensor(shape)
    let ones = [Float](repeating: 1, count: batch * shape.elementCount)
    for group in 0..<groups { harness.fill(x, group: group, ones) }
    let pass = harness.pass(0..<groups, mode: mode, draw: draw)
    try layer.forward(x, into: y, pass)
    try layer.backward(x, input: x, output: y, into: dx, pass)
    let last = harness.pass(groups - 1..<groups, mode: mode, draw: draw)
    let jt = harness.tensor(shape, firstGroup: groups - 1)
    try layer.doubleBackward(
      x, outputGradient: x, input: x, output: y, into: jt, share: nil, last)
    return Result(
      y: (0..<groups).map { harness.values(y, group: $0) },
      dx: (0..<groups).map { harness.values(dx, group: $0) },
      jt: harness.values(jt, group: groups - 1))
  }

  @Test func oneMaskForAllPasses() throws {
    let found = try Self.run()
    #expect(found.dx == found.y)
    #expect(found.jt == found.y[2])
    let values = found.y.flatMap { $0 }
    #expect(Set(values) == [0, Float(1 / 0.7)])
    // 1215 values: five deviations.
    let dropped = Double(values.count { $0 == 0 }) / Double(values.count)
    expectClose(dropped, 0.3, absolute: 5 * (0.21 / 1215).squareRoot())
  }

  /// Samples, groups, layers and passes have masks of their own.
  @Test func masksDiffer() throws {
    let found = try Self.run()
    #expect(found.y[0] != found.y[1] && found.y[1] != found.y[2])
    let count = Self.shape.elementCount
    let samples = (0..<Self.batch).map { Array(found.y[0][$0 * count..<($0 + 1) * count]) }
    #expect(Set(samples).count == Self.batch)
    #expect(try Self.run(draw: 4).y[0] != found.y[0])
    let two = "- dropout: {rate: 0.3}\n- dropout: {rate: 0.3}"
    #expect(try Self.run(two).y == found.y)
    #expect(try Self.run(two, layer: 1).y[0] != found.y[0])
  }

  @Test func evaluationKeepsAllValues() throws {
    let found = try Self.run(mode: .evaluation)
    #expect((found.y + found.dx + [found.jt]).allSatisfy { $0.allSatisfy { $0 == 1 } })
  }

  /// Masks have the same bits for any number of ranks, threads and shards.
  @Test(arguments: [1, 2, 4], [1, 2])
  func ranksAndThreads(ranks: Int, threads: Int) throws {
    let expected = try Self.run(shards: 1)
    let parts = try ThreadedCommunicator.run(ranks: ranks) {
      try Self.run(threads: threads, communicator: $0)
    }
    for group in 0..<Self.groups {
      expectSameBits(parts.flatMap { $0.y[group] }, expected.y[group])
      expectSameBits(parts.flatMap { $0.dx[group] }, expected.dx[group])
    }
    expectSameBits(parts.flatMap(\.jt), expected.jt)
  }
}
