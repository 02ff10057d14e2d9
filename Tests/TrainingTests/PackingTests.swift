import Base
import Collectives
import Foundation
import Networks
import Recipe
import RunSupport
import Sampling
import TestSupport
import Testing
import Training

/// Samples side by side in the critic's input (PacGAN).
@Suite struct PackingTests {
  /// Pictures and their classes, so that packs are interleaved and have labels.
  private static func pictures(channels: Int) -> String {
    var text = tinyConfiguration
    for (old, new) in [
      ("leakyReLU: {slope: 0.2}", "tanh"), ("- relu", "- tanh"),
      ("lastBatch: keep", "lastBatch: drop"),
      ("data: {source: glyphs, count: 30}", "data: {source: glyphs, count: 30, classes: 10}"),
      ("convTranspose2d: {channels: 1,", "convTranspose2d: {channels: \(channels),"),
      (
        "  - conv2d: {channels: width,",
        "  - labelConcat: {embedding: 2}\n  - labelConcat\n"
          + "  - conv2d: {channels: width,"
      ),
      ("critic:\n", "critic:\n  pack: 3\n"),
    ] {
      text = text.replacingOccurrences(of: old, with: new)
    }
    return text
  }

  /// Of two channels.
  private func pictures(_ overrides: [String] = []) throws -> RunConfiguration {
    try configuration(overrides, text: Self.pictures(channels: 2))
  }

  /// Points with two numbers each; the critic is one linear layer, or told the numbers too.
  private func points(_ layers: String, _ overrides: [String] = []) throws -> RunConfiguration {
    try configuration(
      [
        "critic.layers=\(layers)", "critic.pack=2", "objective={gradientPenalty: {weight: 10}}",
        "training.lastBatch=drop", "training.shards=2",
      ] + overrides, text: ConditionedTrainingTests.text)
  }

  /// With the penalty of whole packs, whose second derivatives go through layers and labels.
  @Test(arguments: ["{gradientPenalty: {weight: 10}}", "{gradientPenalty: {at: noise}}"])
  func gradientsOfTheLosses(objective: String) throws {
    // A pack's penalty is steep.
    try expectGradientsOfTheLosses(
      pictures(["objective=\(objective)"]), generatorFactor: 4, criticStep: 0x1p-8)
  }

  @Test func gradientsWithNumbersAndInnerFeatures() throws {
    let layers =
      "[{conditionConcat: {numbers: [1], layers: [{linear: {outputs: 3}}, swish]}}, "
      + "{linear: {outputs: 6}}, tanh, conditionConcat, {linear: {outputs: 5}}, softplus, "
      + "{linear: {outputs: 1}}]"
    let run = try points(
      layers,
      ["objective={gradientPenalty: {weight: 10}, featureMatching: {weight: 3, layer: 2}}"])
    try expectGradientsOfTheLosses(run, criticFactor: 2)
  }

  /// Reals of a pack are neighbours of the batch, their channels one behind the other; a pack's
  /// point has one weight, and its members their own classes.
  @Test(arguments: [1, 2, 4]) func inputsOfTheCritic(shards: Int) throws {
    let model = try pictures(["training.shards=\(shards)"]).makeModel(
      communicator: SoloCommunicator())
    let inputs = FixedInputs(batch: 12)
    _ = try Trainer(model).criticGradient(0, ofIteration: 0, inputs)
    let plan = model.context.plan
    let pass = Pass(.global(batch: 4), groups: 0..<3, plan: plan)
    let conditions = try #require(model.critic.conditions)
    var seen = 0
    for shard in 0..<plan.localShards {
      for index in 0..<pass.samples(inShard: shard) {
        let pack = pass.firstSample(inShard: shard) + index
        let groups = (0..<3).map {
          Array(model.critic.input.sample(index, group: $0, pass, shard: shard))
        }
        for member in 0..<3 {
          let sample = 3 * pack + member
          let real = withOutput(28 * 28 * 2) { inputs.copyReal(sample, into: $0) }
          for (pixel, channel) in [(0, 0), (5, 1), (783, 1)] {
            #expect(groups[0][pixel * 6 + member * 2 + channel] == real[pixel * 2 + channel])
          }
          let label = conditions.sample(index, group: 2, pass, shard: shard, member: member).label
          #expect(label == sample % 3)
        }
        let weight = Float(pack) / 13
        expectClose(
          groups[2], zip(groups[0], groups[1]).map { weight * $0 + (1 - weight) * $1 },
          absolute: 1e-5, "point \(pack)")
        seen += 1
      }
    }
    #expect(seen == 4)
  }

  /// The norm is over the whole pack, the mean over packs: for a linear critic all by hand.
  @Test func thePenaltyIsOfWholePacks() throws {
    let model = try points("[conditionConcat, {linear: {outputs: 1}}]").makeModel(
      communicator: SoloCommunicator())
    let weight = try #require(model.critic.namedParameters.first?.parameter)
    let values = withOutput(weight.count) { weight.layout.toPyTorch(weight.values, into: $0) }
    // Two points of two values, two conditions of two numbers.
    #expect(values.count == 8)
    let found = try Trainer(model).criticGradient(0, ofIteration: 0, FixedInputs(batch: 12))
    let norm = values[..<4].reduce(0.0) { $0 + Double($1 * $1) }.squareRoot()
    expectClose(found.penalty, 10 * (norm - 1) * (norm - 1), absolute: 1e-5)
  }

  /// What `criticGap` and contour plots ask: a score a pack, with the members' conditions.
  @Test func scoresOfPacks() throws {
    let run = try points("[conditionConcat, {linear: {outputs: 1}}]")
    let model = try run.makeModel(communicator: SoloCommunicator())
    let parameters = model.critic.namedParameters.map(\.parameter)
    let weight = withOutput(8) {
      parameters[0].layout.toPyTorch(parameters[0].values, into: $0)
    }
    let samples: [Float] = (0..<12).map { Float($0 * $0 % 7) - 3 }
    let conditions = [
      ConditionValues(numbers: [1, 0.5]), ConditionValues(numbers: [-1, 2]),
      ConditionValues(numbers: [0, 3]),
    ]
    let found = try SampleGenerator(model, run).scores(of: samples, conditions: conditions)
    let expected = (0..<3).map { pack in
      let told = (0..<2).flatMap { conditions[(2 * pack + $0) % 3].numbers }
      let input = samples[4 * pack..<4 * pack + 4] + told
      return zip(weight, input).reduce(parameters[1].values[0]) { $0 + $1.0 * $1.1 }
    }
    expectClose(found, expected, absolute: 1e-5, "scores")
  }

  @Test func threadsAndRanksDoNotShow() throws {
    try expectThreadsAndRanksDoNotShow(
      ["training.generatorBatchFactor=2"], text: Self.pictures(channels: 1))
    try expectThreadsAndRanksDoNotShow(
      [
        "critic.pack=3", "training.lastBatch=drop", "objective={gradientPenalty: {weight: 10}}",
        "critic.layers=[conditionConcat, {linear: {outputs: 4}}, tanh, {linear: {outputs: 1}}]",
      ], text: ConditionedTrainingTests.text)
  }

  @Test(arguments: [
    ("training.batch=16", "critic.pack: expected every shard's samples in packs of 3 samples"),
    ("training.shards=3", "found a batch of 12 in 3 shards; multiples of 9 always are"),
    ("training.lastBatch=keep", "expected training.lastBatch drop with packs of 3 samples"),
    ("training.fixedGenerator=true", "expected no training.fixedGenerator"),
    ("objective.auxiliaryClassifier={}", "expected no auxiliary classifier or regressor"),
  ])
  func refused(override: String, expected: String) {
    let found = message {
      _ = try pictures([override]).makeModel(communicator: SoloCommunicator())
    }
    #expect(found?.contains(expected) == true, "\(found ?? "no error")")
  }

  @Test(arguments: ["conditionScale"]) func layersOfSingleSamples(layer: String) {
    let found = message {
      _ = try points("[\(layer), {linear: {outputs: 1}}]").makeModel(
        communicator: SoloCommunicator())
    }
    let expected = "expected critic.pack 1 with this layer, found 2"
    #expect(found?.contains(expected) == true, "\(found ?? "no error")")
  }
}
