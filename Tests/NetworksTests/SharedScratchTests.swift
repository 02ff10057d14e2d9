import Base
import Networks
import TestSupport
import Testing

/// Memory that the layers of all networks share.
@Suite struct SharedScratchTests {
  /// Transposed filters of layers in turn, in one place: each makes its own again.
  @Test func layersDoNotReadEachOthersFilters() throws {
    let harness = try Harness(
      """
      - conv2d: {channels: 40, kernel: 3, padding: 1}
      - conv2d: {channels: 24, kernel: 3, padding: 1}
      """, input: Shape(channels: 24, height: 4, width: 4), hasSecondOrder: false)
    var data = TestData(seed: 3)
    harness.fill(harness.network.input, group: 0, data.normals(5 * 24 * 16))
    try harness.network.forward(harness.pass)
    let first = harness.values(harness.network.output, group: 0)
    try harness.network.forward(harness.pass)
    expectSameBits(harness.values(harness.network.output, group: 0), first)
  }

  @Test func claimIsUnchangedForTheLastOwner() throws {
    let context = try Harness("- relu", input: Shape(channels: 1)).context
    let (one, other) = (SharedScratchTests.Owner(), SharedScratchTests.Owner())
    #expect(!context.claimSharedScratch(for: one).isUnchanged)
    #expect(context.claimSharedScratch(for: one).isUnchanged)
    #expect(!context.claimSharedScratch(for: other).isUnchanged)
    #expect(!context.claimSharedScratch(for: one).isUnchanged)
  }

  private final class Owner {}
}
