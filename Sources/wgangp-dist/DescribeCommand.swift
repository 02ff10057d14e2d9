import ArgumentParser
import Base
import Collectives
import Configuration
import Features
import Foundation
import Networks
import Recipe
import Runs
import Training

/// The command `describe`: what a configuration comes to, without data and without training.
///
/// Rank 0 works, and prices all rank counts; the others wait for its end. The networks are built as
/// training builds them, so that what `train` would refuse of them is refused here; memory is
/// counted without being touched, and parameters are not drawn. The tables are those of
/// `NetworkDescription` and `MemoryEstimate`.
struct DescribeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe",
    abstract: """
      Show a configuration's networks, or a feature network: layers, shapes, parameters, \
      operations, memory.
      """,
    discussion: """
      A table a network: number, layer with the options that are not the defaults, output \
      (channels x height x width), parameters, operations of a forward pass of one sample as the \
      direct algorithms do them (MFLOP), and how the products are computed. Then the memory of \
      rank 0 for 1, 2, 4 and 8 ranks, as far as the shards allow them. Nothing is trained, and no \
      data are needed. With --features the network of such a file, how it prepares images, and \
      what is read where; its weights are not needed.
      """)

  @Option(
    name: .long,
    help: ArgumentHelp("The configuration; without it, the built-in default.", valueName: "file"),
    completion: .file())
  var config: String?

  /// A feature network's file: `FeatureNetworkSummary` is printed, and nothing of a run's
  /// configuration is read.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "A feature network's file instead, such as configs/features/inception-fid.yaml.",
      valueName: "file"), completion: .file())
  var features: String?

  @Flag(name: .long, help: "Print one line of JSON, with all options of the layers.")
  var json = false

  @Argument(help: ArgumentHelp("Overrides, such as training.batch=64.", valueName: "key=value"))
  var overrides: [String] = []

  /// Refuses a configuration beside a feature network.
  ///
  /// - Throws: `ValidationError`, which ends with status 64.
  func validate() throws {
    guard features == nil || config == nil else {
      throw ValidationError("--features goes without --config")
    }
  }

  /// What `--json` prints of a configuration: generator, then critic; memory in bytes, an element a
  /// number of ranks.
  private struct Report: Encodable {
    var name: String
    var networks: [NetworkDescription]
    var memory: [MemoryEstimate]
  }

  /// Makes the text on rank 0, and prints it there.
  ///
  /// - Throws: `ExitCode` 1, after the error has been printed, with the key that is at fault.
  func run() throws {
    try Job.run(isJSON: json) { communicator in
      try communicator.agree {
        guard communicator.rank == 0 else { return }
        StandardOutput.print(try text())
      }
    }
  }

  /// The result: a line of JSON, or a title and a table each of generator, critic and memory.
  ///
  /// The title's GFLOP are those of an iteration on all ranks together, as direct convolutions
  /// would take them. Memory is estimated for 1, 2, 4 and 8 ranks, those that divide the shards'
  /// tree.
  ///
  /// - Returns: Lines without the last break.
  /// - Throws: `ConfigurationError` or `Fault` of the configuration, the networks, or the feature
  ///   network's file.
  private func text() throws -> String {
    if let features {
      let summary = try FeatureNetworkSummary(
        FeatureDescription(path: features, overrides: overrides))
      return try json ? JSONLine.text(summary) : summary.text
    }
    var document = try ConfigurationDocument.named(config)
    try document.apply(overrides)
    let configuration = try RunConfiguration(document)
    let model = try MemoryLedger.planning {
      try configuration.makeModel(communicator: SoloCommunicator(), drawsParameters: false)
    }
    let networks = [model.generator, model.critic].map(\.description)
    let shards = configuration.training.shards
    let memory = try [1, 2, 4, 8]
      .filter { ReductionTree(leaves: shards).partCounts.contains($0) }
      .map { try MemoryEstimate(document, ranks: $0) }
    if json {
      return try JSONLine.text(
        Report(name: configuration.name, networks: networks, memory: memory))
    }
    let training = configuration.training
    let pack = model.packing.members
    let title =
      "\(configuration.name): batch \(training.batch) in \(shards) shards, "
      + (pack == 1 ? "" : "packs of \(pack) samples for the critic, ")
      + String(format: "%.1f GFLOP an iteration", model.operations(training) * 1e-9)
    return ([title] + networks.map(\.table) + [Self.table(memory)]).joined(separator: "\n\n")
  }

  /// Megabytes (2^20 bytes) of rank 0, a column a number of ranks.
  ///
  /// - Parameter memory: In bytes, in the order of the columns.
  /// - Returns: A line for each use of memory, their total, and what is not counted.
  private static func table(_ memory: [MemoryEstimate]) -> String {
    let lines: [(name: String, bytes: KeyPath<MemoryEstimate, Int>)] = [
      ("values between layers", \.values), ("gradients between layers", \.gradients),
      ("parameter gradients, one a shard", \.partials), ("parameters", \.parameters),
      ("optimizer moments, average", \.moments), ("scratch of the products", \.scratch),
      ("layers' own, exchange", \.layers), ("copy for checkpoints", \.checkpoint),
      ("total", \.total),
    ]
    var table = TextTable([.text("ranks")] + memory.map { .number("\($0.ranks)") })
    for line in lines {
      table.add(
        [line.name]
          + memory.map { String(format: "%.1f", Double($0[keyPath: line.bytes]) / 1_048_576) })
    }
    return """
      memory of rank 0, MB
      \(table.text)
      not counted: the program with its libraries and MPI, the data set, pictures
      """
  }
}
