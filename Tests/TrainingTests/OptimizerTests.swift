import Collectives
import Configuration
import Foundation
import Kernels
import Networks
import RunSupport
import Sampling
import TestSupport
import Testing
import Training

@Suite struct OptimizerTests {
  private func settings(_ critic: String) throws -> OptimizerSettings {
    try configuration(text: tinyConfiguration(critic: critic)).setup.criticOptimizer
  }

  @Test func settingsAndDefaults() throws {
    let hat = Adam(learningRate: 2e-4, beta1: 0.5, epsilon: 1e-7, epsilonForm: .hat)
    #expect(
      try settings("adam: {learningRate: 2.0e-4, beta1: 0.5, epsilon: 1.0e-7, epsilonForm: hat}")
        == .adam(hat))
    #expect(
      try settings("rmsprop: {learningRate: 5.0e-5}")
        == OptimizerSettings(
          .rmsprop(RMSprop(learningRate: 5e-5, alpha: 0.99, epsilon: 1e-8, momentum: 0))))
    for (form, epsilon) in [(RMSprop.Form.tensorflow, 1e-10), (.keras, 1e-7)] {
      #expect(
        try settings("rmsprop: {learningRate: 0.1, form: \(form.rawValue)}")
          == OptimizerSettings(
            .rmsprop(RMSprop(learningRate: 0.1, alpha: 0.9, epsilon: epsilon, form: form))))
    }
    #expect(
      try settings("sgd: {learningRate: 0.1}") == OptimizerSettings(.sgd(SGD(learningRate: 0.1))))
    #expect(
      try settings("sgd: {learningRate: 0.1, momentum: 0.9, nesterov: true}")
        == OptimizerSettings(.sgd(SGD(learningRate: 0.1, momentum: 0.9, isNesterov: true))))
    for (schedule, expected) in [
      ("constant", LearningRateSchedule.constant),
      ("{linear: {steps: 100000}}", .linear(steps: 100_000)),
      ("{linear: {steps: 10, from: 5}}", .linear(steps: 10, start: 5)),
      ("{polynomial: {steps: 10}}", .polynomial(steps: 10)),
      ("{polynomial: {steps: 9, power: 2, end: 0.5}}", .polynomial(steps: 9, power: 2, end: 0.5)),
      ("{exponential: {every: 4, factor: 0.5}}", .exponential(every: 4, factor: 0.5)),
    ] {
      let found = try settings("sgd: {learningRate: 0.1, learningRateSchedule: \(schedule)}")
      #expect(found == OptimizerSettings(.sgd(SGD(learningRate: 0.1)), schedule: expected))
    }
  }

  @Test(arguments: [
    ("adm: {learningRate: 0.1}", "did you mean 'adam'?"),
    ("rmsprop: {learningRate: 0.1, form: tensorflw}", "did you mean 'tensorflow'?"),
    ("adam: {learningRate: 0.1, epsilonForm: hut}", "did you mean 'hat'?"),
    ("rmsprop: {learningRate: 0.1, beta1: 0.5}", "optimizer.critic.rmsprop.beta1"),
    ("rmsprop: {}", "optimizer.critic.rmsprop.learningRate: missing"),
    ("sgd: {learningRate: 0.1, momentum: 1}", "optimizer.critic.sgd.momentum"),
    ("sgd: {learningRate: 0.1, nesterov: true}", "expected a momentum above 0 with it"),
    ("sgd: {learningRate: 0.1, learningRateSchedule: linaer}", "did you mean 'linear'?"),
    ("sgd: {learningRate: 0.1, learningRateSchedule: linear}", "linear.steps: missing"),
    ("sgd: {learningRate: 0.1, learningRateSchedule: {linear: {steps: 0}}}", "linear.steps"),
    (
      "sgd: {learningRate: 0.1, learningRateSchedule: {linear: {steps: 5, power: 2}}}",
      "linear.power"
    ),
    (
      "sgd: {learningRate: 0.1, learningRateSchedule: {exponential: {every: 5, factor: 2}}}",
      "exponential.factor"
    ),
  ])
  func faults(critic: String, expected: String) {
    let found = message { _ = try settings(critic) }
    #expect(found?.contains(expected) == true, "\(found ?? "no error")")
  }

  @Test func schedules() {
    let rates = { (schedule: LearningRateSchedule, iterations: [Int]) in
      iterations.map { schedule.rate(8, iteration: $0) }
    }
    #expect(rates(.constant, [0, 5, 1_000_000]) == [8, 8, 8])
    // lr * max(0, 1 - it / steps)
    #expect(rates(.linear(steps: 4), [0, 1, 3, 4, 5]) == [8, 6, 2, 0, 0])
    #expect(rates(.linear(steps: 4, start: 10), [0, 10, 11, 13, 14, 20]) == [8, 8, 6, 2, 0, 0])
    // (lr - end) * (1 - it / steps)^power + end
    #expect(rates(.polynomial(steps: 4), [0, 1, 3, 4, 9]) == [8, 6, 2, 0, 0])
    #expect(
      rates(.polynomial(steps: 4, power: 2, end: 4), [0, 1, 2, 4, 9]) == [8, 6.25, 5, 4, 4])
    #expect(rates(.exponential(every: 3, factor: 0.5), [0, 2, 3, 5, 6, 9]) == [8, 8, 4, 4, 2, 1])
    // The published decay at its thousandth iteration and at its end.
    let published = LearningRateSchedule.linear(steps: 100_000)
    expectClose(published.rate(2e-4, iteration: 1000), 1.98e-4, absolute: 1e-18)
    #expect(published.rate(2e-4, iteration: 100_000) == 0)
  }

  /// The names of the state, as PyTorch has them.
  @Test func stateFollowsTheSettings() throws {
    for (critic, names) in [
      ("adam: {learningRate: 0.1}", ["exp_avg", "exp_avg_sq"]),
      ("rmsprop: {learningRate: 0.1}", ["square_avg"]),
      ("rmsprop: {learningRate: 0.1, momentum: 0.5}", ["square_avg", "momentum_buffer"]),
      ("sgd: {learningRate: 0.1}", []),
      ("sgd: {learningRate: 0.1, momentum: 0.5}", ["momentum_buffer"]),
    ] {
      let session = try Session(text: tinyConfiguration(critic: critic))
      #expect(session.trainer.criticOptimizer.moments.map(\.name) == names)
      #expect(session.trainer.criticOptimizer.moments.allSatisfy { $0.values.buffer.max() == 0 })
    }
    let ones = try Session(
      text: tinyConfiguration(critic: "rmsprop: {learningRate: 0.1, form: tensorflow}"))
    #expect(ones.trainer.criticOptimizer.moments[0].values.buffer.allSatisfy { $0 == 1 })
  }

  /// The update takes the network's gradient, and the rate of its iteration, not of its step.
  @Test(arguments: [
    "adam: {learningRate: 0.25, epsilonForm: hat", "rmsprop: {learningRate: 0.25",
    "rmsprop: {learningRate: 0.25, form: tensorflow, momentum: 0.5", "sgd: {learningRate: 0.25",
    "sgd: {learningRate: 0.25, momentum: 0.5",
  ])
  func ratesAreThoseOfTheIteration(critic: String) throws {
    let schedule = ", learningRateSchedule: {linear: {steps: 4, from: 2}}}"
    let moved = { (text: String, iteration: Int) throws -> [Float] in
      let session = try Session(text: tinyConfiguration(critic: text))
      let network = session.trainer.model.critic
      network.arena.mutate { $0.update(repeating: 0) }
      _ = try session.trainer.criticGradient(
        0, ofIteration: 0, session.inputs.criticBatch(0, ofIteration: 0))
      // All zeros has gradients of zero but for the last bias: something to go along.
      network.layers[0].parameters[0].partial(shard: 0).update(repeating: 0.5)
      try session.trainer.criticOptimizer.update(iteration: iteration)
      return Array(network.arena.values)
    }
    let full = try moved(critic + "}", 100)
    #expect((full.max() ?? 0) - (full.min() ?? 0) > 1e-3)
    for (iteration, factor) in [(0, 1.0), (2, 1), (3, 0.75), (5, 0.25), (6, 0)] {
      expectClose(
        try moved(critic + schedule, iteration), full.map { Double($0) * factor }, absolute: 1e-6,
        "iteration \(iteration)")
    }
  }

  /// The trainer counts iterations: with two critic steps each, the critic's third step has the
  /// rate of iteration 1, and where that is 0 nothing moves any more.
  @Test func trainerCountsIterations() throws {
    let session = try Session(
      text: tinyConfiguration(
        critic: "sgd: {learningRate: 1.0e-3, learningRateSchedule: {linear: {steps: 1}}}"))
    let critic = session.trainer.model.critic
    let start = Array(critic.arena.values)
    _ = try session.trainer.iterate(0, session.inputs)
    let first = Array(critic.arena.values)
    #expect(first != start)
    _ = try session.trainer.iterate(1, session.inputs)
    #expect(session.trainer.criticOptimizer.step == 4)
    expectSameBits(Array(critic.arena.values), first)
    // Both steps of iteration 0 were taken at the full rate: the same as without a schedule.
    let constant = try Session(text: tinyConfiguration(critic: "sgd: {learningRate: 1.0e-3}"))
    _ = try constant.trainer.iterate(0, constant.inputs)
    expectSameBits(Array(constant.trainer.model.critic.arena.values), first)
  }

  // MARK: - Clipping

  @Test func weightClipSettings() throws {
    let read = { (text: String) throws -> WeightClip in
      let document = try ConfigurationDocument(text: text, name: "clip.yaml")
      return try WeightClip(document.root().section("weightClip"))
    }
    #expect(try read("weightClip: {}") == WeightClip(limit: 0.01, parameters: .all))
    #expect(
      try read("weightClip: {limit: 0.5, parameters: weights}")
        == WeightClip(limit: 0.5, parameters: .weights))
    for (text, expected) in [
      ("weightClip: {limit: 0}", "weightClip.limit"),
      ("weightClip: {parameters: weihgts}", "did you mean 'weights'?"),
    ] {
      let found = message { _ = try read(text) }
      #expect(found?.contains(expected) == true, "\(found ?? "no error")")
    }
  }

  /// `all` clips norm's factors and every bias, `weights` only what has more than one dimension.
  @Test(arguments: [WeightClip.Scope.all, .weights]) func weightClip(scope: WeightClip.Scope) throws
  {
    let session = try Session()
    let critic = session.trainer.model.critic
    critic.arena.mutate { for index in $0.indices { $0[index] = index % 2 == 0 ? 2 : -0.005 } }
    WeightClip(limit: 0.01, parameters: scope).apply(to: critic)
    var names: [String] = []
    for (name, parameter) in critic.namedParameters {
      let expected: Float = scope == .all || parameter.shape.count > 1 ? 0.01 : 2
      #expect(parameter.values.max() == expected, "\(name)")
      #expect(parameter.values.count == 1 || parameter.values.min() == -0.005, "\(name)")
      if parameter.values.max() == 0.01 { names.append(name) }
    }
    let weights = ["main.0.weight", "main.2.weight", "main.5.weight"]
    let rest = ["main.0.bias", "main.2.bias", "main.3.weight", "main.3.bias", "main.5.bias"]
    #expect(Set(names) == Set(scope == .all ? weights + rest : weights))
    // Running statistics are no parameters.
    #expect(critic.layers[3].buffers[1].values.buffer.allSatisfy { $0 == 1 })
  }

  // MARK: - The average of G

  @Test func averageFollowsItsDefinition() throws {
    let session = try Session(["training.generatorAverage.decay=0.75"])
    let generator = session.trainer.model.generator
    let average = try #require(session.trainer.generatorAverage)
    var expected = generator.arena.values.map(Double.init)
    for iteration in 0..<3 {
      _ = try session.trainer.iterate(iteration, session.inputs)
      expected = zip(expected, generator.arena.values).map {
        0.75 * $0 + 0.25 * Double($1)
      }
    }
    expectClose(average.values.buffer, expected, absolute: 1e-7)
    #expect(difference(generator.arena.values, expected, absolute: 1e-3, relative: 0) != nil)
  }

  /// Before its first iteration the average is the generator itself.
  @Test func averageBeginsLater() throws {
    let session = try Session([
      "training.generatorAverage.decay=0.75", "training.generatorAverage.startIteration=2",
    ])
    let generator = session.trainer.model.generator
    let average = try #require(session.trainer.generatorAverage)
    for iteration in 0..<3 {
      _ = try session.trainer.iterate(iteration, session.inputs)
      #expect(
        (Array(average.values.buffer) == Array(generator.arena.values)) == (iteration < 2))
    }
  }

  @Test func averageSettings() throws {
    #expect(try configuration().training.generatorAverage == nil)
    let text = tinyConfiguration.replacingOccurrences(
      of: "iterations: 4}", with: "iterations: 4, generatorAverage: {}}")
    #expect(
      try configuration(text: text).training.generatorAverage
        == WeightAverage.Settings(decay: 0.9999, startIteration: 0))
    let one = message { _ = try configuration(["training.generatorAverage.decay=1"]) }
    #expect(one?.contains("training.generatorAverage.decay") == true, "\(one ?? "")")
  }

  /// Samples are those of a generator with the averaged parameters; training does not notice.
  @Test func samplesComeFromTheAverage() throws {
    let session = try Session(["training.generatorAverage.decay=0.75"])
    for iteration in 0..<3 { _ = try session.trainer.iterate(iteration, session.inputs) }
    let trainer = session.trainer
    let average = try #require(trainer.generatorAverage)
    let images = { (average: WeightAverage?) throws -> [Float] in
      let generator = SampleGenerator(trainer.model, session.configuration, average: average)
      return try generator.images(generator.layout(count: 5, columns: 5))
    }
    let before = try session.state()
    let averaged = try images(average)
    expectSameBits(try session.state(), before)
    let own = try images(nil)
    #expect(difference(averaged, own, absolute: 1e-4, relative: 0) != nil)
    // By hand, with the running statistics as they are.
    trainer.model.generator.arena.mutate {
      _ = $0.update(fromContentsOf: average.values.buffer)
    }
    expectSameBits(try images(nil), averaged)
  }
}
