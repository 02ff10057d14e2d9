import Collectives
import Foundation
import Networks
import Recipe
import RunSupport
import Sampling
import Storage
import TestSupport
import Testing
import Training

/// Losses by hand, and gradients by differences of the losses, for every kind of objective.
@Suite struct ObjectiveTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var objective: String
    var overrides: [String] = []
    /// Class logits behind the score.
    var logits = 0
    /// Of the differences: small where a loss has kinks.
    var step: Float = 0x1p-6
    var testDescription: String { objective }
  }

  static let cases = [
    Case(objective: "{gradientPenalty: {weight: 10}}"),
    Case(objective: "{gradientPenalty: {weight: 3, sides: one}}"),
    Case(objective: "{loss: bce}"),
    Case(
      objective: "{loss: bce, criticLoss: sum, generatorLoss: saturating, "
        + "labelSmoothing: {real: [0.7, 0.9]}}"),
    Case(objective: "{loss: bce, gradientPenalty: {weight: 10}}"),
    Case(
      objective: "{gradientPenalty: {weight: 10}, auxiliaryClassifier: {generatorWeight: 0.5}}",
      overrides: ["data.classes=10", "training.generatorBatchFactor=2"], logits: 10),
    Case(
      objective: "{gradientPenalty: {weight: 10}, auxiliaryRegressor: {generatorWeight: 0.5}}",
      overrides: ["data.source=ring", "training.generatorBatchFactor=2"], logits: 2),
    // The percentage's kinks are too steep for differences; a recording has it.
    Case(
      objective: "{auxiliaryRegressor: {error: absolute}}", overrides: ["data.source=ring"],
      logits: 2, step: 0x1p-10),
    Case(objective: "{loss: bce, featureMatching: {weight: 20, layer: 4}}"),
    Case(objective: "{fakeStatistics: running}"),
    Case(objective: "{loss: hinge, gradientPenalty: {weight: 5, at: reals, target: 0}}"),
    Case(objective: "{loss: leastSquares}"),
    Case(objective: "{gradientPenalty: {weight: 5, at: fakes, target: 0, every: 2}}"),
    Case(objective: "{loss: bce, gradientPenalty: {weight: 10, at: noise}}"),
  ]

  /// Both networks without kinks, so that differences hold.
  private func smooth(_ test: Case) throws -> RunConfiguration {
    let text =
      tinyConfiguration
      .replacingOccurrences(of: "leakyReLU: {slope: 0.2}", with: "tanh")
      .replacingOccurrences(of: "- relu", with: "- tanh")
      .replacingOccurrences(
        of: "conv2d: {channels: 1, kernel: 3}",
        with: "conv2d: {channels: \(1 + test.logits), kernel: 3}"
      )
      .replacingOccurrences(
        of: "objective: {gradientPenalty: {weight: 10}}", with: "objective: \(test.objective)")
    return try configuration(test.overrides, text: text)
  }

  /// The whole critic loss and the generator's: their parameter gradients by differences of the
  /// losses.
  @Test(arguments: cases)
  func gradientsOfTheLosses(test: Case) throws {
    try expectGradientsOfTheLosses(
      smooth(test), generatorFactor: 4, criticStep: test.step, generatorStep: test.step)
  }

  /// Values from PyTorch 2.15's `binary_cross_entropy`, `..._with_logits` and their gradients, in
  /// float64.
  @Test func crossEntropyOfAScore() throws {
    let run = try configuration(
      text: tinyConfiguration.replacingOccurrences(
        of: "objective: {gradientPenalty: {weight: 10}}", with: "objective: {loss: bce}"))
    var entropy = try #require(run.objective.loss as? BinaryCrossEntropy)
    entropy.takesLogits = false
    for (p, target, value, derivative) in [
      (Float(0.25), 1.0, 1.3862943611198906, -4.0), (0.25, 0.0, 0.2876820724517809, 4.0 / 3),
      (0.75, 0.9, 0.39754336, -0.8),
    ] {
      let found = entropy.loss(p, target: target)
      expectClose(found.value, value, absolute: 1e-7, "H(\(p), \(target))")
      expectClose(found.derivative, derivative, absolute: 1e-9, "dH(\(p), \(target))")
    }
    // The logarithm is cut off, the derivative bounded, as PyTorch has them.
    #expect(entropy.loss(0, target: 1) == ScoreTerm(100, derivative: -1e12))
    #expect(entropy.loss(1, target: 0) == ScoreTerm(100, derivative: 1e12))
    entropy.probabilityClip = 0.001
    expectClose(entropy.loss(0, target: 1).value, 6.907755278982137, absolute: 1e-12, "clipped")
    #expect(entropy.loss(0, target: 1).derivative == 0)
    entropy.takesLogits = true
    for (s, target, value, derivative) in [
      (Float(0), 1.0, 0.6931471805599453, -0.5), (-200, 1, 200, -1), (200, 0.25, 150, 0.75),
      (1.5, 0, 1.7014132779827524, 0.8175744761936437),
    ] {
      let found = entropy.loss(s, target: target)
      expectClose(found.value, value, absolute: 1e-12, "logit \(s)")
      expectClose(found.derivative, derivative, absolute: 1e-12, "logit \(s)")
    }
    entropy.isSaturating = true
    let saturating = entropy.generator(1.5)
    expectClose(saturating.value, -1.7014132779827524, absolute: 1e-12, "log(1 - p)")
    expectClose(saturating.derivative, -0.8175744761936437, absolute: 1e-12, "its derivative")
  }

  /// By hand, on both sides of the margins; the sign of the generator's.
  @Test func hingeAndLeastSquaresOfAScore() throws {
    let losses = try ["hinge", "leastSquares"].map {
      try smooth(Case(objective: "{loss: \($0)}")).objective.loss
    }
    for (score, real, fake, generator) in [
      (Float(0.25), (0.75, -1.0), (1.25, 1.0), (-0.25, -1.0)), (2, (0, 0), (3, 1), (-2, -1)),
      (-1.5, (2.5, -1), (0, 0), (1.5, -1)), (1, (0, 0), (2, 1), (-1, -1)),
    ] {
      let hinge = losses[0]
      #expect(hinge.real(score, target: 0) == ScoreTerm(real.0, derivative: real.1))
      #expect(hinge.fake(score) == ScoreTerm(fake.0, derivative: fake.1))
      #expect(hinge.generator(score) == ScoreTerm(generator.0, derivative: generator.1))
    }
    let square = losses[1]
    #expect(square.real(0.25, target: 0) == ScoreTerm(0.28125, derivative: -0.75))
    #expect(square.fake(0.25) == ScoreTerm(0.03125, derivative: 0.25))
    #expect(square.generator(3) == ScoreTerm(2, derivative: 2))
    #expect(losses[0].real(.nan, target: 0).value.isNaN)
  }

  /// (|g| - 1)^2, max(0, |g| - 1)^2 and |g|^2 with their derivatives along g.
  @Test func penaltyOfAGradient() {
    let paper = GradientPenalty(weight: 10)
    #expect(paper.term(sumOfSquares: 4) == (1, 0.5))
    #expect(paper.term(sumOfSquares: 0.25) == (0.25, -1))
    #expect(paper.term(sumOfSquares: 0) == (1, 0))
    let oneSided = GradientPenalty(weight: 10, sides: .one)
    #expect(oneSided.term(sumOfSquares: 4) == (1, 0.5))
    #expect(oneSided.term(sumOfSquares: 0.25) == (0, 0))
    #expect(GradientPenalty(weight: 5, points: .reals, target: 0).term(sumOfSquares: 4) == (4, 1))
  }

  /// Every second critic step of the run, counted over iterations of three; in between nothing of
  /// the penalty is computed, and the loss has none.
  @Test func lazyPenalty() throws {
    let run = try smooth(
      Case(
        objective: "{gradientPenalty: {weight: 5, at: reals, target: 0, every: 2}}",
        overrides: ["training.criticSteps=3"]))
    let model = try run.makeModel(communicator: SoloCommunicator())
    let trainer = Trainer(model)
    let inputs = FixedInputs(batch: 12)
    let penalties = try (0..<6).map {
      try trainer.criticGradient($0 % 3, ofIteration: $0 / 3, inputs).penalty
    }
    #expect(penalties.map { $0 > 0 } == [true, false, true, false, true, false])
    // The parameters stand still, so the same penalty each time, with twice its weight.
    let always = try smooth(
      Case(objective: "{gradientPenalty: {weight: 5, at: reals, target: 0}}"))
    let eager = try Trainer(always.makeModel(communicator: SoloCommunicator()))
      .criticGradient(0, ofIteration: 0, inputs)
    #expect(penalties[0] == 2 * eager.penalty && penalties[2] == penalties[0])
    // An iteration without one of its own in the last step reports the last that it computed.
    #expect(try trainer.iterate(1, inputs).critic.penalty > 0)
  }

  /// StyleGAN2's adjustment for a penalty in every third step: c = 3 / 4.
  @Test func optimizerOfALazyPenalty() throws {
    let penalty = "{weight: 5, at: reals, target: 0, every: 3, adjustOptimizer: true}"
    let model = try smooth(Case(objective: "{gradientPenalty: \(penalty)}"))
      .makeModel(communicator: SoloCommunicator())
    let trainer = Trainer(model)
    guard case .adam(let critic) = trainer.criticOptimizer.settings.rule,
      case .adam(let generator) = trainer.generatorOptimizer.settings.rule
    else {
      Issue.record("no Adam")
      return
    }
    expectClose(critic.learningRate, 0.75e-3, absolute: 1e-12)
    expectClose(critic.beta1, 0.5946035575013605, absolute: 1e-12)
    expectClose(critic.beta2, 0.924021086472307, absolute: 1e-12)
    #expect(generator.learningRate == 1e-3 && generator.beta1 == 0.5)
  }

  /// DRAGAN's points: reals plus half their deviation times the batch's numbers.
  @Test(arguments: [1, 4]) func pointsWithNoise(shards: Int) throws {
    let run = try smooth(
      Case(
        objective: "{gradientPenalty: {at: noise}}", overrides: ["training.shards=\(shards)"]))
    let model = try run.makeModel(communicator: SoloCommunicator())
    let inputs = FixedInputs(batch: 12)
    _ = try Trainer(model).criticGradient(0, ofIteration: 0, inputs)
    let reals = (0..<12).map { sample in withOutput(784) { inputs.copyReal(sample, into: $0) } }
    let all = reals.flatMap { $0.map(Double.init) }
    let mean = all.reduce(0, +) / Double(all.count)
    let variance = all.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(all.count)
    let pass = Pass(.global(batch: 12), groups: 0..<3, plan: model.context.plan)
    for shard in 0..<model.context.plan.localShards {
      for index in 0..<pass.samples(inShard: shard) {
        let sample = pass.firstSample(inShard: shard) + index
        let noise = withOutput(784) { inputs.copyPerturbation(sample, into: $0) }
        expectClose(
          Array(model.critic.input.sample(index, group: 2, pass, shard: shard)),
          zip(reals[sample], noise).map { $0 + Float(variance.squareRoot() / 2) * $1 },
          absolute: 1e-5, "point \(sample)")
      }
    }
  }

  /// At equal outputs the loss is 2 log 2 over 2, and the equilibrium's probabilities are 1/2.
  @Test func criticOfZeros() throws {
    let run = try smooth(Case(objective: "{loss: bce}"))
    let model = try run.makeModel(communicator: SoloCommunicator())
    model.critic.arena.mutate { $0.update(repeating: 0) }
    let losses = try Trainer(model).criticGradient(
      0, ofIteration: 0, FixedInputs(batch: 12))
    expectClose(losses.loss, 0.6931471805599453, absolute: 1e-12, "loss")
    #expect(losses.realScore == 0.5 && losses.fakeScore == 0.5)
  }

  /// Two updates a critic step, the second from the first's parameters; what is reported is their
  /// mean.
  @Test func separateUpdates() throws {
    let separate = Case(objective: "{loss: bce, criticUpdates: separate}")
    let run = try smooth(separate)
    let model = try run.makeModel(communicator: SoloCommunicator())
    let trainer = Trainer(model)
    let inputs = FixedInputs(batch: 12)
    let before = try Trainer(model).criticGradient(0, ofIteration: 0, inputs)
    let first = Array(model.critic.arena.values)
    let losses = try trainer.criticStep(0, ofIteration: 0, inputs)
    #expect(trainer.criticOptimizer.step == 2)
    #expect(Array(model.critic.arena.values) != first)
    // The reals' half is that of the old parameters, the fakes' that of the moved ones.
    expectClose(losses.realScore, before.realScore, absolute: 1e-6, "D(x)")
    #expect(abs(losses.fakeScore - before.fakeScore) > 1e-5)
    #expect(losses.loss > 0 && losses.loss.isFinite)
  }

  /// Features of a network of its own: here the identity, so that D = |E x - E G(z)|^2.
  @Test func featuresOfAnotherNetwork() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/features.safetensors"
      let weight = SafetensorsEntry(name: "0.weight", shape: [3, 784])
      let values = (0..<3 * 784).map { Float($0 % 7) / 7 - 0.4 }
      _ = try SafetensorsWriter(entries: [weight], metadata: [:]).write(to: path) { _, bytes in
        values.withUnsafeBytes { bytes.copyMemory(from: $0) }
      }
      let run = try smooth(
        Case(
          objective: """
            {featureMatching: {weight: 0.1, network: {file: \(path), layers: \
            [{conv2d: {channels: 3, kernel: 28, bias: false}}]}}}
            """))
      // The file's tensor is a matrix, the layer's an image filter: refused by shape.
      #expect(
        message { _ = try run.makeModel(communicator: SoloCommunicator()) }?.contains("0.weight")
          == true)
      let filter = SafetensorsEntry(name: "0.weight", shape: [3, 1, 28, 28])
      _ = try SafetensorsWriter(entries: [filter], metadata: [:]).write(to: path) { _, bytes in
        values.withUnsafeBytes { bytes.copyMemory(from: $0) }
      }
      let model = try run.makeModel(communicator: SoloCommunicator())
      model.generator.arena.mutate { for index in $0.indices { $0[index] *= 4 } }
      let trainer = Trainer(model)
      let inputs = FixedInputs(batch: 12)
      try expectGradient(of: model.generator) {
        try trainer.generatorGradient(ofIteration: 0, inputs).loss
      }
      #expect(try trainer.generatorGradient(ofIteration: 0, inputs).featureDistance > 1)
    }
  }

  /// With a fixed generator fakes are reals with N(0, 1), and only the critic moves.
  @Test func fixedGenerator() throws {
    let run = try smooth(
      Case(objective: "{gradientPenalty: {}}", overrides: ["training.fixedGenerator=true"]))
    let model = try run.makeModel(communicator: SoloCommunicator())
    let before = Array(model.generator.arena.values)
    let trainer = Trainer(model)
    let inputs = FixedInputs(batch: 12)
    let losses = try trainer.iterate(0, inputs)
    #expect(losses.generator == GeneratorLosses())
    #expect(Array(model.generator.arena.values) == before)
    let pass = Pass(.global(batch: 12), groups: 0..<3, plan: model.context.plan)
    for shard in 0..<model.context.plan.localShards {
      for index in 0..<pass.samples(inShard: shard) {
        let sample = pass.firstSample(inShard: shard) + index
        let real = withOutput(784) { inputs.copyReal(sample, into: $0) }
        let noise = withOutput(784) { inputs.copyNoise(sample, into: $0) }
        expectSameBits(
          Array(model.critic.input.sample(index, group: 1, pass, shard: shard)),
          zip(noise, real).map { $0 + $1 }, "fake \(sample)")
      }
    }
  }

  /// The generator rests until its first iteration.
  @Test func firstGeneratorIteration() throws {
    let run = try smooth(
      Case(objective: "{}", overrides: ["training.firstGeneratorIteration=1"]))
    let model = try run.makeModel(communicator: SoloCommunicator())
    let trainer = Trainer(model)
    _ = try trainer.iterate(0, FixedInputs(batch: 12))
    #expect(trainer.generatorOptimizer.step == 0)
    _ = try trainer.iterate(1, FixedInputs(batch: 12))
    #expect(trainer.generatorOptimizer.step == 1)
  }

  @Test(arguments: [
    ("{loss: bce, criticUpdates: separate, gradientPenalty: {}}", "expected joint"),
    ("{auxiliaryClassifier: {}}", "data.classes of 2 or more"),
    ("{auxiliaryRegressor: {}}", "expected samples with a vector of numbers"),
    ("{auxiliaryRegressor: {error: relative}}", "one of squared, absolute, absolutePercentage"),
    ("{featureMatching: {layer: 99}}", "featureMatching.layer below"),
    ("{loss: bce, labelSmoothing: {real: [0.9, 0.5]}}", "low <= high"),
    ("{loss: hinged}", "did you mean 'hinge'?"),
    ("{gradientPenalty: {target: 0, sides: one}}", "expected two with target 0"),
    ("{gradientPenalty: {adjustOptimizer: true}}", "expected every of 2 or more"),
    ("{featureMatching: {layer: 3}}", "take layer 4"),
  ])
  func refused(objective: String, expected: String) throws {
    let found = message {
      _ = try smooth(Case(objective: objective)).makeModel(communicator: SoloCommunicator())
    }
    #expect(found?.contains(expected) == true, "\(found ?? "nothing")")
  }
}
