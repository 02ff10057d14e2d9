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

  /// Whether there are only forward passes of evaluation: then values live until the next layer has
  /// read them, and nothing is kept for gradients.
  package var isForwardOnly = false

  /// Makes a plan for forward passes of evaluation, of one group.
  ///
  /// - Parameter shardCapacity: The largest number of samples in a shard.
  /// - Returns: The plan.
  package static func forwardOnly(shardCapacity: Int) -> MemoryPlan {
    var plan = MemoryPlan(shardCapacity: shardCapacity, groups: 1)
    plan.isForwardOnly = true
    return plan
  }

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
