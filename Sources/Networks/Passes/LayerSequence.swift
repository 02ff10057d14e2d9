import Base
import Kernels

/// Layers in a row with the tensors between them; those at its two ends belong to the caller.
///
/// A network is one, and so is each branch of a `Residual`. Letters and passes as in `Layer`.
///
/// A batch norm, or a convolution from patches, and the (leaky) ReLU behind it run as one step
/// (`RectifiedBatchNorm`, `RectifiedConvolution`), but not where they end the sequence. What lies
/// between the two is nowhere, so nothing can be read or added there; as two layers they had one
/// tensor for both their outputs.
package final class LayerSequence {
  package let layers: [any Layer]
  /// What the passes run: the layers, some of them in pairs.
  package let steps: [any Layer]
  /// The index of each step's last layer.
  private let lastLayers: [Int]
  private let context: ExecutionContext
  /// The composite layers among `steps`, nil for the others.
  private let composites: [(any CompositeLayer)?]
  /// Tensors at the borders between steps: value i lies behind step i.
  ///
  /// Steps that work in place share one. Those from `firstInOutput` on have none.
  private let activations: [Tensor]
  /// The first step whose output lies where the last one's does, the caller's tensor: all behind it
  /// work in place.
  private let firstInOutput: Int
  /// Layers whose outputs stay, where there are only forward passes; nil otherwise.
  private let keptLayers: Set<Int>?
  private let gradients: [Tensor]
  /// For the second-order group: directions, and the share at the input of each curved step.
  private let directions: [Tensor]
  private let shares: [Tensor?]
  /// The curved step whose share is the first that `backwardShares` has.
  ///
  /// Every step before it gets one, where its dy was in `backward`. Nil in a branch, to which one
  /// may come from behind, and where the last curved step is composite.
  private let firstSource: Int?
  /// The first step with parameters: what goes back from it is nobody's but the caller's.
  private let firstTrained: Int

  /// Prepares the layers, and plans the tensors between them.
  ///
  /// - Parameters:
  ///   - layers: At least one; each takes what the one before gives.
  ///   - name: The name in messages, of a network or of a branch.
  ///   - endsNetwork: Whether no share arrives from behind.
  ///   - memory: The largest pass that will run.
  ///   - keptLayers: Layers whose outputs stay, where there are only forward passes.
  ///   - context: The ranks, threads and shared memory of the passes.
  /// - Throws: `Fault` where a layer does not take what the one before gives, or what a
  ///   layer's `prepare` throws.
  package init(
    _ layers: [any Layer], name: String, endsNetwork: Bool = false, memory: MemoryPlan,
    keptLayers: Set<Int> = [], context: ExecutionContext
  ) throws {
    precondition(!layers.isEmpty, "a sequence without layers")
    self.layers = layers
    self.context = context
    for (index, (layer, next)) in zip(layers, layers.dropFirst()).enumerated()
    where layer.outputShape != next.inputShape {
      throw Fault(
        "\(name): layer \(index + 1) (\(next.kind)) takes \(next.inputShape), but layer \(index) "
          + "(\(layer.kind)) gives \(layer.outputShape)")
    }
    self.keptLayers = memory.isForwardOnly ? keptLayers : nil
    (steps, lastLayers) = Self.steps(of: layers, keeping: self.keptLayers, context)
    composites = steps.map { $0 as? any CompositeLayer }
    firstTrained = steps.firstIndex { !$0.parameters.isEmpty } ?? steps.count
    isCurved = layers.contains(where: \.traits.isCurved)
    let affine = steps.prefix { $0.traits.isAffine }
    affineSteps = isCurved ? 0 : affine.lastIndex { $0.operations > 0 }.map { $0 + 1 } ?? 0
    let tensors = SequenceTensors(steps, memory: memory, context: context)
    if memory.isForwardOnly {
      let kept = Set(
        zip(lastLayers.indices, lastLayers).filter { keptLayers.contains($1) }.map(\.0))
      firstInOutput = tensors.firstInOutput(keeping: kept)
      activations = tensors.forwardActivations(upTo: firstInOutput, keeping: kept)
      gradients = []
      directions = []
      shares = []
      firstSource = nil
      for step in steps {
        try context.valueMemory.overlapping(true) { try step.prepare(memory, in: context) }
      }
      return
    }
    for step in steps { try step.prepare(memory, in: context) }
    firstInOutput = steps.count - 1
    activations = tensors.activations()
    gradients = tensors.gradients()
    guard let group = memory.secondOrderGroup else {
      firstSource = nil
      directions = []
      shares = []
      return
    }
    if let last = steps.lastIndex(where: \.traits.isCurved), endsNetwork, composites[last] == nil {
      firstSource = last
    } else {
      firstSource = nil
    }
    directions = tensors.directions(ofGroup: group)
    shares = tensors.shares(ofGroup: group, first: firstSource, gradients: gradients)
  }

  /// The layers with each pair that can run as one in its place, and the index of each step's last
  /// layer.
  ///
  /// A pair at the end stays two: the value between them has its own tensor there, which a loss on
  /// inner features may read. Not so where there are only forward passes, which say what is kept.
  private static func steps(
    of layers: [any Layer], keeping kept: Set<Int>?, _ context: ExecutionContext
  ) -> ([any Layer], lastLayers: [Int]) {
    var steps: [any Layer] = []
    var lastLayers: [Int] = []
    var index = 0
    while index < layers.count {
      let isFree = kept.map { !$0.contains(index) } ?? (index + 2 < layers.count)
      if isFree, index + 1 < layers.count,
        let pair = pair(layers[index], layers[index + 1], context)
      {
        steps.append(pair)
        index += 2
      } else {
        steps.append(layers[index])
        index += 1
      }
      lastLayers.append(index - 1)
    }
    return (steps, lastLayers)
  }

  private static func pair(
    _ layer: any Layer, _ next: any Layer, _ context: ExecutionContext
  ) -> (any Layer)? {
    guard let activation = next as? LeakyReLU else { return nil }
    if let norm = layer as? BatchNorm { return RectifiedBatchNorm(norm, activation) }
    return (layer as? Conv).flatMap { RectifiedConvolution($0, activation, context: context) }
  }

  /// Whether step `index` writes its output over its input.
  ///
  /// Not so at the two ends, whose tensors are the caller's.
  static func overwritesInput(_ index: Int, of steps: [any Layer]) -> Bool {
    index > 0 && index + 1 < steps.count && steps[index].traits.forwardInPlace
      && !steps[index - 1].traits.needsOutput
  }

  /// The step whose output is that of a layer after a forward pass; nil for a layer whose output
  /// the one behind it overwrites, or never writes down.
  private func step(keeping layer: Int) -> Int? {
    if let keptLayers, layer + 1 < layers.count, !keptLayers.contains(layer) { return nil }
    return lastLayers.firstIndex(of: layer).flatMap {
      keptLayers == nil && Self.overwritesInput($0 + 1, of: steps) ? nil : $0
    }
  }

  private func requiredStep(keeping layer: Int) -> Int {
    guard let step = step(keeping: layer) else {
      preconditionFailure("layer \(layer) of \(layers.count) has no output of its own")
    }
    return step
  }

  /// Whether what a layer gave is still there after a forward pass.
  package func keepsOutput(ofLayer index: Int) -> Bool { step(keeping: index) != nil }

  package var inputShape: Shape { layers[0].inputShape }
  package var outputShape: Shape { layers[layers.count - 1].outputShape }
  package var operations: Int { layers.reduce(0) { $0 + $1.operations } }
  package let isCurved: Bool
  /// The affine steps at the beginning, to the last of them with a product; none in a curved
  /// sequence, whose shares need what lies before them.
  private let affineSteps: Int
  /// Whether a forward pass may have a `Mixture` in place of a group's input, and takes fewer
  /// products with it.
  package var mixesGroups: Bool { affineSteps > 0 }
  package var couplesSamples: Bool { layers.contains(where: \.traits.couplesSamples) }
  package var needsConditions: Bool { layers.contains(where: \.traits.needsConditions) }

  /// What layer `index` gave in the last forward pass; `y` is the sequence's own output.
  package func activation(behind index: Int, output y: Tensor) -> Tensor {
    output(of: requiredStep(keeping: index), y)
  }

  private func output(of index: Int, _ y: Tensor) -> Tensor {
    index < firstInOutput ? activations[index] : y
  }

  private func input(of index: Int, _ x: Tensor, _ y: Tensor) -> Tensor {
    index == 0 ? x : output(of: index - 1, y)
  }

  /// y = the layers in their order, applied to x.
  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) throws {
    precondition(
      keptLayers == nil || pass.mode == .evaluation, "a training pass of forward passes alone")
    let ends = pass.mixture?.ends(of: pass)
    let own = pass.with(nil as Mixture?)
    for (index, step) in steps.enumerated() {
      let (input, output) = (input(of: index, x, y), output(of: index, y))
      try step.forward(input, into: output, index < affineSteps ? ends ?? own : own)
      if index + 1 == affineSteps { pass.mixture?.mix(output, own, in: context) }
    }
  }

  /// dx = dL/dx, for the pass's `inputGroups`; nil where nobody wants it.
  ///
  /// `inner` is added to dL/dy of its layer.
  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass,
    adding inner: InnerGradient? = nil
  ) throws {
    let innerStep = inner.map { requiredStep(keeping: $0.layer) }
    // Only the gradients before the first parameter may be wanted for some groups alone.
    let whole = pass.with(inputGroups: pass.groups)
    for index in steps.indices.reversed() {
      let arriving = index + 1 < steps.count ? gradients[index] : dy
      if let inner, innerStep == index { context.add(inner.values, to: arriving, pass) }
      let own = (index > firstTrained ? whole : pass).with(
        lastContribution: lastContribution(ofStep: index, pass))
      try steps[index].backward(
        arriving, input: input(of: index, x, y), output: output(of: index, y),
        into: index > 0 ? gradients[index - 1] : dx, own)
    }
  }

  /// The last pass that adds to the gradients of a step's parameters, from what the pass says of
  /// the sequence.
  ///
  /// Where shares arise, the steps before the last of them get one, for sure; those from there on
  /// get none. In a branch, to which shares may come from behind, and where a composite step keeps
  /// the last share, nothing is known.
  private func lastContribution(ofStep index: Int, _ pass: Pass) -> Pass.Contribution? {
    switch pass.lastContribution {
    case .backward: return .backward
    case .doubleBackward where !isCurved: return .doubleBackward
    case .doubleBackward:
      return firstSource.map { index < $0 ? .backwardShares : .doubleBackward }
    case .backwardShares, nil: return nil
    }
  }

  /// Carries direction t through the derivative of `backward`, which was the last call for this
  /// group: adds d/dW of <dx, t>, and keeps the curved steps' shares, one of them in the place of
  /// what `backward` kept: once after each.
  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    _ pass: Pass
  ) throws {
    for (index, step) in steps.enumerated() {
      let isLast = index + 1 == steps.count
      try step.doubleBackward(
        index == 0 ? t : directions[index - 1], outputGradient: isLast ? dy : gradients[index],
        input: input(of: index, x, y), output: output(of: index, y),
        into: isLast ? jt : directions[index], share: shares[index], pass)
    }
  }

  /// Sends the shares that `doubleBackward` left, and those that arrive from behind the sequence,
  /// back to the parameters and the input.
  ///
  /// Overwrites what `backward` kept. Returns whether there was anything to send to the input: `dx`
  /// is undefined otherwise.
  @discardableResult
  package func backwardShares(
    arriving: Tensor?, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) throws -> Bool {
    precondition(arriving == nil || firstSource == nil, "a share from behind the network")
    var arriving = arriving
    for index in steps.indices.reversed() {
      let (x, y) = (input(of: index, x, y), output(of: index, y))
      let target = index > 0 ? gradients[index - 1] : dx
      var hasTarget = false
      if let composite = composites[index] {
        hasTarget = try composite.backwardShares(
          arriving: arriving, input: x, output: y, into: target, pass)
      } else if let dy = arriving {
        try steps[index].backward(dy, input: x, output: y, into: target, pass)
        hasTarget = true
      }
      guard let target else { return false }
      if let share = shares[index] {
        if hasTarget {
          context.add(share, to: target, pass)
        } else if index > 0 {
          arriving = share
          continue
        } else {
          context.copy(share, to: target, pass)
          hasTarget = true
        }
      }
      arriving = hasTarget ? target : nil
    }
    return arriving != nil
  }
}
