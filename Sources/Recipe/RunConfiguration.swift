import Base
import Collectives
import Configuration
import Datasets
import Foundation
import Networks
import Scores
import Training

/// Everything that a configuration file says, checked and with its defaults.
///
/// The layers' own options are read when the networks are built: only with these (`resolved`) is
/// there a text of all values.
package struct RunConfiguration {
  package struct OutputSection {
    package var directory: String
    package var checkpointEvery: Interval
    package var keep: Int
    package var sampleEvery: Interval
    package var samples: Int
    package var columns: Int
    package var scale: Int
    /// Whether the run ends with a page about it.
    package var report: Bool
    /// Whether event files for TensorBoard are written.
    package var tensorboard: Bool
    /// When they get the distribution of the weights.
    package var histogramEvery: Interval
  }

  package let name: String
  package let seed: UInt64
  /// What sizes are multiples of; nil for a configuration without.
  package let width: Int?
  package var data: DataSection
  /// What the trainer reads of it.
  package let setup: TrainingSetup
  package let output: OutputSection
  package let evaluation: EvaluationSection
  package let checks: ChecksSection
  private let root: ConfigurationReader

  /// - Throws: `ConfigurationError` naming file, line and key.
  package init(_ document: ConfigurationDocument) throws {
    let root = document.root()
    self.root = root
    name = try root.string("name")
    guard Self.isFolderName(name) else {
      throw root.fail("name", "expected a plain folder name, found '\(quotedIfNeeded(name))'")
    }
    seed = UInt64(try root.integer("seed", default: 0, in: 0...Int.max))
    width = try root.width()
    data = try Self.data(root.section("data"))
    setup = try TrainingSetup(root, seed: seed, condition: data.condition)
    output = try Self.output(root.section("output"))
    evaluation = try Self.evaluation(
      root.section("evaluation"),
      ScoreSubject(
        name: name, source: data.source, hasFixedGenerator: setup.training.hasFixedGenerator,
        networks: .available(for: data.source)),
      sampleEvery: output.sampleEvery)
    checks = try Self.checks(root.section("checks"))
  }

  /// Whether a folder can have this name on any file system, and be typed and shown.
  private static func isFolderName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 200 && !name.hasPrefix(".")
      && !name.unicodeScalars.contains { $0 == "/" || $0.value < 0x20 || $0.value == 0x7F }
  }

  package var generator: NetworkSettings { setup.generator }
  package var critic: NetworkSettings { setup.critic }
  package var objective: Objective { setup.objective }
  package var training: TrainingSettings { setup.training }

  /// Builds this rank's networks, and refuses keys that neither they nor the sections asked for.
  ///
  /// - Parameters:
  ///   - communicator: The ranks.
  ///   - drawsParameters: Whether parameters get their first values.
  /// - Returns: The networks.
  /// - Throws: As `Model`, and `ConfigurationError` for unknown keys; where the critic is refused
  ///   and the generator does not give what the data have, `Fault` about the generator.
  package func makeModel(
    communicator: any Communicator, drawsParameters: Bool = true
  ) throws -> Model {
    let model = try Model(
      setup, communicator: communicator, drawsParameters: drawsParameters
    ) { generator in
      // Without the data nothing can be said of the generator.
      guard let dataset = try? data.open() else { return }
      try Self.check(generator, gives: dataset)
    }
    try root.finish()
    return model
  }

  /// Builds this rank's networks, which read the last of the keys, and writes down all values.
  ///
  /// - Parameter communicator: The ranks.
  /// - Returns: The networks, and the configuration with all defaults, as it goes into the run
  ///   directory.
  /// - Throws: As `makeModel`.
  package func resolved(communicator: any Communicator) throws -> (model: Model, yaml: String) {
    (try makeModel(communicator: communicator), root.resolvedYAML())
  }

  /// Refuses a generator that does not give what the data have.
  ///
  /// - Throws: `Fault` naming the layer whose size is off, where that can be told.
  package static func check(_ generator: Network, gives dataset: any Dataset) throws {
    let fault = generator.description.sizeError(samples: dataset.shape, of: dataset.name)
    if let fault { throw Fault(fault) }
  }

  private static func output(_ section: ConfigurationReader) throws -> OutputSection {
    let histogramEvery = try Interval(section, key: "histogramEvery", default: "never")
    let tensorboard = try section.boolean("tensorboard", default: false)
    guard tensorboard || histogramEvery == .never else {
      throw section.fail(
        "histogramEvery", "expected output.tensorboard: true too, whose files have histograms")
    }
    return OutputSection(
      directory: try section.path("directory", default: "runs"),
      checkpointEvery: try Interval(
        section, key: "checkpointEvery", default: "1 epoch", allowsTime: true),
      keep: try section.integer("keep", default: 3, in: 1...1_000_000),
      sampleEvery: try Interval(section, key: "sampleEvery", default: "1 epoch"),
      samples: try section.integer("samples", default: 64, in: 1...65536),
      columns: try section.integer("columns", default: 8, in: 1...1024),
      scale: try section.integer("scale", default: 1, in: 1...16),
      report: try section.boolean("report", default: true),
      tensorboard: tensorboard, histogramEvery: histogramEvery)
  }
}
