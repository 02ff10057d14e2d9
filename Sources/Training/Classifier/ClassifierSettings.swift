import Configuration
import Networks

/// What `evaluate train-classifier` trains, and how.
package struct ClassifierSettings {
  /// Of all random numbers.
  package var seed: UInt64
  /// Images to logits.
  package var network: NetworkSettings
  package var optimizer: OptimizerSettings
  /// Images of a step over all ranks; `shards` or more.
  package var batch: Int
  /// Slices of the batch: what results depend on, instead of ranks and threads.
  package var shards: Int
  /// Of a rank; each takes whole shards.
  package var threads: Int
  /// Passes over the images that are trained on.
  package var epochs: Int
  let reader: ConfigurationReader

  /// Reads the sections `classifier`, `optimizer` and `training`.
  ///
  /// - Parameters:
  ///   - root: The configuration.
  ///   - seed: Of all random numbers.
  /// - Throws: `ConfigurationError` naming file, line and key.
  package init(_ root: ConfigurationReader, seed: UInt64) throws {
    self.seed = seed
    network = try NetworkSettings(root.section("classifier"), isGenerator: false)
    optimizer = try OptimizerSettings(root.item("optimizer"))
    let section = try root.section("training")
    reader = section
    batch = try section.integer("batch", default: 64, in: 1...1_048_576)
    shards = try section.integer("shards", default: 8, in: 1...65536)
    guard batch >= shards else {
      throw section.fail(
        "batch", "expected at least training.shards = \(shards) samples, found \(batch)")
    }
    threads = try section.integer("threads", default: 1, in: 1...1024)
    epochs = try section.integer("epochs", in: 1...1_000_000)
    try section.finish()
  }
}
