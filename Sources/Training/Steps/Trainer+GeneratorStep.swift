import Base
import Collectives
import Networks

extension Trainer {
  /// One generator step: gradient and update.
  ///
  /// - Parameters:
  ///   - iteration: From 0.
  ///   - inputs: Where its batch comes from.
  ///   - observe: Called when the gradient is there (each rank's parts of it), before the update.
  /// - Returns: What the step computed.
  /// - Throws: `Fault` on all ranks where a loss or gradient is not finite.
  package func generatorStep(
    ofIteration iteration: Int, _ inputs: some StepInputs,
    observe: (GeneratorLosses) throws -> Void = { _ in }
  ) throws -> GeneratorLosses {
    let batch = try inputs.generatorBatch(ofIteration: iteration)
    let losses = try generatorGradient(ofIteration: iteration, batch)
    try observe(losses)
    try beforeUpdate?(model.generator)
    try requireFinite(
      losses.loss, losses.gradientNorm, "the generator step of iteration \(iteration + 1)")
    try generatorOptimizer.update(iteration: iteration)
    generatorAverage?.update(iteration: iteration)
    return losses
  }

  /// Computes the generator's loss on one batch of noise, and its gradient in the generator's
  /// arena.
  ///
  /// - Parameters:
  ///   - iteration: From 0.
  ///   - batch: The step's inputs.
  /// - Returns: What the step computed.
  /// - Throws: Where an exchange between ranks fails.
  package func generatorGradient(
    ofIteration iteration: Int, _ batch: some Batch
  ) throws -> GeneratorLosses {
    let (generator, critic) = (model.generator, model.critic)
    fillConditions(batch)
    let draw = draw(iteration, criticSteps)
    let made = try generate(batch, draw)
    // With feature matching the reals go along, in front of the fakes.
    let fakes = objective.generatorGroups - 1
    let pass = criticInput.packs(made.covering(0..<objective.generatorGroups))
    criticInput.fill(group: fakes, pass, from: generator.output, draw)
    if let conditions { criticInput.copyConditions(conditions, pass) }
    if features != nil { fillReals(pass, batch, draw) }
    try critic.forward(pass)
    // The critic's parameters stand still: only the gradient with respect to its input is wanted.
    let through = pass.covering(fakes..<fakes + 1, parameterGroups: 0..<0)
    sums.clear()
    seedGeneratorGradient(through)
    let matched = try features?.matchCritic(pass, through)
    try critic.backward(through, inputGroups: through.groups, adding: matched?.gradient)
    criticInput.sendBack(group: fakes, pass, to: generator.outputGradient, draw)
    let otherDistance = try features?.matchNetwork(pass, through)
    generator.arena.clearGradient()
    try generator.backward(made, inputGroups: 0..<0)
    try generator.arena.reduceOwnGradient()

    let total = try sums.total(count: StepSum.count)
    var losses = GeneratorLosses()
    let count = Double(pass.batch)
    losses.classification = total[.classLosses] / count
    losses.regression = total[.regressionErrors] / count
    losses.featureDistance = (matched?.distance ?? 0) + (otherDistance ?? 0)
    losses.loss =
      total[.fakeLosses] / count
      + (objective.classifier?.generatorWeight ?? 0) * losses.classification
      + (objective.regressor?.generatorWeight ?? 0) * losses.regression
      + (objective.featureMatching?.weight ?? 0) * losses.featureDistance
    losses.gradientNorm = try generator.arena.gradientSumOfSquares().squareRoot()
    return losses
  }

  /// The derivative of the generator's loss with respect to the critic's output for the fakes.
  private func seedGeneratorGradient(_ pass: Pass) {
    let critic = model.critic
    let group = pass.groups.lowerBound
    let scale = 1 / Double(pass.batch)
    let loss = objective.loss
    context.forEachSample(pass) { _, index, shard in
      let sums = self.sums.stepSums(ofShard: shard)
      let output = critic.output.sample(index, group: group, pass, shard: shard)
      let gradient = critic.outputGradient.sample(index, group: group, pass, shard: shard)
      let term = loss.generator(output[0])
      sums[.fakeLosses] += term.value
      gradient[0] = Float(scale * term.derivative)
      guard self.hasAuxiliary else { return }
      self.seedAuxiliary(
        output, gradient, self.condition(index, pass, shard),
        weights: (
          (self.objective.classifier?.generatorWeight ?? 0) * scale,
          (self.objective.regressor?.generatorWeight ?? 0) * scale
        ), sums: sums)
    }
  }
}
