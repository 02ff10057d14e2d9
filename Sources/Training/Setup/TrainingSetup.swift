import Configuration

/// What is trained and how: the sections of a configuration that model, inputs and trainer read.
package struct TrainingSetup {
  package var seed: UInt64
  /// Classes of the samples' labels; 0 for none.
  package var classes: Int
  package var generator: NetworkSettings
  package var critic: NetworkSettings
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
  ///   - classes: Number of classes of the samples' labels; 0 for none.
  /// - Throws: `ConfigurationError` naming file, line and key.
  package init(_ root: ConfigurationReader, seed: UInt64, classes: Int) throws {
    self.seed = seed
    self.classes = classes
    generator = try NetworkSettings(root.section("generator"), isGenerator: true)
    critic = try NetworkSettings(root.section("critic"), isGenerator: false)
    let section = try root.section("objective")
    objective = try Objective(section)
    features = try section.optionalSection("featureMatching")?.optionalSection("network").map {
      try NetworkSettings($0, isGenerator: false)
    }
    let optimizers = try root.section("optimizer")
    generatorOptimizer = try OptimizerSettings(optimizers.item("generator"))
    criticOptimizer = try OptimizerSettings(optimizers.item("critic"))
    training = try TrainingSettings(root.section("training"))
  }
}
