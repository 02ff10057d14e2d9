import Collectives
import Networks
import RunSupport
import TestSupport
import Testing
import Training

@Suite struct TrainerTests {
  /// One critic step's losses, by hand: the noise, reals and weights as documented, the critic's
  /// scores as network outputs, the penalty's gradient by differences of the scores.
  @Test(arguments: [true, false])
  func criticLosses(couplesSamples: Bool) throws {
    // Without norm in the critic a sample's score is its own.
    let text =
      couplesSamples
      ? tinyConfiguration
      : tinyConfiguration.replacingOccurrences(
        of: "    - batchNorm\n    - leakyReLU", with: "    - tanh\n    - leakyReLU")
    let run = try configuration(["training.threads=1"], text: text)
    let model = try run.makeModel(communicator: SoloCommunicator())
    let trainer = Trainer(model)
    let inputs = FixedInputs(batch: 12)
    let losses = try trainer.criticGradient(0, ofIteration: 0, inputs)

    // A second model of the same parameters, driven by hand.
    let other = try run.makeModel(communicator: SoloCommunicator())
    let plan = other.context.plan
    let single = Pass(.global(batch: 12), groups: 0..<1, plan: plan)
    each(plan) { shard, index, sample in
      inputs.copyNoise(
        sample, into: other.generator.input.sample(index, group: 0, single, shard: shard))
    }
    try other.generator.forward(single)
    var fakes: [[Float]] = []
    each(plan) { shard, index, _ in
      fakes.append(Array(other.generator.output.sample(index, group: 0, single, shard: shard)))
    }
    let reals = (0..<12).map { sample in withOutput(784) { inputs.copyReal(sample, into: $0) } }
    let mixed = (0..<12).map { i in
      let a = inputs.interpolationWeight(i)
      return zip(reals[i], fakes[i]).map { a * $0 + (1 - a) * $1 }
    }
    let scores = { (images: [[Float]]) throws -> [Double] in
      self.each(plan) { shard, index, sample in
        _ = other.critic.input.sample(index, group: 0, single, shard: shard)
          .update(fromContentsOf: images[sample])
      }
      try other.critic.forward(single)
      var scores: [Double] = []
      self.each(plan) { shard, index, _ in
        scores.append(Double(other.critic.output.sample(index, group: 0, single, shard: shard)[0]))
      }
      return scores
    }
    let real = try scores(reals).reduce(0, +) / 12
    let fake = try scores(fakes).reduce(0, +) / 12
    expectClose(losses.wasserstein, real - fake, absolute: 1e-5, "W")
    expectClose(losses.loss, -losses.wasserstein + losses.penalty, absolute: 1e-9, "loss")

    // The critic's gradient at the interpolates, by the first-order pass that other tests prove.
    _ = try scores(mixed)
    each(plan) { shard, index, _ in
      other.critic.outputGradient.sample(index, group: 0, single, shard: shard)[0] = 1
    }
    try other.critic.backward(single, inputGroups: 0..<1)
    var penalty = 0.0
    each(plan) { shard, index, _ in
      let g = other.critic.inputGradient.sample(index, group: 0, single, shard: shard)
      let norm = dot(g, g).squareRoot()
      penalty += 10 * (norm - 1) * (norm - 1) / 12
    }
    expectClose(losses.penalty, penalty, absolute: 1e-6, relative: 1e-5, "penalty")
    #expect(losses.penalty > 0.01)
    let gradient = trainer.model.critic.arena.gradient
    expectClose(
      losses.gradientNorm, dot(gradient, gradient).squareRoot(), absolute: 1e-9, relative: 1e-9)
  }

  private func each(_ plan: ShardPlan, _ body: (_ shard: Int, _ index: Int, _ sample: Int) -> Void)
  {
    for shard in 0..<plan.localShards {
      for (index, sample) in plan.samples(localShard: shard, batch: 12).enumerated() {
        body(shard, index, sample)
      }
    }
  }

  /// Threads never show, ranks never show.
  @Test func threadsAndRanksDoNotShow() throws {
    try expectThreadsAndRanksDoNotShow()
  }

  /// Shards change the order of sums only; another seed changes everything.
  @Test func shardsChangeLittle() throws {
    let state = { (overrides: [String]) throws -> [Float] in
      try trainedState(
        overrides + ["optimizer.critic.adam.epsilon=0.1", "optimizer.generator.adam.epsilon=0.1"],
        iterations: 2)
    }
    let four = try state([])
    for shards in [1, 3, 12] {
      // Gradients that are 0 but for rounding (a bias before batch norm) are in the moments too.
      expectClose(
        try state(["training.shards=\(shards)"]), four, absolute: 5e-5, relative: 1e-4,
        "\(shards) shards")
    }
    #expect(difference(try state(["seed=4"]), four, absolute: 1e-3, relative: 1e-2) != nil)
  }

  /// A critic of zeros has gradient 0 at the interpolates: the penalty is its weight, and no NaN
  /// arises.
  @Test func zeroGradientIsNoNaN() throws {
    let session = try Session()
    let critic = session.trainer.model.critic
    critic.arena.mutate { $0.update(repeating: 0) }
    let losses = try session.trainer.criticGradient(
      0, ofIteration: 0, session.inputs.criticBatch(0, ofIteration: 0))
    #expect(losses.penalty == 10)
    #expect(losses.wasserstein == 0)
    #expect(critic.arena.gradient.allSatisfy { $0.isFinite })
    // Only the last bias could have moved the scores, and -1/B of the reals cancels 1/B of the
    // fakes.
    #expect(losses.gradientNorm < 1e-6)
  }

  /// A NaN ends training on all ranks, naming the step, before a parameter moves.
  @Test func notANumberStops() throws {
    for (network, step) in [
      (0, "critic step 1 of iteration 6"), (1, "critic step 1 of iteration 6"),
    ] {
      let errors = ThreadedCommunicator.results(ranks: 2) { communicator -> Bool in
        let session = try Session(communicator: communicator)
        let model = session.trainer.model
        let damaged = network == 0 ? model.generator : model.critic
        damaged.arena.mutate { $0[0] = -.nan }
        let before = Array(model.critic.arena.values.map(\.bitPattern))
        do {
          _ = try session.trainer.iterate(5, session.inputs)
        } catch {
          #expect(Array(model.critic.arena.values.map(\.bitPattern)) == before)
          #expect(session.trainer.criticOptimizer.step == 0)
          throw error
        }
        return true
      }
      #expect(errors.count == 2)
      for error in errors {
        let text = message { _ = try error.get() }
        #expect(text?.contains(step) == true && text?.contains("diverged") == true, "\(text ?? "")")
        #expect(text?.contains(" is nan;") == true, "\(text ?? "")")
      }
    }
  }

  /// Without a penalty there are no interpolates.
  @Test func noPenalty() throws {
    let text = tinyConfiguration.replacingOccurrences(
      of: "objective: {gradientPenalty: {weight: 10}}", with: "objective: {}")
    let run = try configuration(text: text)
    let model = try run.makeModel(communicator: SoloCommunicator())
    let losses = try Trainer(model).criticGradient(
      0, ofIteration: 0, FixedInputs(batch: 12))
    #expect(losses.penalty == 0)
    #expect(losses.loss == -losses.wasserstein)
    #expect(losses.gradientNorm > 0)
  }

  /// Batches smaller than the number of shards: some shards are empty.
  @Test func smallLastBatch() throws {
    let train = { @Sendable (communicator: any Communicator) throws -> [Float] in
      let session = try Session(communicator: communicator)
      let inputs = FixedInputs(batch: 3)
      _ = try session.trainer.iterate(0, inputs)
      return try session.state()
    }
    let alone = try train(SoloCommunicator())
    #expect(alone.allSatisfy { $0.isFinite })
    for state in try ThreadedCommunicator.run(ranks: 4, train) { expectSameBits(state, alone) }
  }
}
