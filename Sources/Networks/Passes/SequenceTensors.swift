import Base

/// The plan of the tensors between a sequence's steps: which have memory of their own, and which
/// lie where another one was.
struct SequenceTensors {
  private let steps: [any Layer]
  private let memory: MemoryPlan
  private let context: ExecutionContext

  init(_ steps: [any Layer], memory: MemoryPlan, context: ExecutionContext) {
    self.steps = steps
    self.memory = memory
    self.context = context
  }

  /// The steps that have a tensor behind them: the last one's is the caller's.
  private var inner: ArraySlice<any Layer> { steps.dropLast() }

  /// The steps' outputs; a step that works in place gives its own where its input was, unless the
  /// step before still needs that.
  func activations() -> [Tensor] {
    var activations: [Tensor] = []
    for (index, step) in inner.enumerated() {
      activations.append(
        LayerSequence.overwritesInput(index, of: steps)
          ? activations[index - 1] : tensor(step.outputShape, in: context.valueMemory))
    }
    return activations
  }

  /// The gradients of the steps' outputs.
  ///
  /// From the last to the first: a step that works in place gives its dx where its dy was, unless
  /// its second-order pass still needs that dy.
  func gradients() -> [Tensor] {
    let hasSecondOrder = memory.secondOrderGroup != nil
    var gradients: [Tensor] = []
    for (index, step) in inner.enumerated().reversed() {
      let next = steps[index + 1]
      let inPlace =
        !gradients.isEmpty && next.traits.backwardInPlace
        && !(hasSecondOrder && next.traits.isCurved)
      gradients.insert(
        inPlace ? gradients[0] : tensor(step.outputShape, in: context.gradientMemory), at: 0)
    }
    return gradients
  }

  /// The directions behind the steps, of the second-order group alone.
  func directions(ofGroup group: Int) -> [Tensor] {
    var directions: [Tensor] = []
    for (index, step) in inner.enumerated() {
      let inPlace = index > 0 && step.traits.backwardInPlace && !step.traits.isCurved
      directions.append(inPlace ? directions[index - 1] : single(step.outputShape, group))
    }
    return directions
  }

  /// The share at the input of each curved step; nil for the others, and for composite ones, which
  /// keep theirs.
  ///
  /// The first share takes the place of what its step gave in `backward`, which nothing reads after
  /// its second-order pass: the steps before have had theirs.
  ///
  /// - Parameters:
  ///   - group: The second-order group.
  ///   - first: The step whose share `backwardShares` sends first; nil where it is not known.
  ///   - gradients: Those of the steps' outputs.
  /// - Returns: A tensor or nil for each step.
  func shares(ofGroup group: Int, first: Int?, gradients: [Tensor]) -> [Tensor?] {
    var shares: [Tensor?] = []
    for (index, step) in steps.enumerated() {
      if !step.traits.isCurved || step is any CompositeLayer {
        shares.append(nil)
      } else if index > 0, index == first {
        shares.append(gradients[index - 1])
      } else {
        shares.append(single(step.inputShape, group))
      }
    }
    return shares
  }

  private func tensor(_ shape: Shape, in shared: SharedMemory) -> Tensor {
    Tensor(
      shape: shape, shards: context.plan.localShards, shardCapacity: memory.shardCapacity,
      in: shared)
  }

  /// A tensor of one group.
  private func single(_ shape: Shape, _ group: Int) -> Tensor {
    Tensor(
      shape: shape, shards: context.plan.localShards, shardCapacity: memory.groupCapacity,
      firstGroup: group, in: context.valueMemory)
  }
}
