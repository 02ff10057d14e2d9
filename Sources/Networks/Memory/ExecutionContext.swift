import Base
import Collectives
import Kernels

/// Where a rank's networks run: its shards, its fellow ranks, its threads and their scratch memory.
package final class ExecutionContext {
  package let plan: ShardPlan
  package let communicator: any Communicator
  package let pool: ThreadPool
  private var scratch: [FloatStorage]
  private var shared = FloatStorage(count: 0)
  private var sharedOwner: ObjectIdentifier?
  private var layerCount = 0
  /// Where networks keep the values between their layers.
  package let valueMemory = SharedMemory()
  /// Where networks keep the gradients between their layers.
  package let gradientMemory = SharedMemory()
  /// Where they keep what shards contribute to parameter gradients.
  package let partialMemory = SharedMemory()

  /// - Throws: `ThreadError` where the system refuses a thread.
  package init(
    plan: ShardPlan, communicator: any Communicator, threads: Int = 1
  ) throws(ThreadError) {
    self.plan = plan
    self.communicator = communicator
    // More threads than shards would have nothing to do.
    pool = try ThreadPool(threads: max(1, min(threads, plan.localShards)))
    scratch = (0..<pool.threads).map { _ in FloatStorage(count: 0) }
  }

  /// Makes every thread's scratch hold at least `count` values.
  ///
  /// Only while networks are built.
  package func reserveScratch(_ count: Int) {
    guard scratch[0].count < count else { return }
    scratch = scratch.map { _ in FloatStorage(count: count) }
  }

  /// Makes the scratch that the threads share hold at least `count` values.
  ///
  /// Only while networks are built.
  package func reserveSharedScratch(_ count: Int) {
    guard shared.count < count else { return }
    shared = FloatStorage(count: count)
    sharedOwner = nil
  }

  /// Values of all threads' scratch and of what they share.
  package var scratchCount: Int { scratch.reduce(shared.count) { $0 + $1.count } }

  /// Scratch that a layer's pass fills before it divides into shards, which then read it.
  ///
  /// - Parameter owner: The layer, or another object of its own, that fills the scratch.
  /// - Returns: The scratch, and whether nobody else has claimed it since `owner` did: what `owner`
  ///   wrote is there still.
  package func claimSharedScratch(
    for owner: AnyObject
  ) -> (values: MutableFloatBuffer, isUnchanged: Bool) {
    let isUnchanged = sharedOwner == ObjectIdentifier(owner)
    sharedOwner = ObjectIdentifier(owner)
    return (shared.buffer, isUnchanged)
  }

  /// Scratch of one thread: undefined values.
  package func scratch(thread: Int) -> MutableFloatBuffer { scratch[thread].buffer }

  /// Numbers the layers of the job's networks in the order in which they are built: the same on
  /// every rank.
  package func nextLayerNumber() -> Int {
    defer { layerCount += 1 }
    return layerCount
  }

  /// Calls `body(shard, thread)` for every shard of this rank.
  package func forEachShard(_ body: (_ shard: Int, _ thread: Int) -> Void) {
    pool.forEach(plan.localShards, body)
  }

  /// Calls `body` for every sample of a pass's shards on this rank.
  ///
  /// - Parameters:
  ///   - pass: Its extent counts, not its groups.
  ///   - body: Takes the sample's number in the global batch, its place in the shard, and the
  ///     shard.
  package func forEachSample(
    _ pass: Pass, _ body: (_ sample: Int, _ index: Int, _ shard: Int) -> Void
  ) {
    forEachShard { shard, _ in
      let first = pass.firstSample(inShard: shard)
      for index in 0..<pass.samples(inShard: shard) { body(first + index, index, shard) }
    }
  }

  /// Overwrites groups of `target` with as many groups of `source`, by default the pass's with the
  /// same.
  package func copy(
    _ source: Tensor, groups: Range<Int>? = nil, to target: Tensor,
    groups targetGroups: Range<Int>? = nil, _ pass: Pass
  ) {
    forEachShard { shard, _ in
      let from = source.read(pass, shard: shard, groups: groups ?? pass.groups)
      let to = target.values(pass, shard: shard, groups: targetGroups ?? groups ?? pass.groups)
      precondition(from.count == to.count, "\(from.count) values to a place of \(to.count)")
      guard let from = from.baseAddress, let address = to.baseAddress else { return }
      address.update(from: from, count: to.count)
    }
  }

  /// Adds groups of `source` to as many groups of `target`, by default the pass's to the same.
  package func add(
    _ source: Tensor, groups: Range<Int>? = nil, to target: Tensor,
    groups targetGroups: Range<Int>? = nil, _ pass: Pass
  ) {
    forEachShard { shard, _ in
      Elementwise.add(
        source.read(pass, shard: shard, groups: groups ?? pass.groups),
        to: target.values(pass, shard: shard, groups: targetGroups ?? groups ?? pass.groups))
    }
  }
}
