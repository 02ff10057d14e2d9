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

  /// The first step whose output can lie in the caller's tensor, where there are only forward
  /// passes: all behind it work in place.
  ///
  /// `kept` are steps whose outputs stay.
  func firstInOutput(keeping kept: Set<Int>) -> Int {
    var first = steps.count - 1
    while first > 0, evaluatesInPlace(first), !kept.contains(first - 1) { first -= 1 }
    return first
  }

  /// The outputs of the steps before `end`, where there are only forward passes: two places in
  /// turn, and one of its own for a step that is kept.
  func forwardActivations(upTo end: Int, keeping kept: Set<Int>) -> [Tensor] {
    // Which of the two places; nil for a step with one of its own, or that of the step before.
    var places: [Int?] = []
    var place = 1
    for index in 0..<end {
      let isInPlace = index > 0 && evaluatesInPlace(index) && !kept.contains(index - 1)
      if isInPlace || kept.contains(index) {
        places.append(nil)
      } else {
        place = 1 - place
        places.append(place)
      }
    }
    let make = { (index: Int) in tensor(steps[index].outputShape, in: context.valueMemory) }
    var made: [Int: Tensor] = [:]
    for place in 0..<2 {
      let indices = places.indices.filter { places[$0] == place }
      let tensors = context.valueMemory.reserve(for: indices, overlapping: true, make)
      for (index, tensor) in zip(indices, tensors) { made[index] = tensor }
    }
    var activations: [Tensor] = []
    for index in 0..<end {
      if let own = made[index] {
        activations.append(own)
      } else {
        activations.append(kept.contains(index) ? make(index) : activations[index - 1])
      }
    }
    return activations
  }

  private func evaluatesInPlace(_ index: Int) -> Bool {
    steps[index].traits.forwardInPlace || steps[index].traits.evaluatesInPlace
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
