import Base

/// A batch of samples of one shape on this rank, planned once for the largest batch.
///
/// Layout: shard, group, sample, height, width, channel. A shard's groups lie behind each other
/// without gaps, so a product over several groups is one product.
package final class Tensor {
  package let shape: Shape
  /// The number of the first group that is stored: 2 for what only interpolates have.
  package let firstGroup: Int
  /// Samples of all groups that a shard can hold.
  package let shardCapacity: Int
  /// Memory of its own, or a place in shared memory.
  private let storage: FloatStorage?
  private let shared: SharedMemory.Place?

  /// Allocates `shards` x `shardCapacity` samples, or reserves them in `shared` memory.
  package init(
    shape: Shape, shards: Int, shardCapacity: Int, firstGroup: Int = 0,
    in shared: SharedMemory? = nil
  ) {
    self.shape = shape
    self.firstGroup = firstGroup
    self.shardCapacity = shardCapacity
    let count = shards * shardCapacity * shape.elementCount
    storage = shared == nil ? FloatStorage(count: count) : nil
    self.shared = shared?.reserve(count)
  }

  private var pointer: UnsafeMutablePointer<Float> {
    if let shared { return shared.pointer }
    guard let storage else { preconditionFailure("a tensor has its own memory or shared memory") }
    return storage.pointer
  }

  /// The values of some groups of a shard, by default those of the pass: (groups x samples) rows of
  /// a sample.
  package func values(
    _ pass: Pass, shard: Int, groups: Range<Int>? = nil
  ) -> MutableFloatBuffer {
    let groups = groups ?? pass.groups
    let samples = pass.samples(inShard: shard)
    precondition(
      groups.lowerBound >= firstGroup
        && (groups.upperBound - firstGroup) * samples <= shardCapacity,
      "groups \(groups) of \(samples) samples in a tensor of \(shardCapacity) "
        + "from group \(firstGroup)")
    let first = shard * shardCapacity + (groups.lowerBound - firstGroup) * samples
    return MutableFloatBuffer(
      start: pointer + first * shape.elementCount,
      count: groups.count * samples * shape.elementCount)
  }

  /// `values(_:shard:groups:)` for a caller that only reads them.
  package func read(_ pass: Pass, shard: Int, groups: Range<Int>? = nil) -> FloatBuffer {
    FloatBuffer(values(pass, shard: shard, groups: groups))
  }

  /// One sample of a group.
  package func sample(_ index: Int, group: Int, _ pass: Pass, shard: Int) -> MutableFloatBuffer {
    let values = values(pass, shard: shard, groups: group..<group + 1)
    let count = shape.elementCount
    return MutableFloatBuffer(rebasing: values[index * count..<(index + 1) * count])
  }
}
