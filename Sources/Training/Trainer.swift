import Base
import Collectives
import Foundation
import Kernels
import Networks

/// Algorithm 1 of the WGAN-GP paper (`Objective` names it and its relatives) over the shards of all
/// ranks.
package final class Trainer {
  package let model: Model
  package let objective: Objective
  package let generatorOptimizer: Optimizer
  package let criticOptimizer: Optimizer
  /// The generator that samples are drawn from, nil where that is the trained one itself.
  package let generatorAverage: WeightAverage?
  private let criticSteps: Int
  private let firstGeneratorIteration: Int
  private let hasFixedGenerator: Bool
  private let seed: UInt64
  private let sums: ShardSums
  private let features: FeatureMatcher?
  private var context: ExecutionContext { model.context }

  package init(_ model: Model) {
    let setup = model.setup
    self.model = model
    objective = setup.objective
    seed = setup.seed
    criticSteps = setup.training.criticSteps
    firstGeneratorIteration = setup.training.firstGeneratorIteration
    hasFixedGenerator = setup.training.hasFixedGenerator
    generatorOptimizer = Optimizer(setup.generatorOptimizer, of: model.generator)
    criticOptimizer = Optimizer(setup.criticOptimizer, of: model.critic)
    generatorAverage = setup.training.generatorAverage.map {
      WeightAverage($0, of: model.generator)
    }
    sums = ShardSums(
      capacity: Sum.count, plan: model.context.plan,
      communicator: model.context.communicator)
    features = objective.featureMatching.map { FeatureMatcher($0, model: model) }
    model.generator.arena.contributions = .one
    model.critic.arena.contributions =
      objective.penalty == nil ? .one : model.critic.sequence.isCurved ? .several : .two
  }

  /// One iteration: the critic steps, then a generator step.
  ///
  /// - Returns: The losses of the last critic step, and the generator's.
  /// - Throws: `TrainingError` on all ranks where a loss or gradient is not finite, before the
  ///   parameters move.
  package func iterate(
    _ iteration: Int, _ inputs: some StepInputs
  ) throws -> (critic: CriticLosses, generator: GeneratorLosses) {
    var losses = CriticLosses()
    for step in 0..<criticSteps {
      losses = try criticStep(step, ofIteration: iteration, inputs)
    }
    guard !hasFixedGenerator, iteration >= firstGeneratorIteration else {
      return (losses, GeneratorLosses())
    }
    return (losses, try generatorStep(ofIteration: iteration, inputs))
  }

  /// One critic step: gradient and update.
  ///
  /// `observe` is called when the gradient of the step is there (each rank's parts of it), before
  /// the update; not at all with separate updates, whose step has no one gradient.
  package func criticStep(
    _ step: Int, ofIteration iteration: Int, _ inputs: some StepInputs,
    observe: (CriticLosses) throws -> Void = { _ in }
  ) throws -> CriticLosses {
    if case .binaryCrossEntropy(let entropy) = objective.loss, entropy.hasSeparateUpdates {
      return try separateCriticSteps(step, ofIteration: iteration, inputs, entropy)
    }
    let losses = try criticGradient(step, ofIteration: iteration, inputs)
    try observe(losses)
    try updateCritic(losses, step, iteration)
    return losses
  }

  /// One generator step: gradient and update.
  package func generatorStep(
    ofIteration iteration: Int, _ inputs: some StepInputs,
    observe: (GeneratorLosses) throws -> Void = { _ in }
  ) throws -> GeneratorLosses {
    let losses = try generatorGradient(ofIteration: iteration, inputs)
    try observe(losses)
    try requireFinite(
      losses.loss, losses.gradientNorm, "the generator step of iteration \(iteration + 1)")
    try generatorOptimizer.update(iteration: iteration)
    generatorAverage?.update(iteration: iteration)
    return losses
  }

  /// Gives all ranks what each has only its parts of: to be called by all before one takes a copy
  /// of the state.
  package func completeState() throws {
    try generatorOptimizer.completeMoments()
    try criticOptimizer.completeMoments()
  }

  private func updateCritic(_ losses: CriticLosses, _ step: Int, _ iteration: Int) throws {
    try requireFinite(
      losses.loss, losses.gradientNorm, "critic step \(step + 1) of iteration \(iteration + 1)")
    try criticOptimizer.update(iteration: iteration)
    objective.weightClip?.apply(to: model.critic)
  }

  // MARK: - Critic

  /// The critic's loss on one batch, and its gradient in the critic's arena.
  package func criticGradient(
    _ step: Int, ofIteration iteration: Int, _ inputs: some StepInputs
  ) throws -> CriticLosses {
    let batch = try inputs.beginCriticStep(step, ofIteration: iteration)
    let critic = model.critic
    let draw = draw(iteration, step)
    try generateFakes(batch, inputs, draw)
    var pass = Pass(
      .global(batch: batch), groups: 0..<objective.criticGroups,
      parameterGroups: Group.reals..<Group.fakes + 1, plan: context.plan)
    pass.draw = draw
    pass.sharesFollow = objective.penalty != nil
    assemble(pass, inputs)

    try critic.forward(pass)
    sums.clear()
    seedCriticGradient(pass, inputs, groups: Group.reals..<Group.fakes + 1)
    critic.arena.clearGradient()
    let interpolates = pass.covering(Group.interpolates..<objective.criticGroups)
    fillOutputGradient(interpolates, score: 1)
    try critic.backward(pass, inputGroups: interpolates.groups)
    if let penalty = objective.penalty {
      directPenalty(interpolates, penalty)
      try critic.doubleBackward(interpolates)
      try critic.backwardShares(interpolates)
    }
    try critic.arena.reduceOwnGradient()
    return try criticLosses(try sums.total(count: Sum.count), batch: batch)
  }

  /// One optimizer step on the reals, then one on the fakes: Keras's two `train_on_batch`.
  ///
  /// The fakes are made before the first of them.
  private func separateCriticSteps(
    _ step: Int, ofIteration iteration: Int, _ inputs: some StepInputs,
    _ entropy: BinaryCrossEntropy
  ) throws -> CriticLosses {
    let batch = try inputs.beginCriticStep(step, ofIteration: iteration)
    let critic = model.critic
    try generateFakes(batch, inputs, draw(iteration, step))
    var reals = CriticLosses()
    var losses = CriticLosses()
    for group in Group.reals...Group.fakes {
      var pass = Pass(.global(batch: batch), groups: group..<group + 1, plan: context.plan)
      pass.draw = draw(iteration, step, isSecondHalf: group == Group.fakes)
      assemble(pass, inputs)
      try critic.forward(pass)
      sums.clear()
      // Each half is a loss of its own here: only what is reported is their mean.
      seedCriticGradient(pass, inputs, groups: pass.groups, weight: 1 / entropy.halfWeight)
      critic.arena.clearGradient()
      try critic.backward(pass, inputGroups: 0..<0)
      try critic.arena.reduceOwnGradient()
      losses = try criticLosses(try sums.total(count: Sum.count), batch: batch)
      if group == Group.reals { reals = losses }
      try updateCritic(losses, step, iteration)
    }
    losses.loss += reals.loss
    losses.realScore = reals.realScore
    losses.wasserstein = losses.realScore - losses.fakeScore
    losses.classification = reals.classification
    losses.accuracy = reals.accuracy
    return losses
  }

  /// Adds this rank's scores and losses to the sums, and writes the loss's derivative with respect
  /// to the critic's output for `groups`.
  private func seedCriticGradient(
    _ pass: Pass, _ inputs: some StepInputs, groups: Range<Int>, weight: Double = 1
  ) {
    let critic = model.critic
    let scale = weight / Double(pass.batch)
    context.forEachShard { shard, _ in
      let sums = self.sums.shard(shard, count: Sum.count)
      let first = pass.firstSample(inShard: shard)
      for group in groups {
        let isReal = group == Group.reals
        for index in 0..<pass.samples(inShard: shard) {
          let output = critic.output.sample(index, group: group, pass, shard: shard)
          let gradient = critic.outputGradient.sample(index, group: group, pass, shard: shard)
          let score = output[0]
          switch self.objective.loss {
          case .wasserstein:
            sums[isReal ? .realScores : .fakeScores] += Double(score)
            gradient[0] = Float(isReal ? -scale : scale)
          case .binaryCrossEntropy(let entropy):
            let range = entropy.realTarget
            let target =
              !isReal
              ? 0
              : range.lowerBound
                + (range.upperBound - range.lowerBound)
                * Double(inputs.smoothing(first + index))
            let (value, derivative) = entropy.loss(score, target: target)
            sums[isReal ? .realScores : .fakeScores] += entropy.probability(score)
            sums[isReal ? .realLosses : .fakeLosses] += entropy.halfWeight * value
            gradient[0] = Float(entropy.halfWeight * scale * derivative)
          }
          guard let classifier = self.objective.classifier else { continue }
          self.seedClasses(
            output, gradient, label: inputs.label(first + index),
            weight: isReal ? classifier.criticWeight / Double(pass.batch) : 0,
            sums: isReal ? sums : nil)
        }
      }
    }
  }

  /// The class logits' part of an output gradient; adds the loss to `sums` if there are any.
  private func seedClasses(
    _ output: MutableFloatBuffer, _ gradient: MutableFloatBuffer, label: Int, weight: Double,
    sums: UnsafeMutableBufferPointer<Double>?
  ) {
    let found = SoftmaxCrossEntropy.evaluate(
      FloatBuffer(rebasing: output[1...]), label: label, weight: weight,
      gradient: MutableFloatBuffer(rebasing: gradient[1...]))
    guard let sums else { return }
    sums[.classLosses] += found.loss
    sums[.rightClasses] += found.isRight ? 1 : 0
  }

  private func criticLosses(
    _ total: UnsafeBufferPointer<Double>, batch: Int
  ) throws -> CriticLosses {
    let mean = { (sum: Sum) in total[sum.rawValue] / Double(batch) }
    var losses = CriticLosses()
    losses.realScore = mean(.realScores)
    losses.fakeScore = mean(.fakeScores)
    losses.wasserstein = (total[.realScores] - total[.fakeScores]) / Double(batch)
    losses.penalty = (objective.penalty?.weight ?? 0) * mean(.penalties)
    losses.classification = mean(.classLosses)
    losses.accuracy = mean(.rightClasses)
    switch objective.loss {
    case .wasserstein: losses.loss = -losses.wasserstein
    case .binaryCrossEntropy: losses.loss = mean(.realLosses) + mean(.fakeLosses)
    }
    losses.loss +=
      losses.penalty + (objective.classifier?.criticWeight ?? 0) * losses.classification
    losses.gradientNorm = try model.critic.arena.gradientSumOfSquares().squareRoot()
    return losses
  }

  /// Sums (|g_i| - 1)^2 and forms the direction t_i = weight * 2/B * (|g_i| - 1) * g_i / |g_i|,
  /// which is the penalty's derivative with respect to g_i; one-sided only where |g_i| > 1.
  ///
  /// At g_i = 0 the norm has no derivative: it contributes 0, as PyTorch's norm does.
  private func directPenalty(_ pass: Pass, _ penalty: Objective.Penalty) {
    let critic = model.critic
    let factor = penalty.weight * 2 / Double(pass.batch)
    context.forEachShard { shard, _ in
      let sums = self.sums.shard(shard, count: Sum.count)
      for index in 0..<pass.samples(inShard: shard) {
        let gradient = FloatBuffer(
          critic.inputGradient.sample(index, group: Group.interpolates, pass, shard: shard))
        let norm = Elementwise.sumOfSquares(gradient).squareRoot()
        let excess = penalty.isOneSided ? max(0, norm - 1) : norm - 1
        sums[.penalties] += excess * excess
        Elementwise.scale(
          gradient, by: norm > 0 ? Float(factor * excess / norm) : 0,
          into: critic.direction.sample(index, group: Group.interpolates, pass, shard: shard))
      }
    }
  }

  // MARK: - Generator

  /// The generator's loss on fresh noise, and its gradient in the generator's arena.
  package func generatorGradient(
    ofIteration iteration: Int, _ inputs: some StepInputs
  ) throws -> GeneratorLosses {
    let batch = try inputs.beginGeneratorStep(ofIteration: iteration)
    let (generator, critic) = (model.generator, model.critic)
    let draw = draw(iteration, criticSteps)
    let made = try generate(batch, inputs, draw)
    // With feature matching the reals go along, in front of the fakes.
    let fakes = objective.generatorGroups - 1
    var pass = made
    pass.groups = 0..<objective.generatorGroups
    copy(generator.output, to: critic.input, made, targetGroup: fakes)
    fillLabels(critic.labels, pass, inputs)
    if features != nil { fillReals(pass, inputs) }
    try critic.forward(pass)
    var through = pass.covering(fakes..<fakes + 1)
    // The critic's parameters stand still: only the gradient with respect to its input is wanted.
    through.parameterGroups = 0..<0
    sums.clear()
    seedGeneratorGradient(through, inputs)
    let distance = try features?.matchCritic(pass, through) ?? 0
    try critic.backward(through, inputGroups: through.groups)
    features?.endCriticPass()
    copy(critic.inputGradient, group: fakes, to: generator.outputGradient, made)
    let otherDistance = try features?.matchNetwork(pass, through) ?? 0
    generator.arena.clearGradient()
    try generator.backward(made, inputGroups: 0..<0)
    try generator.arena.reduceOwnGradient()

    let total = try sums.total(count: Sum.count)
    var losses = GeneratorLosses()
    losses.classification = total[.classLosses] / Double(batch)
    losses.featureDistance = distance + otherDistance
    losses.loss =
      total[.fakeLosses] / Double(batch)
      + (objective.classifier?.generatorWeight ?? 0) * losses.classification
      + (objective.featureMatching?.weight ?? 0) * losses.featureDistance
    losses.gradientNorm = try generator.arena.gradientSumOfSquares().squareRoot()
    return losses
  }

  /// The derivative of the generator's loss with respect to the critic's output for the fakes.
  private func seedGeneratorGradient(_ pass: Pass, _ inputs: some StepInputs) {
    let critic = model.critic
    let group = pass.groups.lowerBound
    let scale = 1 / Double(pass.batch)
    context.forEachShard { shard, _ in
      let sums = self.sums.shard(shard, count: Sum.count)
      let first = pass.firstSample(inShard: shard)
      for index in 0..<pass.samples(inShard: shard) {
        let output = critic.output.sample(index, group: group, pass, shard: shard)
        let gradient = critic.outputGradient.sample(index, group: group, pass, shard: shard)
        switch self.objective.loss {
        case .wasserstein:
          sums[.fakeLosses] -= Double(output[0])
          gradient[0] = -Float(scale)
        case .binaryCrossEntropy(let entropy):
          let (value, derivative) = entropy.generatorLoss(output[0])
          sums[.fakeLosses] += value
          gradient[0] = Float(scale * derivative)
        }
        guard let classifier = self.objective.classifier else { continue }
        self.seedClasses(
          output, gradient, label: inputs.label(first + index),
          weight: classifier.generatorWeight * scale, sums: sums)
      }
    }
  }

  // MARK: - Parts of a step

  /// Numbers the forward passes of a run for layers that draw.
  private func draw(_ iteration: Int, _ step: Int, isSecondHalf: Bool = false) -> PassDraw {
    PassDraw(
      seed: seed, number: (iteration * (criticSteps + 1) + step) * 2 + (isSecondHalf ? 1 : 0))
  }

  /// The fakes of a critic step in the generator's output: G(z), or with a fixed generator the
  /// reals with noise, which `assemble` makes.
  private func generateFakes(_ batch: Int, _ inputs: some StepInputs, _ draw: PassDraw) throws {
    guard !hasFixedGenerator else { return }
    try generate(
      batch, inputs, draw, mode: objective.fakesUseRunningStatistics ? .evaluation : .training)
  }

  /// G(z) in the generator's output.
  @discardableResult
  private func generate(
    _ batch: Int, _ inputs: some StepInputs, _ draw: PassDraw, mode: Pass.Mode = .training
  ) throws -> Pass {
    let generator = model.generator
    var pass = Pass(.global(batch: batch), groups: 0..<1, mode: mode, plan: context.plan)
    pass.draw = draw
    context.forEachShard { shard, _ in
      let first = pass.firstSample(inShard: shard)
      for index in 0..<pass.samples(inShard: shard) {
        inputs.fillNoise(
          first + index, generator.input.sample(index, group: 0, pass, shard: shard))
      }
    }
    fillLabels(generator.labels, pass, inputs)
    try generator.forward(pass)
    pass.mode = .training
    return pass
  }

  /// Every group's samples have the classes of the step's samples.
  private func fillLabels(_ labels: Labels?, _ pass: Pass, _ inputs: some StepInputs) {
    guard let labels else { return }
    context.forEachShard { shard, _ in
      let first = pass.firstSample(inShard: shard)
      for group in pass.groups {
        let values = labels.values(pass, shard: shard, groups: group..<group + 1)
        for index in values.indices { values[index] = Int32(inputs.label(first + index)) }
      }
    }
  }

  private func fillReals(_ pass: Pass, _ inputs: some StepInputs) {
    let input = model.critic.input
    context.forEachShard { shard, _ in
      let first = pass.firstSample(inShard: shard)
      for index in 0..<pass.samples(inShard: shard) {
        inputs.fillReal(
          first + index, input.sample(index, group: Group.reals, pass, shard: shard))
      }
    }
  }

  /// Fills the critic's input with the reals, fakes and interpolates that the pass covers.
  private func assemble(_ pass: Pass, _ inputs: some StepInputs) {
    let input = model.critic.input
    fillLabels(model.critic.labels, pass, inputs)
    if pass.groups.contains(Group.reals) { fillReals(pass, inputs) }
    guard pass.groups.contains(Group.fakes) else { return }
    if hasFixedGenerator {
      addNoiseToReals(pass, inputs)
    } else {
      copy(model.generator.output, to: input, pass.covering(0..<1), targetGroup: Group.fakes)
    }
    guard pass.groups.contains(Group.interpolates) else { return }
    context.forEachShard { shard, _ in
      let first = pass.firstSample(inShard: shard)
      for index in 0..<pass.samples(inShard: shard) {
        Elementwise.interpolate(
          FloatBuffer(input.sample(index, group: Group.reals, pass, shard: shard)),
          FloatBuffer(input.sample(index, group: Group.fakes, pass, shard: shard)),
          weight: inputs.interpolationWeight(first + index),
          into: input.sample(index, group: Group.interpolates, pass, shard: shard))
      }
    }
  }

  /// The fixed generator of the paper's toy figures: fake i = real i + N(0, 1).
  private func addNoiseToReals(_ pass: Pass, _ inputs: some StepInputs) {
    let input = model.critic.input
    context.forEachShard { shard, _ in
      let first = pass.firstSample(inShard: shard)
      for index in 0..<pass.samples(inShard: shard) {
        let fake = input.sample(index, group: Group.fakes, pass, shard: shard)
        inputs.fillNoise(first + index, fake)
        Elementwise.add(
          FloatBuffer(input.sample(index, group: Group.reals, pass, shard: shard)), to: fake)
      }
    }
  }

  /// Derivatives with respect to a pass's outputs: `score` for the first of each, 0 for class
  /// logits.
  private func fillOutputGradient(_ pass: Pass, score: Float) {
    let gradient = model.critic.outputGradient
    let outputs = gradient.shape.elementCount
    context.forEachShard { shard, _ in
      let values = gradient.values(pass, shard: shard)
      values.update(repeating: 0)
      for index in stride(from: 0, to: values.count, by: outputs) { values[index] = score }
    }
  }

  /// Copies group 0 of `source` to a group of `target`.
  private func copy(_ source: Tensor, to target: Tensor, _ pass: Pass, targetGroup: Int) {
    copy(source, group: 0, to: target, group: targetGroup, pass)
  }

  /// Copies a group of `source` to group 0 of `target`.
  private func copy(_ source: Tensor, group: Int, to target: Tensor, _ pass: Pass) {
    copy(source, group: group, to: target, group: 0, pass)
  }

  private func copy(
    _ source: Tensor, group: Int, to target: Tensor, group targetGroup: Int, _ pass: Pass
  ) {
    context.forEachShard { shard, _ in
      let from = source.read(pass, shard: shard, groups: group..<group + 1)
      let to = target.values(pass, shard: shard, groups: targetGroup..<targetGroup + 1)
      guard let from = from.baseAddress, let address = to.baseAddress else { return }
      address.update(from: from, count: to.count)
    }
  }

  private func requireFinite(_ loss: Double, _ norm: Double, _ place: @autoclosure () -> String)
    throws
  {
    guard !loss.isFinite || !norm.isFinite else { return }
    let what = loss.isFinite ? "the gradient's norm is \(norm)" : "the loss is \(loss)"
    throw TrainingError(
      "\(place()): \(what); training has diverged: lower the learning rates or the penalty weight, "
        + "or start again from an earlier checkpoint")
  }
}

/// What a step sums over the batch.
private enum Sum: Int {
  case realScores, fakeScores, penalties, realLosses, fakeLosses, classLosses, rightClasses

  /// `allCases` makes an array at every call.
  static let count = 7
}

extension UnsafeMutableBufferPointer<Double> {
  fileprivate subscript(sum: Sum) -> Double {
    get { self[sum.rawValue] }
    nonmutating set { self[sum.rawValue] = newValue }
  }
}

extension UnsafeBufferPointer<Double> {
  fileprivate subscript(sum: Sum) -> Double { self[sum.rawValue] }
}
