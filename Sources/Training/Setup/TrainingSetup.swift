import Base
import Configuration

/// What is trained and how: the sections of a configuration that model, inputs and trainer read.
package struct TrainingSetup {
  /// Of all random numbers of the run.
  package var seed: UInt64
  /// What the samples are conditioned on.
  package var condition: ConditionShape
  /// z to sample.
  package var generator: NetworkSettings
  /// Sample to score, and what stands behind the score.
  package var critic: NetworkSettings
  /// Packs and augmentation.
  package var criticInput: CriticInputSettings
  /// The network of `objective.featureMatching`, where it has one.
  package var features: NetworkSettings?
  /// What both minimize.
  package var objective: Objective
  /// Each network's own rule, rate and schedule.
  package var generatorOptimizer: OptimizerSettings
  package var criticOptimizer: OptimizerSettings
  /// Batches, shards, steps and length.
  package var training: TrainingSettings

  /// Reads the sections `generator`, `critic`, `objective`, `optimizer` and `training`.
  ///
  /// - Parameters:
  ///   - root: The configuration.
  ///   - seed: The seed of all random numbers of the run.
  ///   - condition: What the samples are conditioned on.
  /// - Throws: `ConfigurationError` naming file, line and key.
  package init(_ root: ConfigurationReader, seed: UInt64, condition: ConditionShape) throws {
    self.seed = seed
    self.condition = condition
    generator = try NetworkSettings(root.section("generator"), isGenerator: true)
    critic = try NetworkSettings(root.section("critic"), isGenerator: false)
    criticInput = try CriticInputSettings(root.section("critic"))
    let section = try root.section("objective")
    objective = try Objective(section)
    features = try section.optionalSection("featureMatching")?.optionalSection("network").map {
      try NetworkSettings($0, isGenerator: false)
    }
    let optimizers = try root.section("optimizer")
    generatorOptimizer = try OptimizerSettings(optimizers.item("generator"))
    criticOptimizer = try OptimizerSettings(optimizers.item("critic"))
    training = try TrainingSettings(root.section("training"), condition: condition)
    try criticInput.check(training, objective)
  }
}
