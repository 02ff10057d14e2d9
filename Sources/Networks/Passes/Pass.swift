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

  /// The passes that add to the gradient of a parameter, in their order.
  package enum Contribution: Sendable {
    case backward
    case doubleBackward
    case backwardShares
  }

  package private(set) var extent: Extent
  package private(set) var mode: Mode
  /// The groups that are computed.
  package private(set) var groups: Range<Int>
  /// The groups whose samples add to the parameter gradients in a backward pass.
  package private(set) var parameterGroups: Range<Int>
  /// The groups for which a backward pass gives the gradient of its input; a network narrows it for
  /// its first layer.
  package private(set) var inputGroups: Range<Int>
  /// The last pass, of those that follow the forward pass up to the update, that adds to the
  /// gradients of a layer's parameters; nil where it is not known.
  ///
  /// Whoever runs the passes says `backward`, or `doubleBackward` where a second-order pass and
  /// that of the shares follow; `LayerSequence` makes it the layer's own. A layer may leave its
  /// contribution to the last pass, or sum over the shards at once where that is this one.
  package private(set) var lastContribution: Contribution?
  /// What the samples are conditioned on, in networks that take conditions: set by the network.
  package private(set) var conditions: Conditions?
  /// Where layers that draw (dropout) take their numbers from: the same for a pass and its backward
  /// passes.
  package private(set) var draw: PassDraw?
  /// What the third group of a forward pass is made of, in place of its input.
  package private(set) var mixture: Mixture?
  private let plan: ShardPlan

  /// - Parameters:
  ///   - extent: Whose samples.
  ///   - groups: The groups that are computed.
  ///   - parameterGroups: Those that add to parameter gradients; nil for all of them.
  ///   - mode: What batch norm normalizes with.
  ///   - lastContribution: See the property.
  ///   - draw: Where layers that draw take their numbers from.
  ///   - plan: How a batch is cut into shards.
  package init(
    _ extent: Extent, groups: Range<Int>, parameterGroups: Range<Int>? = nil,
    mode: Mode = .training, lastContribution: Contribution? = nil, draw: PassDraw? = nil,
    plan: ShardPlan
  ) {
    self.extent = extent
    self.groups = groups
    self.parameterGroups = parameterGroups ?? groups
    self.inputGroups = groups
    self.mode = mode
    self.lastContribution = lastContribution
    self.draw = draw
    self.plan = plan
  }

  /// The same samples, other groups: for the passes behind the first backward pass.
  ///
  /// - Parameters:
  ///   - groups: The groups that are computed.
  ///   - parameterGroups: Those that add to parameter gradients; nil for all of them.
  /// - Returns: A pass whose last contribution is not known.
  package func covering(_ groups: Range<Int>, parameterGroups: Range<Int>? = nil) -> Pass {
    var pass = self
    pass.groups = groups
    pass.parameterGroups = parameterGroups ?? groups
    pass.inputGroups = groups
    pass.lastContribution = nil
    pass.mixture = nil
    return pass
  }

  /// The same pass for a network whose statistics stand still, or move.
  package func with(_ mode: Mode) -> Pass {
    var pass = self
    pass.mode = mode
    return pass
  }

  /// The same pass over another number of samples of each group.
  package func with(batch: Int) -> Pass {
    guard case .global = extent else { preconditionFailure("packs of a rank's own samples") }
    var pass = self
    pass.extent = .global(batch: batch)
    return pass
  }

  /// The same pass with other groups that add to parameter gradients.
  package func with(parameterGroups: Range<Int>) -> Pass {
    var pass = self
    pass.parameterGroups = parameterGroups
    return pass
  }

  /// The same pass with other groups whose input gradients are wanted.
  package func with(inputGroups: Range<Int>) -> Pass {
    var pass = self
    pass.inputGroups = inputGroups
    return pass
  }

  /// The same pass with the last contribution of a layer.
  package func with(lastContribution: Contribution?) -> Pass {
    var pass = self
    pass.lastContribution = lastContribution
    return pass
  }

  /// The same pass with a network's conditions.
  package func with(_ conditions: Conditions?) -> Pass {
    var pass = self
    pass.conditions = conditions
    return pass
  }

  /// The same pass with a group between two others, where `LayerSequence.mixesGroups`.
  package func with(_ mixture: Mixture?) -> Pass {
    var pass = self
    pass.mixture = mixture
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

  /// Samples of a group in a shard of any rank, at most.
  package var samplesOfLargestShard: Int {
    switch extent {
    case .global(let batch): return plan.capacity(batch: batch)
    case .local(let count, let capacity): return min(count, capacity)
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
