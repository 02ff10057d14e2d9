import Collectives
import TestSupport
import Testing

@Suite struct ShardSumsTests {
  /// Value `index` of a shard: sums of these depend on the order, in Double too.
  private static func value(_ shard: Int, _ index: Int) -> Double {
    var data = TestData(seed: UInt64(100 + shard))
    let values = data.orderSensitive(8)
    return Double(values[index]) * 1.000_000_1 + Double(values[7 - index]) * 0x1p-40
  }

  @Test(arguments: [1, 6, 8, 12])
  func totalsHaveTheSameBitsOnAnyNumberOfRanks(shards: Int) throws {
    let totals = try ReductionTree(leaves: shards).partCounts.map { ranks in
      try ThreadedCommunicator.run(ranks: ranks) { communicator -> [[UInt64]] in
        let plan = try ShardPlan(shards: shards, rank: communicator.rank, ranks: ranks)
        let sums = ShardSums(capacity: 7, plan: plan, communicator: communicator)
        for shard in 0..<plan.localShards {
          let target = sums.shard(shard, from: 2, count: 5)
          for index in 0..<5 { target[index] = Self.value(plan.firstShard + shard, index) }
          let head = sums.shard(shard, count: 2)
          head[0] = 1
          head[1] = Double(plan.firstShard + shard)
        }
        // Twice, and fewer: a total leaves the shards' own sums as they are.
        let first = try sums.total(count: 7).map(\.bitPattern)
        let second = try sums.total(count: 7).map(\.bitPattern)
        let fewer = try sums.total(count: 3).map(\.bitPattern)
        #expect(sums.shard(0, count: 2)[1] == Double(plan.firstShard))
        sums.clear()
        #expect(try sums.total(count: 7).allSatisfy { $0 == 0 })
        return [first, second, fewer]
      }
    }
    var expected = (0..<shards).flatMap { shard in (0..<5).map { Self.value(shard, $0) } }
    expected.withUnsafeMutableBufferPointer { values in
      guard let start = values.baseAddress else { return }
      ReductionTree(leaves: shards).sum(start, stride: 5, count: 5)
    }
    let whole = ([Double(shards), Double(shards * (shards - 1) / 2)] + expected.prefix(5)).map(
      \.bitPattern)
    for ranks in totals {
      for result in ranks { #expect(result == [whole, whole, Array(whole.prefix(3))]) }
    }
  }
}
