import Base
import Foundation
import Storage

/// A checkpoint that a path leads to: a run's newest whole one or that of a step, a checkpoint's
/// folder, or a safetensors file of a generator's state dict.
package struct CheckpointPlace {
  /// The checkpoint's folder, or the file.
  package let source: String
  /// The folder of the run that it belongs to; nil for a file, or where there is none.
  package let run: RunDirectory?
  /// Whether it is a generator's weights only.
  package let isFile: Bool
  /// One line for each newer checkpoint that is damaged and was passed over.
  package let notes: [String]

  /// Finds it.
  ///
  /// - Parameters:
  ///   - path: As said above.
  ///   - checkpoint: Which of a run's checkpoints.
  /// - Throws: `Fault` where there is none.
  package init(_ path: String, _ checkpoint: CheckpointChoice = .newest) throws {
    guard FileSystem.exists(path) else { throw Fault("\(path): no such file or folder") }
    guard FileSystem.isDirectory(path) else {
      try Self.refuse(checkpoint, path, "a file")
      self.init(source: path, run: nil, isFile: true)
      return
    }
    let run = RunDirectory(path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path)
    if FileSystem.exists(run.configuration) {
      let store = CheckpointStore(directory: run.checkpoints, keep: 1)
      switch checkpoint {
      case .best: self.init(source: try store.best(), run: run)
      case .step(let step):
        self.init(source: try Self.folder(ofStep: step, in: store, path: path), run: run)
      case .newest:
        let found = try store.latestValid()
        guard let folder = found.path else { throw Fault("\(path): has no whole checkpoint") }
        self.init(source: folder, run: run, notes: found.notes)
      }
      return
    }
    guard FileSystem.exists("\(path)/generator.safetensors") else {
      throw Fault(
        "\(path): expected a run's folder (with config.yaml) or a checkpoint's (with "
          + "generator.safetensors), found neither")
    }
    try Self.refuse(checkpoint, path, "a checkpoint")
    // `latest` is a link: its own name tells no step.
    let folder = URL(fileURLWithPath: path).resolvingSymlinksInPath()
    let parent = RunDirectory(
      folder.deletingLastPathComponent().deletingLastPathComponent().path)
    self.init(
      source: folder.path, run: FileSystem.exists(parent.configuration) ? parent : nil)
  }

  /// The configuration's file of the run that it belongs to.
  ///
  /// - Parameter path: As the user has named the place.
  /// - Returns: Its path.
  /// - Throws: `Fault` where there is none; of a file of another kind, such as PyTorch's, what it
  ///   is, as no configuration would help then.
  package func configuration(of path: String) throws -> String {
    if let run, FileSystem.exists(run.configuration) { return run.configuration }
    if isFile { _ = try SafetensorsFile(path: source) }
    throw Fault(
      "\(path): has no config.yaml two levels up",
      advice: "give the configuration by --config FILE")
  }

  private init(
    source: String, run: RunDirectory?, isFile: Bool = false, notes: [String] = []
  ) {
    self.source = source
    self.run = run
    self.isFile = isFile
    self.notes = notes
  }

  private static func folder(
    ofStep step: Int, in store: CheckpointStore, path: String
  ) throws -> String {
    let folder = store.path(step: step)
    guard FileSystem.exists("\(folder)/DONE") else {
      let steps = try store.names().compactMap(CheckpointStore.step(ofName:)).map(String.init)
      throw Fault(
        "\(path): has no checkpoint of step \(step); there are "
          + (steps.isEmpty ? "none" : steps.joined(separator: ", ")))
    }
    try store.verify(folder)
    return folder
  }

  private static func refuse(
    _ checkpoint: CheckpointChoice, _ path: String, _ what: String
  ) throws {
    guard checkpoint != .newest else { return }
    throw Fault(
      "\(path): is \(what)", advice: "--step chooses among the checkpoints of a run's folder")
  }

  /// Iterations after which the checkpoint was taken; nil for a file.
  package var iteration: Int? {
    isFile ? nil : CheckpointStore.step(ofName: FileSystem.name(of: source))
  }

  /// Whether it has weights under this name: `critic`, `generator_ema`.
  package func contains(_ name: String) -> Bool {
    isFile ? name == "generator" : FileSystem.exists("\(source)/\(name).safetensors")
  }

  /// The file of a network's weights.
  ///
  /// - Parameters:
  ///   - network: `generator` or `critic`.
  ///   - averaged: Whether the averaged weights are taken where there are any.
  /// - Returns: The path.
  /// - Throws: `Fault` where there are no weights of it.
  package func file(of network: String, averaged: Bool) throws -> String {
    if isFile, network == "generator" { return source }
    if averaged, contains("\(network)_ema") { return "\(source)/\(network)_ema.safetensors" }
    guard contains(network) else {
      throw isFile
        ? Fault(
          "\(source): is the generator's weights only, but the \(network)'s are needed",
          advice: "give the checkpoint's folder")
        : Fault("\(source): has no \(network).safetensors, but the \(network)'s weights are needed")
    }
    return "\(source)/\(network).safetensors"
  }
}
