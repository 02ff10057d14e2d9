/// Sizes for which a network's memory is planned.
package struct MemoryPlan: Sendable {
  /// The largest number of samples of all groups together in a shard.
  package var shardCapacity: Int
  /// Stat groups of the largest pass.
  package var groups: Int
  /// The group that takes the second-order pass, or nil for none.
  package var secondOrderGroup: Int?
  /// The largest number of samples of one group in a shard, in the pass with all groups.
  package var groupCapacity: Int

  /// Makes a plan; `groupCapacity` is by default an equal part of `shardCapacity`.
  package init(
    shardCapacity: Int, groups: Int, secondOrderGroup: Int? = nil, groupCapacity: Int? = nil
  ) {
    self.shardCapacity = shardCapacity
    self.groups = groups
    self.secondOrderGroup = secondOrderGroup
    self.groupCapacity = groupCapacity ?? shardCapacity / groups
  }
}
