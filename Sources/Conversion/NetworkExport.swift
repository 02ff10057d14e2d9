import Base
import Networks
import Sampling
import Storage
import Training

/// Writes a checkpoint's networks for other programs.
///
/// - PyTorch: state dicts of both, and a Python file of their modules that loads them.
/// - ONNX: a file a network.
/// - lwtnn: likewise, of dense layers.
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

  /// One of a run's networks.
  package enum Choice: String, Sendable, CaseIterable {
    case generator, critic
  }

  private let options: Options

  package init(_ options: Options) { self.options = options }

  /// Reads the checkpoint at `path`; the critic's weights too where they are there, or needed.
  private func trained(_ path: String, needsCritic: Bool = false) throws -> TrainedModel {
    let readsCritic =
      try needsCritic || CheckpointPlace(path, options.checkpoint).contains("critic")
    let trained = try TrainedModel(
      path, checkpoint: options.checkpoint, configurationFile: options.configuration,
      overrides: options.overrides, usesAverage: options.usesAverage,
      needsCritic: { _, _ in readsCritic })
    for note in trained.notes { Messages.warning(note) }
    return trained
  }

  /// Writes PyTorch's files into `folder`, which is made.
  ///
  /// First the modules are made, so that a layer without one leaves no file.
  ///
  /// - Parameters:
  ///   - path: The run's, checkpoint's, or a file of weights.
  ///   - folder: For `generator.safetensors`, `critic.safetensors` where there is a critic, `.pt`
  ///     files where they were asked for, and `model.py`.
  /// - Returns: The files.
  /// - Throws: Where there is no checkpoint, or a layer has no module; no file is written then.
  package func run(_ path: String, to folder: String) throws -> [String] {
    let trained = try trained(path)
    var networks = [(className: "Generator", network: trained.model.generator)]
    if trained.hasCritic { networks.append(("Critic", trained.model.critic)) }
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

  // MARK: - Files of one network

  /// Writes a network as an ONNX model.
  ///
  /// - Parameters:
  ///   - path: The run's, checkpoint's, or a file of weights.
  ///   - choice: Which network.
  ///   - file: Replaced as a whole.
  /// - Throws: Where there is no checkpoint, or a layer that ONNX has no operators for.
  package func writeONNX(_ path: String, _ choice: Choice, to file: String) throws {
    let trained = try trained(path, needsCritic: choice == .critic)
    let model = try ONNXModel(
      trained.network(choice),
      properties: ExportProperties(trained, choice, usesAverage: options.usesAverage).all)
    try model.write(to: file)
  }

  /// Writes a network of dense layers as lwtnn's JSON.
  ///
  /// - Parameters:
  ///   - path: The run's, checkpoint's, or a file of weights.
  ///   - choice: Which network.
  ///   - file: Replaced as a whole.
  /// - Throws: Where there is no checkpoint, or a layer that lwtnn has nothing for.
  package func writeLwtnn(_ path: String, _ choice: Choice, to file: String) throws {
    let trained = try trained(path, needsCritic: choice == .critic)
    let model = try LwtnnModel(
      trained.network(choice), conditionNames: trained.configuration.data.numberNames,
      properties: ExportProperties(trained, choice, usesAverage: options.usesAverage).all)
    try model.write(to: file)
  }

  /// Compares an ONNX model with the network of its name.
  ///
  /// - Parameters:
  ///   - path: The run's, checkpoint's, or a file of weights.
  ///   - file: The model; its graph's name says which network it is.
  /// - Returns: The largest difference of their outputs.
  /// - Throws: Where there is no checkpoint, or the file is no such model.
  package func checkONNX(_ path: String, file: String) throws -> ONNXCheck {
    let evaluation = try ONNXEvaluation(path: file)
    guard let choice = Choice(rawValue: evaluation.name) else {
      throw Fault(
        "\(file): its graph is called '\(printable(evaluation.name))', expected generator or critic"
      )
    }
    let trained = try trained(path, needsCritic: choice == .critic)
    return try ONNXCheck(
      evaluation, path: file, network: trained.network(choice),
      SampleGenerator(trained.model, trained.configuration))
  }
}

extension TrainedModel {
  func network(_ choice: NetworkExport.Choice) -> Network {
    choice == .critic ? model.critic : model.generator
  }
}
