import Base
import Collectives
import Kernels
import Networks

/// What a step sends through the networks.
extension Trainer {
  /// The conditions of a step's samples: once, for all passes of the step.
  func fillConditions(_ batch: some Batch) {
    guard let conditions else { return }
    let pass = Pass(.global(batch: batch.count), groups: 0..<1, plan: context.plan)
    context.forEachSample(pass) { sample, index, shard in
      batch.copyCondition(
        sample, into: conditions.sample(index, group: 0, pass, shard: shard))
    }
  }

  /// Gives the generator the conditions of the step's samples.
  private func copyConditionsToGenerator(_ pass: Pass) {
    guard let target = model.generator.conditions, let conditions else { return }
    context.forEachSample(pass) { _, index, shard in
      target.sample(index, group: 0, pass, shard: shard)
        .copy(from: conditions.sample(index, group: 0, pass, shard: shard))
    }
  }

  /// G(z) in the generator's output.
  ///
  /// - Parameters:
  ///   - batch: The noise.
  ///   - draw: Where layers that draw take their numbers from.
  ///   - mode: What batch norm normalizes with.
  /// - Returns: The pass, for a backward pass of a generator step.
  /// - Throws: Where an exchange between ranks fails.
  @discardableResult
  func generate(
    _ batch: some Batch, _ draw: PassDraw, mode: Pass.Mode = .training
  ) throws -> Pass {
    let generator = model.generator
    let pass = Pass(
      .global(batch: batch.count), groups: 0..<1, mode: mode, lastContribution: .backward,
      draw: draw, plan: context.plan)
    context.forEachSample(pass) { sample, index, shard in
      batch.copyNoise(sample, into: generator.input.sample(index, group: 0, pass, shard: shard))
    }
    copyConditionsToGenerator(pass)
    try generator.forward(pass)
    return pass
  }

  /// The fakes of a critic step in the critic's input: G(z), or with a fixed generator reals with
  /// noise: fake i = real i + N(0, 1), as in the paper's toy figures.
  ///
  /// The reals are in the critic's input already.
  ///
  /// - Parameters:
  ///   - pass: The critic's.
  ///   - batch: The noise.
  ///   - draw: Where layers that draw take their numbers from.
  /// - Throws: Where an exchange between ranks fails.
  func fillFakes(_ pass: Pass, _ batch: some Batch, _ draw: PassDraw) throws {
    guard hasFixedGenerator else {
      try generate(
        batch, draw, mode: objective.fakesUseRunningStatistics ? .evaluation : .training)
      return criticInput.fill(group: Group.fakes, pass, from: model.generator.output, draw)
    }
    let input = model.critic.input
    criticInput.fill(group: Group.fakes, pass) { sample, index, shard, fake in
      let real = input.sample(index, group: Group.reals, pass, shard: shard)
      batch.copyNoise(sample, into: fake)
      Elementwise.add(FloatBuffer(real), to: fake)
    }
  }

  /// The reals in the critic's input.
  ///
  /// - Parameters:
  ///   - pass: The critic's.
  ///   - batch: The reals.
  ///   - draw: Of the step.
  func fillReals(_ pass: Pass, _ batch: some Batch, _ draw: PassDraw) {
    criticInput.fill(group: Group.reals, pass, augmented: (.reals, draw)) { sample, _, _, real in
      batch.copyReal(sample, into: real)
    }
  }

  /// The conditions and the penalty's points of a critic step in the critic's input, or of
  /// interpolates their weights alone.
  ///
  /// Reals and fakes are there already, augmented: points lie between what the critic sees. Packs
  /// of reals and of fakes are mixed as wholes, with one weight.
  func fillCritic(_ pass: Pass, _ batch: some Batch, _ penalty: GradientPenalty?) throws {
    if let conditions { criticInput.copyConditions(conditions, pass) }
    guard let penalty else { return }
    if let mixtureWeights {
      return context.forEachSample(pass) { sample, index, shard in
        mixtureWeights.sample(index, group: 0, pass, shard: shard)[0] =
          batch.interpolationWeight(sample)
      }
    }
    let input = model.critic.input
    if penalty.points == .noise {
      criticInput.fill(group: Group.points, pass) { sample, _, _, point in
        batch.copyPerturbation(sample, into: point)
      }
    }
    let deviation = penalty.points == .noise ? try realDeviation(pass) : 0
    context.forEachSample(pass) { sample, index, shard in
      let real = FloatBuffer(input.sample(index, group: Group.reals, pass, shard: shard))
      let fake = FloatBuffer(input.sample(index, group: Group.fakes, pass, shard: shard))
      let point = input.sample(index, group: Group.points, pass, shard: shard)
      switch penalty.points {
      case .interpolates:
        Elementwise.interpolate(
          real, fake, weight: batch.interpolationWeight(sample), into: point)
      case .reals: _ = point.update(fromContentsOf: real)
      case .fakes: _ = point.update(fromContentsOf: fake)
      case .noise:
        Elementwise.scale(FloatBuffer(point), by: Float(deviation / 2), into: point)
        Elementwise.add(real, to: point)
      }
    }
  }

  /// The deviation of all values of the reals in the critic's input from their mean, over the
  /// global batch.
  private func realDeviation(_ pass: Pass) throws -> Double {
    let input = model.critic.input
    sums.clear()
    context.forEachSample(pass) { _, index, shard in
      let sums = self.sums.stepSums(ofShard: shard)
      for value in input.sample(index, group: Group.reals, pass, shard: shard) {
        sums[.realValues] += Double(value)
        sums[.realSquares] += Double(value) * Double(value)
      }
    }
    let total = try sums.total(count: StepSum.count)
    let count = Double(pass.batch * input.shape.elementCount)
    let mean = total[.realValues] / count
    return max(0, total[.realSquares] / count - mean * mean).squareRoot()
  }
}
