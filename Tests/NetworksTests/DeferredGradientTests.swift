import Base
import Networks
import TestSupport
import Testing

/// Convolutions that leave the gradients of reals and fakes to the pass of the shares.
@Suite struct DeferredGradientTests {
  /// Shares reach the first two convolutions, not the third: only normalization sends any.
  private static let critic = """
    - conv2d: {channels: 18, kernel: 4, stride: 2, padding: 1, algorithm: winograd}
    - batchNorm
    - leakyReLU: {slope: 0.2}
    - conv2d: {channels: 17, kernel: 3, stride: 2, padding: 1, algorithm: winograd}
    - batchNorm
    - leakyReLU: {slope: 0.2}
    - conv2d: {channels: 5, kernel: 3, padding: 1, algorithm: winograd}
    - conv2d: {channels: 1, kernel: 4}
    """

  /// A norm as the first layer and at the end, an activation that works in place in front of one,
  /// and a residual block that shares pass.
  private static let mixed = """
    - batchNorm
    - conv2d: {channels: 18, kernel: 4, stride: 2, padding: 1, algorithm: winograd}
    - residual:
        main:
        - leakyReLU: {slope: 0.2}
        - conv2d: {channels: 18, kernel: 3, padding: 1, algorithm: winograd}
        - layerNorm
        - conv2d: {channels: 18, kernel: 3, padding: 1, algorithm: winograd}
    - conv2d: {channels: 17, kernel: 3, stride: 2, padding: 1, algorithm: winograd}
    - leakyReLU: {slope: 0.2}
    - layerNorm
    - conv2d: {channels: 1, kernel: 4}
    - softplus
    """

  private static func makeHarness(
    _ critic: String = critic, shards: Int = 2, threads: Int = 1
  ) throws -> Harness {
    try Harness(
      critic, input: Shape(channels: 3, height: 14, width: 14), batch: 6, groups: 3,
      shards: shards, threads: threads)
  }

  /// The passes of a critic step up to the second-order pass, with the same numbers every time.
  private static func backward(_ harness: Harness, sharesFollow: Bool) throws {
    let network = harness.network
    let pass = harness.pass(0..<3, parameterGroups: 0..<2)
      .with(lastContribution: sharesFollow ? .doubleBackward : nil)
    var data = TestData(seed: 12)
    for group in 0..<3 { harness.fill(network.input, group: group, data.normals(6 * 3 * 196)) }
    harness.fill(network.direction, group: 2, data.normals(6 * 3 * 196))
    try network.forward(pass)
    for group in 0..<3 { harness.fill(network.outputGradient, group: group, data.normals(6)) }
    network.arena.clearGradient()
    try network.backward(pass, inputGroups: 2..<3)
    try network.doubleBackward(harness.pass(2..<3))
  }

  /// Also with shards that have no samples.
  @Test(arguments: [critic, mixed], [(1, 1), (2, 3), (4, 1), (8, 3)])
  func sumIsThatOfThePassesApart(critic: String, counts: (shards: Int, threads: Int)) throws {
    let harness = try Self.makeHarness(critic, shards: counts.shards, threads: counts.threads)
    let run = { (sharesFollow: Bool) in
      try Self.backward(harness, sharesFollow: sharesFollow)
      try harness.network.backwardShares(harness.pass(2..<3))
      try harness.network.arena.reduceGradient()
      return harness.gradients
    }
    let apart = try run(false)
    let together = try run(true)
    let largest = Double(apart.map(abs).max() ?? 0)
    #expect(largest > 0)
    expectClose(together, apart, absolute: 3e-6 * largest)
    // Another order of the sums: the layers did leave them.
    #expect(together != apart)
    // Not a pass that depends on the one before.
    expectSameBits(try run(true), together)
  }

  @Test func stopsWithoutTheShares() async {
    await #expect(processExitsWith: .failure) {
      let harness = try Self.makeHarness()
      try Self.backward(harness, sharesFollow: true)
      try harness.network.arena.reduceGradient()
    }
  }

  @Test func stopsAtASecondBackwardPass() async {
    await #expect(processExitsWith: .failure) {
      let harness = try Self.makeHarness()
      try Self.backward(harness, sharesFollow: true)
      try Self.backward(harness, sharesFollow: true)
    }
  }

  /// Without anything curved there are no shares to wait for.
  @Test func leavesNothingWithoutNormalization() throws {
    let harness = try Harness(
      """
      - conv2d: {channels: 17, kernel: 3, padding: 1, algorithm: winograd}
      - conv2d: {channels: 1, kernel: 14}
      """, input: Shape(channels: 3, height: 14, width: 14), batch: 6, groups: 3, shards: 2)
    try Self.backward(harness, sharesFollow: false)
    try harness.network.arena.reduceGradient()
    let apart = harness.gradients
    try Self.backward(harness, sharesFollow: true)
    try harness.network.arena.reduceGradient()
    expectSameBits(harness.gradients, apart)
  }
}
