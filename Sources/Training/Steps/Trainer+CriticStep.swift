import Base
import Collectives
import Kernels
import Networks

extension Trainer {
  /// One critic step: gradient and update.
  ///
  /// - Parameters:
  ///   - step: The critic step in its iteration, from 0.
  ///   - iteration: From 0.
  ///   - inputs: Where its batch comes from.
  ///   - observe: Called when the gradient of the step is there (each rank's parts of it), before
  ///     the update; not at all with separate updates, whose step has no one gradient.
  /// - Returns: What the step computed.
  /// - Throws: `Fault` on all ranks where a loss or gradient is not finite.
  package func criticStep(
    _ step: Int, ofIteration iteration: Int, _ inputs: some StepInputs,
    observe: (CriticLosses) throws -> Void = { _ in }
  ) throws -> CriticLosses {
    let batch = try inputs.criticBatch(step, ofIteration: iteration)
    guard !objective.loss.hasSeparateUpdates else {
      return try separateCriticSteps(step, ofIteration: iteration, batch)
    }
    let losses = try criticGradient(step, ofIteration: iteration, batch)
    try observe(losses)
    try updateCritic(losses, step, iteration)
    return losses
  }

  private var mixture: Mixture? {
    mixtureWeights.map {
      Mixture(ends: Group.reals..<Group.fakes + 1, group: Group.points, weights: $0)
    }
  }

  private func updateCritic(_ losses: CriticLosses, _ step: Int, _ iteration: Int) throws {
    try beforeUpdate?(model.critic)
    try requireFinite(
      losses.loss, losses.gradientNorm, "critic step \(step + 1) of iteration \(iteration + 1)")
    try criticOptimizer.update(iteration: iteration)
    objective.weightClip?.apply(to: model.critic)
  }

  /// Computes the critic's loss on one batch, and its gradient in the critic's arena.
  ///
  /// - Parameters:
  ///   - step: The critic step in its iteration, from 0.
  ///   - iteration: From 0.
  ///   - batch: The step's inputs.
  /// - Returns: What the step computed.
  /// - Throws: Where an exchange between ranks fails.
  package func criticGradient(
    _ step: Int, ofIteration iteration: Int, _ batch: some Batch
  ) throws -> CriticLosses {
    let critic = model.critic
    fillConditions(batch)
    let penalty = takesPenalty(step, iteration) ? objective.penalty : nil
    let draw = draw(iteration, step)
    let samples = Pass(
      .global(batch: batch.count),
      groups: 0..<(penalty == nil ? Group.points : objective.criticGroups),
      parameterGroups: Group.reals..<Group.fakes + 1,
      lastContribution: penalty == nil ? .backward : .doubleBackward, draw: draw,
      plan: context.plan)
    let pass = criticInput.packs(samples)
    fillReals(pass, batch, draw)
    try fillFakes(pass, batch, draw)
    try fillCritic(pass, batch, penalty)

    try critic.forward(pass.with(penalty == nil ? nil : mixture))
    sums.clear()
    seedCriticGradient(pass, batch, groups: Group.reals..<Group.fakes + 1)
    critic.arena.clearGradient()
    if let penalty {
      let points = pass.covering(Group.points..<Group.points + 1)
      fillOutputGradient(points, score: 1)
      try critic.backward(pass, inputGroups: points.groups)
      directPenalty(points, penalty)
      try critic.doubleBackward(points)
      try critic.backwardShares(points)
    } else {
      try critic.backward(pass, inputGroups: 0..<0)
    }
    try critic.arena.reduceOwnGradient()
    return try criticLosses(
      try sums.total(count: StepSum.count), batch: pass.batch,
      penaltyWeight: penalty?.stepWeight ?? 0)
  }

  /// One optimizer step on the reals, then one on the fakes: Keras's two `train_on_batch`.
  ///
  /// The fakes are made before the first of them.
  private func separateCriticSteps(
    _ step: Int, ofIteration iteration: Int, _ batch: some Batch
  ) throws -> CriticLosses {
    let critic = model.critic
    fillConditions(batch)
    let both = criticInput.packs(
      Pass(
        .global(batch: batch.count), groups: Group.reals..<Group.fakes + 1, plan: context.plan))
    fillReals(both, batch, draw(iteration, step))
    try fillFakes(both, batch, draw(iteration, step))
    var reals = CriticLosses()
    var losses = CriticLosses()
    for group in Group.reals...Group.fakes {
      let pass = Pass(
        .global(batch: both.batch), groups: group..<group + 1, lastContribution: .backward,
        draw: draw(iteration, step, isSecondHalf: group == Group.fakes), plan: context.plan)
      try fillCritic(pass, batch, nil)
      try critic.forward(pass)
      sums.clear()
      // Each half is a loss of its own here: only what is reported is their mean.
      seedCriticGradient(
        pass, batch, groups: pass.groups, weight: 1 / objective.loss.criticWeight)
      critic.arena.clearGradient()
      try critic.backward(pass, inputGroups: 0..<0)
      try critic.arena.reduceOwnGradient()
      losses = try criticLosses(
        try sums.total(count: StepSum.count), batch: pass.batch, penaltyWeight: 0)
      if group == Group.reals { reals = losses }
      try updateCritic(losses, step, iteration)
    }
    losses.loss += reals.loss
    losses.realScore = reals.realScore
    losses.wasserstein = losses.realScore - losses.fakeScore
    losses.classification = reals.classification
    losses.accuracy = reals.accuracy
    losses.regression = reals.regression
    return losses
  }

  /// Adds this rank's scores and losses to the sums, and writes the loss's derivative with respect
  /// to the critic's output for `groups`.
  private func seedCriticGradient(
    _ pass: Pass, _ batch: some Batch, groups: Range<Int>, weight: Double = 1
  ) {
    let critic = model.critic
    let scale = weight / Double(pass.batch)
    let loss = objective.loss
    context.forEachSample(pass) { sample, index, shard in
      let sums = self.sums.stepSums(ofShard: shard)
      for group in groups {
        let isReal = group == Group.reals
        let output = critic.output.sample(index, group: group, pass, shard: shard)
        let gradient = critic.outputGradient.sample(index, group: group, pass, shard: shard)
        let score = output[0]
        let term = isReal ? loss.real(score, target: batch.target(sample)) : loss.fake(score)
        sums[isReal ? .realScores : .fakeScores] += loss.reported(score)
        sums[isReal ? .realLosses : .fakeLosses] += term.value
        gradient[0] = Float(scale * term.derivative)
        guard self.hasAuxiliary else { continue }
        let share = { (weight: Double) in isReal ? weight / Double(pass.batch) : 0 }
        self.seedAuxiliary(
          output, gradient, self.condition(index, pass, shard),
          weights: (
            share(self.objective.classifier?.criticWeight ?? 0),
            share(self.objective.regressor?.criticWeight ?? 0)
          ), sums: isReal ? sums : nil)
      }
    }
  }

  private func criticLosses(
    _ total: UnsafeBufferPointer<Double>, batch: Int, penaltyWeight: Double
  ) throws -> CriticLosses {
    let count = Double(batch)
    var losses = CriticLosses()
    losses.realScore = total[.realScores] / count
    losses.fakeScore = total[.fakeScores] / count
    losses.wasserstein = (total[.realScores] - total[.fakeScores]) / count
    losses.penalty = penaltyWeight * (total[.penalties] / count)
    losses.classification = total[.classLosses] / count
    losses.accuracy = total[.rightClasses] / count
    losses.regression = total[.regressionErrors] / count
    losses.loss =
      (total[.realLosses] + total[.fakeLosses]) / count + losses.penalty
      + (objective.classifier?.criticWeight ?? 0) * losses.classification
      + (objective.regressor?.criticWeight ?? 0) * losses.regression
    losses.gradientNorm = try model.critic.arena.gradientSumOfSquares().squareRoot()
    return losses
  }

  /// Sums the penalty's terms and forms the direction t_i = weight * 2/B * factor_i g_i, which is
  /// the penalty's derivative with respect to g_i: see `GradientPenalty.term`.
  ///
  /// With packs B are these, and g_i is the gradient with respect to a whole one.
  private func directPenalty(_ pass: Pass, _ penalty: GradientPenalty) {
    let critic = model.critic
    let scale = penalty.stepWeight * 2 / Double(pass.batch)
    context.forEachSample(pass) { _, index, shard in
      let gradient = FloatBuffer(
        critic.inputGradient.sample(index, group: Group.points, pass, shard: shard))
      let term = penalty.term(sumOfSquares: Elementwise.sumOfSquares(gradient))
      self.sums.stepSums(ofShard: shard)[.penalties] += term.value
      Elementwise.scale(
        gradient, by: Float(scale * term.factor),
        into: critic.direction.sample(index, group: Group.points, pass, shard: shard))
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
}
