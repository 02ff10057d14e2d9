import Collectives
import TestSupport
import Testing

@Suite struct ShardPlanTests {
  @Test(arguments: [1, 3, 5, 8, 12])
  func shardsCoverTheBatch(shards: Int) throws {
    for ranks in ReductionTree(leaves: shards).partCounts {
      let plans = try (0..<ranks).map { try ShardPlan(shards: shards, rank: $0, ranks: ranks) }
      // Batches smaller than the number of shards, a last batch of an epoch, leave some shards
      // empty.
      for batch in Array(0...40) + [50, 96, 127, 128, 1000] {
        let slices = plans.flatMap { plan in
          (0..<plan.localShards).map { plan.samples(localShard: $0, batch: batch) }
        }
        #expect(slices.count == shards)
        #expect(slices.flatMap(Array.init) == Array(0..<batch))
        let sizes = slices.map(\.count)
        #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
        #expect((sizes.max() ?? 0) == plans[0].capacity(batch: batch) || batch == 0)
        for (shard, slice) in slices.enumerated() {
          #expect(slice.allSatisfy { $0 * shards / batch == shard })
        }
      }
    }
  }

  @Test func ranksOwnNeighbours() throws {
    let plan = try ShardPlan(shards: 12, rank: 2, ranks: 3)
    #expect(plan.localShards == 4)
    #expect(plan.firstShard == 8)
    #expect(plan.localTree == ReductionTree(leaves: 4))
    // The documentation's example: batch 50 in 8 shards.
    let whole = try ShardPlan(shards: 8, rank: 0, ranks: 1)
    #expect(
      (0..<8).map { whole.samples(localShard: $0, batch: 50).count } == [7, 6, 6, 6, 7, 6, 6, 6])
  }

  /// Shards of 3, 2, 3 and 2 samples end at 3, 5, 8 and 10.
  @Test func packsLieInOneShardEach() throws {
    let plan = try ShardPlan(shards: 4, rank: 0, ranks: 1)
    #expect(!plan.cuts(batch: 10, intoMultiplesOf: 3))
    #expect(plan.cuts(batch: 12, intoMultiplesOf: 3) && plan.cuts(batch: 10, intoMultiplesOf: 1))
  }

  @Test func wrongRankCountsNameThoseAllowed() {
    let message = { (shards: Int, ranks: Int) -> String in
      do {
        _ = try ShardPlan(shards: shards, rank: 0, ranks: ranks)
        return ""
      } catch { return "\(error)" }
    }
    #expect(
      message(8, 3)
        == "shards: 3 ranks cannot take equal subtrees of 8 shards; start 1, 2, 4 or 8 ranks; a "
        + "new run may also set shards to 3 times a power of two (results depend on their number)")
    // Halves of 3 blocks are no whole subtrees.
    #expect(message(12, 2).contains("start 1, 3, 6 or 12 ranks"))
    #expect(message(12, 4).contains("start 1, 3, 6 or 12 ranks"))
    #expect(message(1, 2).contains("start 1 ranks"))
    #expect(message(8, 16).contains("start 1, 2, 4 or 8 ranks"))
  }
}
