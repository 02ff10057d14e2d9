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
    Case(objective: "{loss: bce, featureMatching: {weight: 20, layer: 4}}"),
    Case(objective: "{fakeStatistics: running}"),
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
    let inputs = FixedInputs(batch: 12)
    let run = try smooth(test)
    let model = try run.makeModel(communicator: SoloCommunicator())
    let trainer = Trainer(model)
    // Weights of DCGAN's size leave next to no gradient.
    for index in 0..<model.generator.arena.count { model.generator.arena.values.buffer[index] *= 4 }
    try expectGradient(of: model.critic) {
      try trainer.criticGradient(0, ofIteration: 0, inputs).loss
    }
    try expectGradient(of: model.generator) {
      try trainer.generatorGradient(ofIteration: 0, inputs).loss
    }
  }

  private func expectGradient(of network: Network, loss: () throws -> Double) throws {
    _ = try loss()
    let gradient = Array(network.arena.gradient)
    let point = Array(network.arena.values.buffer)
    let length = dot(gradient, gradient).squareRoot()
    var data = TestData(seed: 8)
    for _ in 0..<3 {
      let random = data.normals(point.count)
      // Gaps have no parameter: moving them must not matter, so they need no care.
      let randomLength = dot(random, random).squareRoot()
      let direction = zip(gradient, random).map {
        Float(Double($0) / length + Double($1) / randomLength)
      }
      let expected = try directionalDerivative(at: point, along: direction, step: 0x1p-6) {
        moved in
        _ = network.arena.values.buffer.update(fromContentsOf: moved)
        return try loss()
      }
      _ = network.arena.values.buffer.update(fromContentsOf: point)
      expectClose(dot(gradient, direction), expected, absolute: 2e-3 * length, network.name)
    }
    #expect(length > 1e-3, "\(network.name)")
  }

  /// Values from PyTorch 2.15's `binary_cross_entropy`, `..._with_logits` and their gradients, in
  /// float64.
  @Test func crossEntropyOfAScore() throws {
    let run = try configuration(
      text: tinyConfiguration.replacingOccurrences(
        of: "objective: {gradientPenalty: {weight: 10}}", with: "objective: {loss: bce}"))
    guard case .binaryCrossEntropy(var entropy) = run.objective.loss else {
      Issue.record("no cross-entropy")
      return
    }
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
    #expect(entropy.loss(0, target: 1) == (100, -1e12))
    #expect(entropy.loss(1, target: 0) == (100, 1e12))
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
    let saturating = entropy.generatorLoss(1.5)
    expectClose(saturating.value, -1.7014132779827524, absolute: 1e-12, "log(1 - p)")
    expectClose(saturating.derivative, -0.8175744761936437, absolute: 1e-12, "its derivative")
  }

  /// At equal outputs the loss is 2 log 2 over 2, and the equilibrium's probabilities are 1/2.
  @Test func criticOfZeros() throws {
    let run = try smooth(Case(objective: "{loss: bce}"))
    let model = try run.makeModel(communicator: SoloCommunicator())
    model.critic.arena.values.buffer.update(repeating: 0)
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
    let first = Array(model.critic.arena.values.buffer)
    let losses = try trainer.criticStep(0, ofIteration: 0, inputs)
    #expect(trainer.criticOptimizer.step == 2)
    #expect(Array(model.critic.arena.values.buffer) != first)
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
      for index in 0..<model.generator.arena.count {
        model.generator.arena.values.buffer[index] *= 4
      }
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
    let before = Array(model.generator.arena.values.buffer)
    let trainer = Trainer(model)
    let inputs = FixedInputs(batch: 12)
    let losses = try trainer.iterate(0, inputs)
    #expect(losses.generator == GeneratorLosses())
    #expect(Array(model.generator.arena.values.buffer) == before)
    let pass = Pass(.global(batch: 12), groups: 0..<3, plan: model.context.plan)
    for shard in 0..<model.context.plan.localShards {
      for index in 0..<pass.samples(inShard: shard) {
        let sample = pass.firstSample(inShard: shard) + index
        let real = withOutput(784) { inputs.fillReal(sample, $0) }
        let noise = withOutput(784) { inputs.fillNoise(sample, $0) }
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
    ("{featureMatching: {layer: 99}}", "featureMatching.layer below"),
    ("{loss: bce, labelSmoothing: {real: [0.9, 0.5]}}", "low <= high"),
    ("{loss: hinge}", "bce"),
    ("{featureMatching: {layer: 3}}", "take layer 4"),
  ])
  func refused(objective: String, expected: String) throws {
    let found = message {
      _ = try smooth(Case(objective: objective)).makeModel(communicator: SoloCommunicator())
    }
    #expect(found?.contains(expected) == true, "\(found ?? "nothing")")
  }
}
