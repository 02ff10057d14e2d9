import Base
import Collectives
import Datasets
import Foundation
import Networks
import Recipe
import RunSupport
import TestSupport
import Testing
import Training

/// Networks and objectives that take the numbers of conditions.
@Suite struct ConditionedTrainingTests {
  /// Conditions at the inputs and further in, as they are, scaled with and through layers.
  static let text = """
    name: conditioned
    seed: 3
    data: {source: ring, count: 40}
    generator:
      latent: 3
      layers:
      - conditionScale
      - conditionConcat: {layers: [{linear: {outputs: 4}}, tanh]}
      - linear: {outputs: 6}
      - batchNorm
      - swish
      - spans: {functions: [tanh, softmax], channels: [2, 4]}
      - linear: {outputs: 2}
    critic:
      layers:
      - conditionConcat: {numbers: [1], layers: [{linear: {outputs: 3}}, swish]}
      - linear: {outputs: 6}
      - tanh
      - conditionConcat
      - linear: {outputs: 5}
      - softplus
      - linear: {outputs: 3}
    objective: {gradientPenalty: {weight: 10}, auxiliaryRegressor: {}}
    optimizer:
      generator: {adam: {learningRate: 1.0e-3, beta1: 0.5, beta2: 0.9}}
      critic: {adam: {learningRate: 1.0e-3, beta1: 0.5, beta2: 0.9}}
    training: {batch: 12, shards: 4, criticSteps: 2, lastBatch: keep, iterations: 4}
    output: {checkpointEvery: 2 iterations, sampleEvery: never, samples: 4, columns: 2}
    """

  /// With the penalty, whose gradient goes through the layers that the condition goes into.
  @Test func gradientsOfTheLosses() throws {
    try expectGradientsOfTheLosses(configuration(text: Self.text), criticFactor: 2)
  }

  /// Reals, fakes and the penalty's points have the conditions of their samples.
  @Test func everyGroupHasTheConditions() throws {
    let model = try configuration(text: Self.text).makeModel(
      communicator: SoloCommunicator())
    let inputs = FixedInputs(batch: 12)
    _ = try Trainer(model).criticGradient(0, ofIteration: 0, inputs)
    let conditions = try #require(model.critic.conditions)
    let pass = Pass(.global(batch: 12), groups: 0..<3, plan: model.context.plan)
    for shard in 0..<model.context.plan.localShards {
      for index in 0..<pass.samples(inShard: shard) {
        let expected = Condition.withTemporary(model.condition) {
          inputs.copyCondition(pass.firstSample(inShard: shard) + index, into: $0)
          return Array($0.numbers)
        }
        for group in 0..<3 {
          let found = conditions.sample(index, group: group, pass, shard: shard)
          #expect(Array(found.numbers) == expected, "group \(group)")
        }
      }
    }
  }

  /// The penalty is of the sample's gradient alone: for the critic's first layers all by hand.
  @Test func thePenaltyIsOfTheSampleAlone() throws {
    let model = try configuration(
      [
        "critic.layers=[conditionConcat, conditionConcat, {linear: {outputs: 1}}]",
        "objective={gradientPenalty: {weight: 10}}",
      ], text: Self.text
    ).makeModel(communicator: SoloCommunicator())
    let weight = try #require(model.critic.namedParameters.first?.parameter)
    let values = withOutput(weight.count) { weight.layout.toPyTorch(weight.values, into: $0) }
    // Two values of the point, and twice two numbers of the condition.
    #expect(values.count == 6)
    let found = try Trainer(model).criticGradient(0, ofIteration: 0, FixedInputs(batch: 12))
    let norm = (Double(values[0] * values[0]) + Double(values[1] * values[1])).squareRoot()
    expectClose(found.penalty, 10 * (norm - 1) * (norm - 1), absolute: 1e-5)
  }

  @Test(arguments: [
    "data", "redrawn", "{uniform: {bounds: [0.5, 2, 0, 1]}}",
  ])
  func threadsAndRanksDoNotShow(conditions: String) throws {
    try expectThreadsAndRanksDoNotShow(
      ["training.generatorConditions=\(conditions)"], text: Self.text, iterations: 4)
  }

  // MARK: - Generator steps

  /// The conditions' numbers of a generator step's batch of 12.
  private func drawn(_ form: String, iteration: Int, seed: Int = 11) throws -> [[Float]] {
    let session = try Session(
      ["training.generatorConditions=\(form)", "seed=\(seed)"], text: Self.text)
    let batch = session.inputs.generatorBatch(ofIteration: iteration)
    return (0..<batch.count).map { sample in
      Condition.withTemporary(ConditionShape(numbers: 2)) {
        batch.copyCondition(sample, into: $0)
        return Array($0.numbers)
      }
    }
  }

  private func dataset() throws -> [[Float]] {
    let data = try configuration(text: Self.text).data.open()
    return (0..<data.count).map { index in
      Condition.withTemporary(data.condition) {
        data.copyCondition(at: index, into: $0)
        return Array($0.numbers)
      }
    }
  }

  @Test func conditionsOfTheReals() throws {
    let session = try Session(["seed=11"], text: Self.text)
    let last = session.inputs.criticBatch(1, ofIteration: 1)
    let expected = (0..<last.count).map { sample in
      Condition.withTemporary(ConditionShape(numbers: 2)) {
        last.copyCondition(sample, into: $0)
        return Array($0.numbers)
      }
    }
    #expect(try drawn("data", iteration: 1) == expected)
  }

  @Test(arguments: [
    "redrawn", "{uniform: {bounds: [-2, 3, 10, 11]}}",
    "{logUniform: {bounds: [1.0e-3, 1000, 5, 5]}}", "{list: {values: [1, 2, 3, 4, 5, 6]}}",
  ])
  func drawnConditions(form: String) throws {
    let found = try drawn(form, iteration: 1)
    // A function of seed, iteration and sample alone.
    #expect(try drawn(form, iteration: 1) == found)
    #expect(try drawn(form, iteration: 2).prefix(4) != found.prefix(4))
    #expect(try drawn(form, iteration: 1, seed: 12).prefix(4) != found.prefix(4))
    let many = try (0..<40).flatMap { try drawn(form, iteration: $0) }
    switch form.prefix(5) {
    case "redra":
      let all = try dataset()
      #expect(many.allSatisfy(all.contains))
      #expect(Set(many).count > 35)
    case "{unif":
      #expect(many.allSatisfy { (-2..<3).contains($0[0]) && (10...11).contains($0[1]) })
      let mean = many.reduce(0) { $0 + Double($1[0]) } / Double(many.count)
      expectClose(mean, 0.5, absolute: 0.3)
    case "{logU":
      #expect(many.allSatisfy { (0.99e-3..<1000).contains($0[0]) && abs($0[1] - 5) < 1e-5 })
      let mean = many.reduce(0) { $0 + log10(Double($1[0])) } / Double(many.count)
      expectClose(mean, 0, absolute: 0.35)
    default: #expect(Set(many) == [[1, 2], [3, 4], [5, 6]])
    }
  }

  /// Lists and bounds are in the units of the data's files, of which networks see a logarithm.
  @Test func drawnNumbersAreTransformed() throws {
    let file = repositoryFile("Tests/DatasetsTests/Fixtures/arrays/x.npy")
    let session = try Session(
      [
        "data={source: array, path: \(file), condition: {fields: energy.npy, transforms: [log]}}",
        "training.generatorConditions={list: {values: [8]}}", "training.batch=4",
        "generator.layers=[conditionConcat, {linear: {outputs: 4}}]",
        "critic.layers=[conditionConcat, {linear: {outputs: 1}}]",
        "objective={gradientPenalty: {weight: 10}}",
      ], text: Self.text)
    let batch = session.inputs.generatorBatch(ofIteration: 0)
    let found = Condition.withTemporary(ConditionShape(numbers: 1)) {
      batch.copyCondition(0, into: $0)
      return $0.numbers[0]
    }
    #expect(found == Float(log(8.0)))
  }

  @Test(arguments: [
    ("uniform", "training.generatorConditions.uniform.bounds: missing"),
    ("{uniform: {bounds: [1, 2]}}", "expected [low, high] for each of 2 numbers, found 2 ends"),
    ("{uniform: {bounds: [2, 1, 0, 1]}}", "expected low <= high, found [2.0, 1.0]"),
    ("{logUniform: {bounds: [0, 1, 1, 2]}}", "expected numbers above 0"),
    ("{list: {values: [1, 2, 3]}}", "expected 2 a sample, as its condition has, found 3"),
    ("redraw", "did you mean 'redrawn'"),
  ])
  func refused(form: String, expected: String) {
    let found = message {
      _ = try configuration(["training.generatorConditions=\(form)"], text: Self.text)
    }
    #expect(found?.contains(expected) == true, "\(found ?? "no error")")
  }

  @Test func numbersThatTheDataHaveNot() {
    let found = message { _ = try configuration(["training.generatorConditions=redrawn"]) }
    #expect(found?.contains("but the data's have none") == true, "\(found ?? "no error")")
  }

  @Test func noiseOfAnotherMean() throws {
    let run = try configuration(
      ["generator.noise={normal: {mean: 0.5, deviation: 0.25}}"], text: Self.text)
    let stream = RandomStream(seed: 1, purpose: .drawing)
    let found = withOutput(6) { run.generator.noise.fill($0, sample: 3, of: stream) }
    let normals = withOutput(6) { stream.normals(sample: 3, into: $0) }
    expectSameBits(found, normals.map { 0.5 + 0.25 * $0 })
    #expect(try configuration(["generator.noise=normal"]).generator.noise == .standard)
  }
}
