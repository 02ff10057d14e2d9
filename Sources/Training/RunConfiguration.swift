import Collectives
import Configuration
import Datasets
import Foundation
import Kernels
import Networks

/// Everything that a configuration file says, checked and with its defaults.
///
/// The layers' own options are read when the networks are built (`Model`); `resolvedYAML` is
/// complete after that.
package struct RunConfiguration {
  package struct NetworkSection {
    package var inputShape: Shape?
    package var noise: NoiseDistribution
    package var initialization: Initialization
    /// In front of a layer's number in state dicts: `main.`, or nothing.
    package var namePrefix: String
    package var layers: [ConfigurationItem]
    package var reader: ConfigurationReader
  }

  /// How long the run goes.
  package enum Length: Equatable, Sendable {
    case epochs(Int)
    case iterations(Int)
  }

  package struct TrainingSection {
    package var batch: Int
    package var shards: Int
    package var threads: Int
    /// How gradients and sums travel between ranks; changes no bit.
    package var exchange: ExchangeMode
    package var criticSteps: Int
    /// Whether the critic steps of an iteration all take the same reals.
    package var reusesReals: Bool
    package var keepsPartialBatch: Bool
    /// Samples of a generator step for a sample of a critic step.
    package var generatorBatchFactor: Int
    /// Whether the classes of a generator step's fakes are drawn, or those of the reals.
    package var drawsGeneratorLabels: Bool
    /// The first iteration, from 0, that has a generator step.
    package var firstGeneratorIteration: Int
    /// Whether fakes are reals with noise, and only the critic is trained.
    package var hasFixedGenerator: Bool
    package var length: Length
    /// The average of G that samples are drawn from; nil for none.
    package var generatorAverage: WeightAverage.Settings?
  }

  package struct OutputSection {
    package var directory: String
    package var checkpointEvery: Interval
    package var keep: Int
    package var sampleEvery: Interval
    package var samples: Int
    package var columns: Int
    package var scale: Int
  }

  package let name: String
  package let seed: UInt64
  /// What sizes are multiples of; nil for a configuration without.
  package let width: Int?
  package let data: DataSection
  package let generator: NetworkSection
  package let critic: NetworkSection
  /// The network of `objective.featureMatching`, where it has one.
  package let features: NetworkSection?
  package let objective: Objective
  package let generatorOptimizer: OptimizerSettings
  package let criticOptimizer: OptimizerSettings
  package let training: TrainingSection
  package let output: OutputSection
  private let root: ConfigurationReader

  /// - Throws: `ConfigurationError` naming file, line and key.
  package init(_ document: ConfigurationDocument) throws {
    let root = document.root()
    self.root = root
    name = try root.string("name")
    guard !name.isEmpty, !name.contains("/"), !name.hasPrefix(".") else {
      throw root.fail("name", "expected a plain folder name, found '\(name)'")
    }
    seed = UInt64(try root.integer("seed", default: 0, in: 0...Int.max))
    width = try root.width()
    data = try Self.data(root.section("data"))
    generator = try Self.network(root.section("generator"), isGenerator: true)
    critic = try Self.network(root.section("critic"), isGenerator: false)
    let section = try root.section("objective")
    objective = try Objective(section)
    features = try section.optionalSection("featureMatching")?.optionalSection("network").map {
      try Self.network($0, isGenerator: false)
    }
    let optimizers = try root.section("optimizer")
    generatorOptimizer = try OptimizerSettings(optimizers.item("generator"))
    criticOptimizer = try OptimizerSettings(optimizers.item("critic"))
    training = try Self.training(root.section("training"))
    output = try Self.output(root.section("output"))
  }

  /// Refuses keys that nobody asked for.
  ///
  /// To be called when the layers have read their options.
  package func finish() throws { try root.finish() }

  /// The configuration with all defaults, as it goes into the run directory.
  package var resolvedYAML: String { root.resolvedYAML() }

  private static func network(
    _ section: ConfigurationReader, isGenerator: Bool
  ) throws -> NetworkSection {
    var shape: Shape?
    var noise = NoiseDistribution.normal
    if isGenerator {
      let distributions = NoiseDistribution.allCases.map(\.rawValue)
      noise =
        NoiseDistribution(
          rawValue: try section.choice("noise", default: "normal", of: distributions)) ?? .normal
      let latent = try section.integer("latent", in: 1...65536)
      let sizes = try section.integers("input", default: [latent], count: 1...3, in: 1...65536)
      let found = Shape(
        channels: sizes[0], height: sizes.count > 1 ? sizes[1] : 1,
        width: sizes.count > 2 ? sizes[2] : 1)
      guard sizes.count != 2, found.elementCount == latent else {
        throw section.fail(
          "input",
          "expected [channels, height, width] or [n] of latent = \(latent) values, found \(sizes)")
      }
      shape = found
    }
    let schemes = Initialization.Scheme.allCases.map(\.rawValue)
    let scheme = try section.choice("initialization", default: "pytorch", of: schemes)
    let prefix = try section.string("prefix", default: "")
    let layers = try section.items("layers")
    guard !layers.isEmpty else { throw section.fail("layers", "expected at least one layer") }
    return NetworkSection(
      inputShape: shape, noise: noise,
      initialization: Initialization(Initialization.Scheme(rawValue: scheme) ?? .pytorch),
      namePrefix: prefix.isEmpty ? "" : prefix + ".", layers: layers, reader: section)
  }

  private static func training(_ section: ConfigurationReader) throws -> TrainingSection {
    let batch = try section.integer("batch", in: 1...1_048_576)
    let shards = try section.integer("shards", default: 8, in: 1...65536)
    guard batch >= shards else {
      throw section.fail(
        "batch", "expected at least training.shards = \(shards) samples, found \(batch)")
    }
    let threads = try section.integer("threads", default: 1, in: 1...1024)
    let modes = ExchangeMode.allCases.map(\.rawValue)
    let mode = try section.choice("exchange", default: "auto", of: modes)
    let criticSteps = try section.integer("criticSteps", default: 5, in: 1...10_000)
    let reals = try section.choice("realBatch", default: "fresh", of: ["fresh", "reused"])
    let last = try section.choice("lastBatch", default: "drop", of: ["drop", "keep"])
    let average = try section.optionalSection("generatorAverage").map {
      try WeightAverage.Settings($0)
    }
    let factor = try section.integer("generatorBatchFactor", default: 1, in: 1...1024)
    let labels = try section.choice("generatorLabels", default: "data", of: ["data", "random"])
    let first = try section.integer("firstGeneratorIteration", default: 0, in: 0...Int.max)
    let isFixed = try section.boolean("fixedGenerator", default: false)
    let length: Length
    switch (
      try section.optionalInteger("epochs", in: 1...1_000_000_000),
      try section.optionalInteger("iterations", in: 1...1_000_000_000_000)
    ) {
    case (let epochs?, nil): length = .epochs(epochs)
    case (nil, let iterations?): length = .iterations(iterations)
    case (nil, nil): throw section.fail(nil, "expected epochs or iterations, found neither")
    case (_?, _?): throw section.fail("iterations", "expected epochs or iterations, found both")
    }
    return TrainingSection(
      batch: batch, shards: shards, threads: threads,
      exchange: ExchangeMode(rawValue: mode) ?? .auto, criticSteps: criticSteps,
      reusesReals: reals == "reused", keepsPartialBatch: last == "keep",
      generatorBatchFactor: factor, drawsGeneratorLabels: labels == "random",
      firstGeneratorIteration: first, hasFixedGenerator: isFixed, length: length,
      generatorAverage: average)
  }

  private static func output(_ section: ConfigurationReader) throws -> OutputSection {
    OutputSection(
      directory: try section.string("directory", default: "runs"),
      checkpointEvery: try Interval(section, key: "checkpointEvery", default: "1 epoch"),
      keep: try section.integer("keep", default: 3, in: 1...1_000_000),
      sampleEvery: try Interval(section, key: "sampleEvery", default: "1 epoch"),
      samples: try section.integer("samples", default: 64, in: 1...65536),
      columns: try section.integer("columns", default: 8, in: 1...1024),
      scale: try section.integer("scale", default: 1, in: 1...16))
  }
}

/// Every so many epochs or iterations: `5 epochs`, `1 epoch`, `200 iterations`, `never`.
package enum Interval: Equatable, Sendable {
  case epochs(Int)
  case iterations(Int)
  case never

  init(_ section: ConfigurationReader, key: String, default text: String) throws {
    let found = try section.string(key, default: text)
    let words = found.split(separator: " ")
    if found == "never" {
      self = .never
    } else if words.count == 2, let number = Int(words[0]), number > 0,
      words[1] == "epochs" || words[1] == "epoch"
    {
      self = .epochs(number)
    } else if words.count == 2, let number = Int(words[0]), number > 0,
      words[1] == "iterations" || words[1] == "iteration"
    {
      self = .iterations(number)
    } else {
      throw section.fail(
        key, "expected such as '5 epochs', '200 iterations' or 'never', found '\(found)'")
    }
  }

  /// Whether it falls due when `iteration` iterations are done.
  ///
  /// An epoch ends with the iteration that takes its last batch.
  package func isDue(afterIteration iteration: Int, schedule: Schedule) -> Bool {
    switch self {
    case .never: return false
    case .iterations(let number): return iteration % number == 0
    case .epochs(let number):
      // Compared by quotients: an iteration may end more than one epoch.
      return schedule.epochsDone(afterIteration: iteration) / number
        > schedule.epochsDone(afterIteration: iteration - 1) / number
    }
  }
}
