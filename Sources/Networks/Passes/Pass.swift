import Collectives

/// What a pass of a network covers.
///
/// Samples that batch norm averages over form a *stat group*. A critic step sends three groups of
/// the same size through the critic as one tensor: reals (0), fakes (1) and interpolates (2).
package struct Pass: Sendable {
  /// Whose samples: those of a step, cut into shards over all ranks, or this rank's alone.
  package enum Extent: Sendable {
    /// Samples of each group over all ranks.
    case global(batch: Int)
    /// Samples that only this rank computes, with no exchange: for sampling.
    ///
    /// They fill shard by shard.
    case local(count: Int, capacity: Int)
  }

  package enum Mode: Sendable {
    /// Batch norm uses and moves the statistics of the batch.
    case training
    /// Batch norm uses its running statistics.
    case evaluation
  }

  package var extent: Extent
  package var mode: Mode
  /// The groups that are computed.
  package var groups: Range<Int>
  /// The groups whose samples add to the parameter gradients in a backward pass.
  package var parameterGroups: Range<Int>
  /// The groups for which a backward pass gives the gradient of its input; a network narrows it for
  /// its first layer.
  package var inputGroups: Range<Int>
  /// Whether a backward pass is followed by `doubleBackward` and `backwardShares`, so that a layer
  /// may leave its parameters' gradients to the latter; a sequence narrows it to layers of its own
  /// that shares are known to reach.
  package var sharesFollow = false
  /// The samples' classes, in networks that take labels: set by the network.
  package var labels: Labels?
  /// Where layers that draw (dropout) take their numbers from: the same for a pass and its backward
  /// passes.
  package var draw: PassDraw?
  private let plan: ShardPlan

  package init(
    _ extent: Extent, groups: Range<Int>, parameterGroups: Range<Int>? = nil,
    mode: Mode = .training, plan: ShardPlan
  ) {
    self.extent = extent
    self.groups = groups
    self.parameterGroups = parameterGroups ?? groups
    self.inputGroups = groups
    self.mode = mode
    self.plan = plan
  }

  /// A pass over the same samples, of other groups.
  package func covering(_ groups: Range<Int>) -> Pass {
    var pass = self
    pass.groups = groups
    pass.parameterGroups = groups
    pass.inputGroups = groups
    pass.sharesFollow = false
    return pass
  }

  /// The global number of a shard's first sample.
  package func firstSample(inShard shard: Int) -> Int {
    switch extent {
    case .global(let batch): return plan.samples(localShard: shard, batch: batch).lowerBound
    case .local(_, let capacity): return shard * capacity
    }
  }

  /// Samples of each group in a shard of this rank.
  package func samples(inShard shard: Int) -> Int {
    switch extent {
    case .global(let batch): return plan.samples(localShard: shard, batch: batch).count
    case .local(let count, let capacity): return min(max(0, count - shard * capacity), capacity)
    }
  }

  /// Samples of a group over all ranks.
  package var batch: Int {
    switch extent {
    case .global(let batch): return batch
    case .local(let count, _): return count
    }
  }
}
