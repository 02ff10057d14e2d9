import Base
import Foundation

/// The folder of a run.
///
///     config.yaml  environment.json  metrics.csv  evaluation.csv  curves.png  report.html  run.log
///     lock  data.json (of arrays)
///     samples/{epoch-0005,reals-and-samples}.png
///     tensorboard/events.out.tfevents.* (where it is asked for)
///     checkpoints/step-00000469/{generator,critic,optimizer}.safetensors, state.json, DONE
///     checkpoints/latest -> step-00000469     checkpoints/best -> step-00000312
package struct RunDirectory: Sendable {
  package let path: String

  package init(_ path: String) { self.path = path }

  package var configuration: String { "\(path)/config.yaml" }
  package var environment: String { "\(path)/environment.json" }
  /// The layout of a run's arrays, and their statistics.
  package var data: String { "\(path)/data.json" }
  package var metrics: String { "\(path)/metrics.csv" }
  package var evaluation: String { "\(path)/evaluation.csv" }
  package var curves: String { "\(path)/curves.png" }
  package var report: String { "\(path)/report.html" }
  package var log: String { "\(path)/run.log" }
  package var samples: String { "\(path)/samples" }
  /// Event files for TensorBoard.
  package var tensorboard: String { "\(path)/tensorboard" }
  package var checkpoints: String { "\(path)/checkpoints" }

  /// Makes the first free folder in `directory` among `name` and its numbered successors, NAME-2
  /// and on.
  ///
  /// Processes that look for one at the same time get a folder each.
  package static func createFree(named name: String, in directory: String) throws -> RunDirectory {
    try FileSystem.createDirectory(directory)
    var path = "\(directory)/\(name)"
    var number = 2
    while try !FileSystem.createNewDirectory(path) {
      path = "\(directory)/\(name)-\(number)"
      number += 1
    }
    return RunDirectory(path)
  }

  /// The folder that `createFree` would make now; makes nothing.
  package static func free(named name: String, in directory: String) -> RunDirectory {
    var path = "\(directory)/\(name)"
    var number = 2
    while FileSystem.exists(path) {
      path = "\(directory)/\(name)-\(number)"
      number += 1
    }
    return RunDirectory(path)
  }

  /// Whether `create` would find a place for a new run; makes nothing.
  ///
  /// - Throws: `Fault` where the folder holds a run, is in use, or could not be made or
  ///   written to.
  package func requireCreatable() throws {
    guard !FileSystem.exists(configuration) else { throw holdsRun }
    if FileSystem.isDirectory(path) { try RunLease.requireFree(path) }
    try FileSystem.requireCreatable(path)
  }

  private var holdsRun: Fault {
    Fault(
      "\(path): holds a run already",
      advice: "go on with it by --continue, or give another --run folder")
  }

  /// Makes the folders of a new run and takes the right to write there.
  ///
  /// - Parameters:
  ///   - again: Whether a run may have begun there: one that has no checkpoint yet begins afresh.
  ///   - report: Called with a line before a long wait.
  /// - Returns: The right.
  /// - Throws: Where the folder holds a run, or another process is about to begin one in it.
  package func create(again: Bool = false, report: (String) -> Void = { _ in }) throws -> RunLease {
    try FileSystem.createDirectory(path)
    let lease = try RunLease(folder: path, report: report)
    guard again || !FileSystem.exists(configuration) else { throw holdsRun }
    for folder in [samples, checkpoints] { try FileSystem.createDirectory(folder) }
    return lease
  }

  /// Whether there is anything that is named as a checkpoint, whole or not.
  package func hasCheckpoints() throws -> Bool {
    try !CheckpointStore(directory: checkpoints, keep: 1).allNames().isEmpty
  }

  /// The picture of samples that the run wrote last.
  ///
  /// - Throws: Where it has written none.
  package func newestSamples() throws -> String {
    guard FileSystem.exists(samples) else {
      throw Fault("\(path): expected the folder of a run, found no samples/ in it")
    }
    guard let newest = try samplePictures().last else {
      throw Fault("\(samples): has no picture of samples yet")
    }
    return newest
  }

  /// The pictures of samples that the run has written, the oldest first.
  ///
  /// - Throws: Where their folder cannot be read.
  package func samplePictures() throws -> [String] {
    // By date: a run's names count epochs or iterations, and its end can be both.
    try FileSystem.listDirectory(samples).filter {
      $0.hasSuffix(".png") && ($0.hasPrefix("epoch-") || $0.hasPrefix("iteration-"))
    }.map { name in
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(samples)/\(name)")
      return (date: attributes[.modificationDate] as? Date ?? .distantPast, name: name)
    }.sorted { ($0.date, $0.name) < ($1.date, $1.name) }.map { "\(samples)/\($0.name)" }
  }
}
