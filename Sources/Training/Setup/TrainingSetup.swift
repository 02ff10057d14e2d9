import Base
import Configuration

/// What is trained and how: the sections of a configuration that model, inputs and trainer read.
package struct TrainingSetup {
  package var seed: UInt64
  /// What the samples are conditioned on.
  package var condition: ConditionShape
  package var generator: NetworkSettings
  package var critic: NetworkSettings
  package var criticInput: CriticInputSettings
  /// The network of `objective.featureMatching`, where it has one.
  package var features: NetworkSettings?
  package var objective: Objective
  package var generatorOptimizer: OptimizerSettings
  package var criticOptimizer: OptimizerSettings
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
