import Base
import Networks
import Sampling
import Storage
import Training

/// Writes a checkpoint's networks for PyTorch: their state dicts, and a Python file of their
/// modules that loads them.
package struct NetworkExport {
  package struct Options: Sendable {
    /// Instead of the run's own configuration.
    package var configuration: String?
    package var overrides: [String] = []
    /// Which of a run's checkpoints.
    package var checkpoint = CheckpointChoice.newest
    /// Whether averaged parameters are taken where there are any.
    package var usesAverage = true
    /// Whether `.pt` files are written beside the `.safetensors` ones.
    package var writesPickles = false

    package init() {}
  }

  private let options: Options

  package init(_ options: Options) { self.options = options }

  /// Reads the checkpoint at `path` and writes into `folder`, which is made.
  ///
  /// - Returns: The files.
  /// - Throws: Where there is no checkpoint, or a layer has no module; no file is written then.
  package func run(_ path: String, to folder: String) throws -> [String] {
    let hasCritic = try CheckpointPlace(path, options.checkpoint).contains("critic")
    let trained = try TrainedModel(
      path, checkpoint: options.checkpoint, configurationFile: options.configuration,
      overrides: options.overrides, usesAverage: options.usesAverage,
      needsCritic: { _, _ in hasCritic })
    for note in trained.notes { Messages.warning(note) }
    var networks = [(className: "Generator", network: trained.model.generator)]
    if hasCritic { networks.append(("Critic", trained.model.critic)) }
    let module = try PyTorchModule(name: trained.configuration.name, networks: networks)
    try FileSystem.createDirectory(folder)
    var files: [String] = []
    for (_, network) in networks {
      try network.arena.mutate { values in
        let state = StateDictionary(of: network, parameters: values)
        files.append("\(folder)/\(network.name).safetensors")
        try state.writeAtomically(to: files[files.count - 1])
        guard options.writesPickles else { return }
        files.append("\(folder)/\(network.name).pt")
        try StateDictPickle(state.tensors).write(to: files[files.count - 1], fill: state.copy)
      }
    }
    files.append("\(folder)/model.py")
    try FileSystem.writeAtomically(module.text, to: files[files.count - 1])
    return files
  }
}
