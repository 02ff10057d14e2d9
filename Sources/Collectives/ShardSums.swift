import Base

/// Small vectors of Double sums, one a shard, and their sum over all shards of all ranks in tree
/// order: what batch norm and the losses exchange.
package final class ShardSums {
  private let plan: ShardPlan
  private let communicator: any Communicator
  private let capacity: Int
  private let partials: DoubleStorage
  private let work: DoubleStorage
  /// The exchanges of the numbers of values that were asked for so far.
  private var exchanges: [(count: Int, sum: any SmallSum)] = []

  /// Allocates room for at most `capacity` sums a shard.
  package init(capacity: Int, plan: ShardPlan, communicator: any Communicator) {
    self.plan = plan
    self.communicator = communicator
    self.capacity = capacity
    partials = DoubleStorage(count: plan.localShards * capacity)
    work = DoubleStorage(count: plan.localShards * capacity)
  }

  /// The sums of one shard of this rank, from value `first` on.
  ///
  /// They stay until they are overwritten.
  package func shard(_ shard: Int, from first: Int = 0, count: Int) -> UnsafeMutableBufferPointer<
    Double
  > {
    precondition(
      first + count <= capacity, "\(count) sums from \(first) on, the capacity is \(capacity)")
    return UnsafeMutableBufferPointer(
      start: partials.pointer + shard * capacity + first, count: count)
  }

  package func clear() { partials.buffer.update(repeating: 0) }

  /// The sums over all shards of the first `count` values: the same bits on every rank.
  ///
  /// One exchange. Valid until the next call.
  package func total(count: Int) throws -> UnsafeBufferPointer<Double> {
    for shard in 0..<plan.localShards {
      (work.pointer + shard * capacity).update(
        from: partials.pointer + shard * capacity, count: count)
    }
    plan.localTree.sum(work.pointer, stride: capacity, count: count)
    let sum = try exchange(count)
    try sum()
    return UnsafeBufferPointer(start: work.pointer, count: count)
  }

  private func exchange(_ count: Int) throws -> any SmallSum {
    for exchange in exchanges where exchange.count == count { return exchange.sum }
    let sum = try communicator.makeSmallSum(
      UnsafeMutableBufferPointer(start: work.pointer, count: count))
    exchanges.append((count, sum))
    return sum
  }
}
