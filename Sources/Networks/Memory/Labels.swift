/// The classes of a batch's samples on this rank, laid out as a `Tensor` of one value a sample:
/// shard, group, sample.
///
/// Filled before a pass and only read during it, by all threads.
package final class Labels: @unchecked Sendable {
  /// Labels are in 0 ..< classes.
  package let classes: Int
  private let shardCapacity: Int
  private let storage: UnsafeMutableBufferPointer<Int32>

  package init(classes: Int, shards: Int, shardCapacity: Int) {
    self.classes = classes
    self.shardCapacity = shardCapacity
    storage = .allocate(capacity: shards * shardCapacity)
    storage.initialize(repeating: 0)
  }

  deinit { storage.deallocate() }

  /// The labels of some groups of a shard, by default those of the pass.
  package func values(
    _ pass: Pass, shard: Int, groups: Range<Int>? = nil
  ) -> UnsafeMutableBufferPointer<Int32> {
    let groups = groups ?? pass.groups
    let samples = pass.samples(inShard: shard)
    precondition(
      groups.upperBound * samples <= shardCapacity,
      "groups \(groups) of \(samples) labels for a capacity of \(shardCapacity)")
    let first = shard * shardCapacity + groups.lowerBound * samples
    return UnsafeMutableBufferPointer(rebasing: storage[first..<first + groups.count * samples])
  }
}
