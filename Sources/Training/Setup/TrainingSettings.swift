import Base
import Collectives
import Configuration

/// The `training` section of a configuration: batches, shards, steps and length.
package struct TrainingSettings {
  /// How long the run goes.
  package enum Length: Equatable, Sendable {
    /// Passes over the data, by the critic's batches of reals.
    case epochs(Int)
    /// Generator steps with their critic steps.
    case iterations(Int)
  }

  /// Samples of a step over all ranks; `shards` or more.
  package var batch: Int
  /// Slices of the batch: what results depend on, instead of ranks and threads.
  package var shards: Int
  /// Of a rank; each takes whole shards.
  package var threads: Int
  /// How gradients and sums travel between ranks; changes no bit.
  package var exchange: ExchangeMode
  /// Critic steps of an iteration: n_critic of the paper.
  package var criticSteps: Int
  /// Whether the critic steps of an iteration all take the same reals.
  package var reusesReals: Bool
  /// Whether an epoch ends with a batch of what is left, or drops it.
  package var keepsPartialBatch: Bool
  /// Samples of a generator step for a sample of a critic step.
  package var generatorBatchFactor: Int
  /// Whether the classes of a generator step's fakes are drawn, or those of the reals.
  package var drawsGeneratorLabels: Bool
  /// Where the numbers of a generator step's conditions come from.
  package var generatorConditions: GeneratorConditions
  /// The first iteration, from 0, that has a generator step.
  package var firstGeneratorIteration: Int
  /// Whether fakes are reals with noise, and only the critic is trained.
  package var hasFixedGenerator: Bool
  /// After which the run is done.
  package var length: Length
  /// The average of G that samples are drawn from; nil for none.
  package var generatorAverage: WeightAverage.Settings?
  /// The section, for errors about ranks and shards.
  package var reader: ConfigurationReader

  /// Reads the `training` section.
  ///
  /// - Parameters:
  ///   - section: `training`.
  ///   - condition: What the samples are conditioned on.
  /// - Throws: `ConfigurationError` naming file, line and key.
  package init(_ section: ConfigurationReader, condition: ConditionShape) throws {
    let batch = try section.integer("batch", in: 1...1_048_576)
    let shards = try section.integer("shards", default: 8, in: 1...65536)
    guard batch >= shards else {
      throw section.fail(
        "batch",
        "expected at least training.shards = \(shards) samples, found \(batch); "
          + "training.shards=\(batch) or fewer goes with it")
    }
    let threads = try section.integer("threads", default: 1, in: 1...1024)
    let mode = try section.choice("exchange", default: ExchangeMode.auto)
    let criticSteps = try section.integer("criticSteps", default: 5, in: 1...10_000)
    let reals = try section.choice("realBatch", default: "fresh", of: ["fresh", "reused"])
    let last = try section.choice("lastBatch", default: "drop", of: ["drop", "keep"])
    let average = try section.optionalSection("generatorAverage").map {
      try WeightAverage.Settings($0)
    }
    let factor = try section.integer("generatorBatchFactor", default: 1, in: 1...1024)
    let labels = try section.choice("generatorLabels", default: "data", of: ["data", "random"])
    let conditions = try GeneratorConditions(section, count: condition.numbers)
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
    self.batch = batch
    self.shards = shards
    self.threads = threads
    exchange = mode
    self.criticSteps = criticSteps
    reusesReals = reals == "reused"
    keepsPartialBatch = last == "keep"
    generatorBatchFactor = factor
    drawsGeneratorLabels = labels == "random"
    generatorConditions = conditions
    firstGeneratorIteration = first
    hasFixedGenerator = isFixed
    self.length = length
    generatorAverage = average
    reader = section
  }
}
