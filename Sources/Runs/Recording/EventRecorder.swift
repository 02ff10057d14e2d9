import Base
import Configuration
import Foundation
import Networks
import Pictures
import Recipe
import Reports
import Sampling
import Scores
import Storage
import Training

/// What rank 0 writes of a run for TensorBoard: RUN/tensorboard.
///
/// | tag | what |
/// |---|---|
/// | `train/...` | the columns of `metrics.csv`, without units |
/// | `scores/...` | those of `evaluation.csv` |
/// | `samples` | the pictures of `samples/` |
/// | `configuration/text_summary` | config.yaml |
/// | `weights/generator/...`, `weights/critic/...` | how parameters are distributed |
struct EventRecorder: Sendable {
  private let log: EventLog
  private let trainTags: [String?]
  private let scoreTags: [String?]

  /// - Parameters:
  ///   - directory: The run's.
  ///   - configuration: The run's.
  ///   - metrics: The columns of metrics.csv.
  ///   - start: Iterations done.
  /// - Throws: `Fault` if the system refuses.
  init(
    _ directory: RunDirectory, _ configuration: RunConfiguration, metrics: [String], start: Int
  ) throws {
    log = try EventLog(folder: directory.tensorboard, start: start)
    trainTags = Self.tags("train", metrics)
    scoreTags = Self.tags("scores", EvaluationLog.columns(configuration.evaluation))
    guard FileSystem.exists(directory.configuration) else { return }
    let document = try ConfigurationDocument(path: directory.configuration)
    let text = String(
      decoding: try FileSystem.readFile(directory.configuration), as: UTF8.self)
    // Indented it stays as it is.
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    try log.add(
      text: lines.map { "    \($0)" }.joined(separator: "\n"),
      tag: "configuration/text_summary", step: start)
    try log.addHyperparameters(
      Self.hyperparameters(document.leaves), group: FileSystem.name(of: directory.path))
  }

  /// What runs are told apart by: all but data, output and the layers of the networks.
  static func hyperparameters(_ leaves: [String: String]) -> [String: String] {
    let sections = ["training.", "objective.", "optimizer."]
    return leaves.filter { path, _ in
      sections.contains { path.hasPrefix($0) }
        || ["seed", "width", "generator.latent"].contains(path)
    }
  }

  /// `train/w_distance` of `w_distance (score)`; nil for the iteration, and for hashes, which are
  /// no quantities.
  private static func tags(_ group: String, _ columns: [String]) -> [String?] {
    columns.enumerated().map { index, column in
      guard index > 0, !column.hasSuffix("(crc32)") else { return nil }
      let name = column.split(separator: " (").first.map(String.init) ?? column
      return "\(group)/\(name)"
    }
  }

  /// Adds a row of metrics.csv.
  func add(metrics row: [MetricValue], iteration: Int) throws {
    try add(row, trainTags, iteration)
  }

  /// Adds a row of evaluation.csv.
  func add(scores row: [MetricValue], iteration: Int) throws {
    try add(row, scoreTags, iteration)
  }

  private func add(_ row: [MetricValue], _ tags: [String?], _ iteration: Int) throws {
    let scalars = zip(tags, row).compactMap { tag, value in
      tag.map { (tag: $0, value: value.value) }
    }
    try log.add(scalars, step: iteration)
  }

  /// Adds a picture of samples.
  func add(png: [UInt8], of picture: Picture, iteration: Int) throws {
    try log.add(png: png, of: picture, tag: "samples", step: iteration)
  }

  /// Adds how the parameters of both networks are distributed now.
  func addWeights(_ model: Model, iteration: Int) throws {
    for network in [model.generator, model.critic] {
      for (name, parameter) in network.namedParameters {
        try log.add(
          EventHistogram(parameter.values), tag: "weights/\(network.name)/\(name)",
          step: iteration)
      }
    }
  }

  func flush() throws { try log.flush() }

  func close(isDone: Bool) throws {
    try log.endSession(isDone: isDone)
    try log.close()
  }
}
