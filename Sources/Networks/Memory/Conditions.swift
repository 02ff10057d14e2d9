import Base

/// The conditions of a batch's samples on this rank, laid out as a `Tensor`: shard, group, sample.
///
/// Filled before a pass and only read during it, by all threads.
package final class Conditions: @unchecked Sendable {
  package let shape: ConditionShape
  private let shardCapacity: Int
  private let classes: AlignedArray<Int32>
  private let vectors: FloatStorage

  /// - Parameters:
  ///   - shape: Of every sample's condition.
  ///   - shards: Shards of this rank.
  ///   - shardCapacity: The most samples of all groups together in a shard.
  package init(_ shape: ConditionShape, shards: Int, shardCapacity: Int) {
    self.shape = shape
    self.shardCapacity = shardCapacity
    classes = AlignedArray(count: shards * shardCapacity * shape.members)
    vectors = FloatStorage(count: shards * shardCapacity * shape.numbers)
  }

  /// The places of some groups of a shard, by default those of the pass.
  private func places(_ pass: Pass, shard: Int, groups: Range<Int>?) -> Range<Int> {
    let groups = groups ?? pass.groups
    let samples = pass.samples(inShard: shard)
    precondition(
      groups.upperBound * samples <= shardCapacity,
      "groups \(groups) of \(samples) conditions for a capacity of \(shardCapacity)")
    let first = shard * shardCapacity + groups.lowerBound * samples
    return first..<first + groups.count * samples
  }

  /// The classes of some groups of a shard, by default those of the pass: one for each of
  /// `shape.members`.
  package func labels(
    _ pass: Pass, shard: Int, groups: Range<Int>? = nil
  ) -> UnsafeMutableBufferPointer<Int32> {
    let places = places(pass, shard: shard, groups: groups)
    let count = shape.members
    return UnsafeMutableBufferPointer(
      rebasing: classes.buffer[places.lowerBound * count..<places.upperBound * count])
  }

  /// The vectors of some groups of a shard, by default those of the pass: `shape.numbers` values a
  /// sample.
  package func numbers(
    _ pass: Pass, shard: Int, groups: Range<Int>? = nil
  ) -> MutableFloatBuffer {
    let places = places(pass, shard: shard, groups: groups)
    let count = shape.numbers
    return MutableFloatBuffer(
      rebasing: vectors.buffer[places.lowerBound * count..<places.upperBound * count])
  }

  /// The condition of sample `index` of a shard's group; of packs, that of a member of theirs.
  package func sample(
    _ index: Int, group: Int, _ pass: Pass, shard: Int, member: Int = 0
  ) -> Condition {
    let groups = group..<group + 1
    let first = places(pass, shard: shard, groups: groups).lowerBound + index
    let place = first * shape.members + member
    let count = shape.memberNumbers
    return Condition(
      label: classes.pointer + place,
      numbers: MutableFloatBuffer(
        rebasing: vectors.buffer[place * count..<(place + 1) * count]))
  }
}
