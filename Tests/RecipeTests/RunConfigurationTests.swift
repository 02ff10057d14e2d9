import Base
import Collectives
import Configuration
import Foundation
import Kernels
import Networks
import Recipe
import RunSupport
import Storage
import TestSupport
import Testing
import Training

@Suite struct RunConfigurationTests {
  @Test func defaults() throws {
    let found = try configuration(text: leastConfiguration())
    #expect(found.seed == 0)
    #expect(found.data.range == -1...1)
    #expect(found.data.limit == nil)
    #expect(found.data.source == .glyphs(count: 10_000, seed: 0))
    #expect(found.generator.inputShape == Shape(channels: 4))
    #expect(found.generator.initialization.scheme == .pytorch)
    #expect(found.generator.namePrefix == "")
    #expect(found.objective.loss is WassersteinLoss)
    #expect(found.objective.penalty == nil && found.objective.weightClip == nil)
    #expect(found.objective.classifier == nil && found.objective.featureMatching == nil)
    #expect(found.objective.criticGroups == 2)
    #expect(
      found.setup.generatorOptimizer
        == .adam(Adam(learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8)))
    #expect(found.setup.criticOptimizer == .adam(Adam(learningRate: 0.2)))
    let training = found.training
    #expect(
      (training.batch, training.shards, training.threads, training.criticSteps) == (8, 8, 1, 5))
    #expect(training.exchange == .auto)
    #expect(!training.reusesReals && !training.keepsPartialBatch)
    #expect(training.length == .iterations(3))
    let output = found.output
    #expect(output.directory == "runs")
    #expect(output.checkpointEvery == .epochs(1) && output.sampleEvery == .epochs(1))
    #expect((output.keep, output.samples, output.columns, output.scale) == (3, 64, 8, 1))
    let model = try found.makeModel(communicator: SoloCommunicator())
    #expect(model.latent == 4)
  }

  @Test(arguments: [
    ("training.batch=3", "expected at least training.shards = 4 samples, found 3"),
    ("training.batch=0", "training.batch"),
    ("training.shards=0", "training.shards"),
    ("training.criticSteps=0", "training.criticSteps"),
    ("training.iterations=0", "training.iterations"),
    ("training.realBatch=reuse", "reused"),
    ("training.lastBatch=dorp", "drop"),
    ("data.source=idxx", "idx"),
    ("data.range=[1, -1]", "expected [low, high] with low < high"),
    ("generator.input=[5, 2, 1]", "[channels, depth, height, width] of latent = 5 values"),
    ("generator.latent=0", "generator.latent"),
    ("generator.initialization=dcgann", "dcgan"),
    ("objective.loss=wassertein", "wasserstein"),
    ("objective.gradientPenalty.weight=-1", "weight"),
    ("optimizer.critic.adam.learningRate=0", "learningRate"),
    ("optimizer.critic.adam.beta1=1", "beta1"),
    (
      "output.checkpointEvery=2 iteration s",
      "expected such as '5 epochs', '200 iterations', '10 minutes' or 'never'"
    ),
    ("output.checkpointEvery=0 epochs", "expected such as"),
    ("output.sampleEvery=-1 iterations", "expected such as"),
    ("output.keep=0", "output.keep"),
    ("name=a/b", "expected a plain folder name"),
    ("name=.hidden", "expected a plain folder name"),
    ("seed=-1", "seed"),
  ])
  func outOfRange(assignment: String, expected: String) {
    let found = message { _ = try configuration([assignment]) }
    #expect(found?.contains(expected) == true, "\(found ?? "no error")")
  }

  /// What an older version's run does not know is no change where it is what it is by default.
  @Test func newKeysWithTheirDefaultsAreNoDifference() throws {
    func resolved(_ overrides: [String] = []) throws -> (yaml: String, values: [String: String]) {
      let yaml = try configuration(overrides).resolved(communicator: SoloCommunicator()).yaml
      return (yaml, try RunConfiguration.fixedValues(in: yaml, name: "x"))
    }
    let (yaml, now) = try resolved()
    #expect(try RunConfiguration.difference(of: yaml, from: now) == nil)
    var older = now
    for key in ["checks.hashEvery", "critic.layers.1.leakyReLU.slope", "training.realBatch"] {
      #expect(older.removeValue(forKey: key) != nil, "\(key)")
    }
    // By default it is 0.01.
    let set = try RunConfiguration.difference(of: yaml, from: older)
    #expect(set?.contains("critic.layers.1.leakyReLU.slope is 0.2, was not there") == true)
    #expect(set?.contains("checks.") == false, "\(set ?? "")")
    // A layer that had no options yet.
    let plain = try resolved(["critic.layers.1={leakyReLU: {}}"])
    older = plain.values
    for key in ["checks.hashEvery", "critic.layers.1.leakyReLU.slope"] { older[key] = nil }
    older["critic.layers.1"] = "leakyReLU"
    #expect(try RunConfiguration.difference(of: plain.yaml, from: older) == nil)
    older = now
    older["checks.hashEvery"] = nil
    let other = try resolved(["training.batch=8", "checks.hashEvery=1 iterations"])
    let both = try RunConfiguration.difference(of: other.yaml, from: older)
    #expect(both?.contains("checks.hashEvery is 1 iterations, was not there") == true)
    #expect(both?.contains("training.batch is 8, was 12") == true, "\(both ?? "")")
    // What the run had and this version has not.
    older = now
    older["training.gone"] = "3"
    #expect(
      try RunConfiguration.difference(of: yaml, from: older)
        == "training.gone is not there, was 3")
  }

  @Test func unknownKeys() {
    for (key, nearest) in [
      ("training.bacth=8", "batch"), ("output.kep=2", "keep"), ("objektive=1", "objective"),
    ] {
      let found = message {
        let configuration = try configuration([key])
        _ = try configuration.makeModel(communicator: SoloCommunicator())
      }
      #expect(found?.contains("did you mean '\(nearest)'") == true, "\(found ?? "no error")")
    }
  }

  /// Scores follow the pictures; those that apply, with the most samples that one wants.
  @Test func evaluationDefaults() throws {
    let images = try configuration(["output.sampleEvery=7 iterations"])
    #expect(images.evaluation.every == .iterations(7) && images.evaluation.samples == 256)
    #expect(images.evaluation.scores.map { type(of: $0).name } == ["diversity"])
    let text = try images.resolved(communicator: SoloCommunicator()).yaml
    #expect(
      text.contains(
        "evaluation:\n  every: 7 iterations\n  scores:\n  - diversity\n  samples: 256\n"),
      "\(text)")
    let points = try configuration(["data={source: gaussians8}"])
    #expect(points.evaluation.every == .never && !points.evaluation.isOn)
    #expect(points.evaluation.scores.map { type(of: $0).name } == ["diversity", "modeCoverage"])
    #expect(points.evaluation.samples == 2500)
    #expect(
      try points.resolved(communicator: SoloCommunicator()).yaml.contains(
        "  - modeCoverage: {reach: 4}\n"))
    for nothing in [["evaluation.scores=[]"], ["training.fixedGenerator=true"]] {
      let none = try configuration(["evaluation.every=1 epoch"] + nothing)
      #expect(none.evaluation.scores.isEmpty && !none.evaluation.isOn)
    }
  }

  @Test(arguments: [
    ("[divresity]", "unknown name 'divresity'; did you mean 'diversity'?"),
    ("[modeCoverage]", "the data of tiny have no modes to count; expected data.source gaussians8"),
    ("[diversity, diversity]", "is there twice"),
    ("[{diversity: {reach: 3}}]", "unknown key"),
  ])
  func unusableScores(scores: String, expected: String) {
    let found = message { _ = try configuration(["evaluation.scores=\(scores)"]) }
    #expect(found?.contains(expected) == true, "\(found ?? "no error")")
  }

  @Test(arguments: [
    ("best={score: fid, prefer: lowest}", "expected one of diversity, found 'fid'"),
    ("best={score: diversity}", "prefer: missing"),
    ("best={score: diversity, prefer: most}", "expected one of lowest, highest"),
    ("best={score: diversity, prefer: lowest, column: modes}", "expected one of diversity"),
    ("stopAfter=3", "evaluation.stopAfter=3: expected evaluation.best too"),
    ("statistics=standing_batches", "expected one of running, batch, standing"),
  ])
  func unusableChoices(assignment: String, expected: String) {
    let found = message { _ = try configuration(["evaluation.\(assignment)"]) }
    #expect(found?.contains(expected) == true, "\(found ?? "no error")")
  }

  @Test func theBestIsOfAScore() throws {
    let parsed = try configuration([
      "evaluation.best={score: diversity, prefer: highest}", "evaluation.stopAfter=3",
    ])
    let best = try #require(parsed.evaluation.best)
    #expect(best.column == "diversity" && best.index == 0 && best.prefers == .highest)
    #expect(parsed.evaluation.stopAfter == 3)
    #expect(best.isBetter(2, than: 1) && !best.isBetter(1, than: 1) && best.isBetter(0, than: nil))
    #expect(!best.isBetter(.nan, than: nil) && !best.isBetter(.infinity, than: 1))
    let yaml = try parsed.resolved(communicator: SoloCommunicator()).yaml
    #expect(
      yaml.contains("  best: {score: diversity, column: diversity, prefer: highest}\n"), "\(yaml)")
    let none = message {
      _ = try configuration([
        "evaluation.scores=[]", "evaluation.best={score: diversity, prefer: highest}",
      ])
    }
    #expect(none?.contains("prefer: highest}: the run measures no score") == true, "\(none ?? "")")
  }

  @Test func epochsAndIterations() throws {
    let both = message {
      _ = try configuration(
        text: tinyConfiguration.replacingOccurrences(
          of: "iterations: 4}", with: "iterations: 4, epochs: 2}"))
    }
    #expect(both?.contains("expected epochs or iterations, found both") == true, "\(both ?? "")")
    let neither = message {
      _ = try configuration(
        text: tinyConfiguration.replacingOccurrences(of: ", iterations: 4}", with: "}"))
    }
    #expect(
      neither?.contains("expected epochs or iterations, found neither") == true, "\(neither ?? "")")
    // The command line's takes back the file's.
    #expect(try configuration(["training.epochs=7"]).training.length == .epochs(7))
    #expect(
      try configuration(["training.epochs=7", "training.iterations=9"]).training.length
        == .iterations(9))
  }

  /// The resolved text gives the same configuration again, word for word.
  @Test func resolvedTextIsComplete() throws {
    let text = try configuration().resolved(communicator: SoloCommunicator()).yaml
    let second = try configuration(text: text)
    #expect(try second.resolved(communicator: SoloCommunicator()).yaml == text)
    #expect(second.training.batch == 12 && second.generator.namePrefix == "main.")
    #expect(text.contains("threads: 1"))
    #expect(text.contains("exchange: auto"))
  }

  @Test func criticGivesOneScore() {
    let found = message {
      let configuration = try configuration(
        text: tinyConfiguration.replacingOccurrences(
          of: "channels: 1, kernel: 3", with: "channels: 2, kernel: 3"))
      _ = try configuration.makeModel(communicator: SoloCommunicator())
    }
    #expect(
      found?.contains("expected one score a sample (1x1x1), but the last layer gives 2x1x1")
        == true, "\(found ?? "")")
  }

  // MARK: - The files in configs/

  @Test func defaultIsTheGlyphsFile() throws {
    let configuration = try RunConfiguration(.named(nil))
    let file = try RunConfiguration(.named(repositoryFile("configs/glyphs.yaml")))
    let (model, yaml) = try configuration.resolved(communicator: SoloCommunicator())
    #expect(try file.resolved(communicator: SoloCommunicator()).yaml == yaml)
    #expect(configuration.name == "glyphs")
    #expect(!model.critic.couplesSamples)
  }

  @Test(arguments: [
    ("fashion-mnist-wgan-gp", 1_066_880, 432_321, true),
    ("fashion-mnist-wgan-gp-no-critic-norm", 1_066_880, 431_553, false),
  ])
  func publishedParameterCounts(name: String, generator: Int, critic: Int, norm: Bool) throws {
    let configuration = try RunConfiguration(
      ConfigurationDocument(path: repositoryFile("configs/\(name).yaml")))
    let model = try configuration.makeModel(communicator: SoloCommunicator())
    #expect(model.generator.parameterCount == generator)
    #expect(model.critic.parameterCount == critic)
    #expect(model.generator.outputShape == Shape(channels: 1, height: 28, width: 28))
    #expect(model.critic.couplesSamples == norm)
    let adam = OptimizerSettings.adam(Adam(learningRate: 1e-4, beta1: 0.5, beta2: 0.999))
    #expect(
      configuration.setup.generatorOptimizer == adam && configuration.setup.criticOptimizer == adam)
    #expect(configuration.objective.penalty?.weight == 10)
  }
}
