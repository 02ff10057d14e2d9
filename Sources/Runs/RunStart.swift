import Base
import Collectives
import Configuration
import Foundation
import Recipe
import Sampling
import Storage
import Training

/// How a run begins, which rank 0 finds out for all.
enum RunStart: Equatable {
  /// In a folder that holds no run yet; nil for a free name in `output.directory`.
  case new(folder: String?)
  /// In a folder whose run was ended before its first checkpoint, with its `config.yaml`.
  case again(folder: String, stored: String)
  /// From the newest checkpoint of a folder, with its `config.yaml`.
  case resume(folder: String, stored: String)

  /// The folder, where it is known.
  var folder: String? {
    switch self {
    case .new(let folder): folder
    case .again(let folder, _), .resume(let folder, _): folder
    }
  }

  /// The text of the run's `config.yaml`; nil for a new one.
  var stored: String? {
    switch self {
    case .new: nil
    case .again(_, let stored), .resume(_, let stored): stored
    }
  }

  var isResume: Bool { if case .resume = self { true } else { false } }

  /// Looks into the folder, on rank 0, and tells all.
  ///
  /// - Parameters:
  ///   - options: What the command line asks.
  ///   - communicator: All ranks.
  /// - Throws: On all ranks, where there is no run to go on with.
  init(_ options: TrainingOptions, _ communicator: any Communicator) throws {
    guard let folder = options.resume ?? (options.goesOn ? options.runFolder : nil) else {
      self = .new(folder: options.runFolder)
      return
    }
    let run = RunDirectory(folder)
    // Which case, and the stored text behind it.
    var text = ""
    try communicator.agree {
      guard communicator.rank == 0 else { return }
      guard FileSystem.exists(run.configuration) else {
        guard options.resume == nil else {
          throw Fault("\(folder): expected the folder of a run, found no config.yaml in it")
        }
        text = "new\n"
        return
      }
      let stored = String(
        decoding: try FileSystem.readFile(
          run.configuration, limit: ConfigurationDocument.mostBytes), as: UTF8.self)
      if options.goesOn, try !run.hasCheckpoints() {
        text = "again\n" + stored
      } else {
        text = "resume\n" + stored
      }
    }
    text = try communicator.broadcast(text, from: 0)
    let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    let stored = parts.count > 1 ? String(parts[1]) : ""
    switch parts[0] {
    case "again": self = .again(folder: folder, stored: stored)
    case "resume": self = .resume(folder: folder, stored: stored)
    default: self = .new(folder: folder)
    }
  }

  /// The configuration of a new run from its file; of one that goes on from its folder, or with
  /// `--continue` from the file that is given again.
  ///
  /// - Parameter options: What the command line asks.
  /// - Returns: The configuration with the overrides.
  /// - Throws: `ConfigurationError`.
  func document(_ options: TrainingOptions) throws -> ConfigurationDocument {
    guard let folder, let stored, options.configuration == nil else {
      let file = try file(options)
      var document = try ConfigurationDocument.named(file)
      // What a run has written down has the sizes that were multiples of it.
      if options.configuration == nil, let file,
        let assignment = options.overrides.first(where: { $0.hasPrefix("width=") })
      {
        throw Fault(
          "\(assignment): \(file) has its sizes written out",
          advice: "give the run's own configuration by --config FILE")
      }
      try document.apply(options.overrides)
      return document
    }
    var document = try ConfigurationDocument(
      text: stored, name: RunDirectory(folder).configuration)
    // With --continue the command line is the one that began the run: `requireSame` compares.
    if options.resume != nil {
      for assignment in options.overrides { try RunConfiguration.requireChangeable(assignment) }
    }
    try document.apply(options.overrides)
    return document
  }

  /// The configuration's file of a run that begins: the one that is given, else that of the weights
  /// to begin with; nil for the built-in default.
  private func file(_ options: TrainingOptions) throws -> String? {
    guard options.configuration == nil, let origin = options.origin else {
      return options.configuration
    }
    return try CheckpointPlace(origin).configuration(of: origin)
  }

  /// Refuses a command line of `--continue` that says another configuration than the run's.
  ///
  /// - Parameters:
  ///   - resolvedYAML: The configuration of now.
  ///   - options: What the command line asks.
  /// - Throws: `Fault` naming what differs.
  func requireSame(_ resolvedYAML: String, _ options: TrainingOptions) throws {
    guard let folder, let stored, options.goesOn else { return }
    let before = try RunConfiguration.fixedValues(
      in: stored, name: RunDirectory(folder).configuration)
    guard let difference = try RunConfiguration.difference(of: resolvedYAML, from: before) else {
      return
    }
    throw Fault(
      "\(folder): holds a run of another configuration: \(difference)",
      advice: "a run keeps its configuration, give another --run folder")
  }
}

extension Communicator {
  /// Gives all ranks the text of rank `root`.
  func broadcast(_ text: String, from root: Int) throws -> String {
    var length = text.utf8.count
    try withUnsafeMutableBytes(of: &length) { try broadcast($0, from: root) }
    var bytes = Array(text.utf8)
    if rank != root { bytes = [UInt8](repeating: 0, count: length) }
    try bytes.withUnsafeMutableBytes { try broadcast($0, from: root) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
