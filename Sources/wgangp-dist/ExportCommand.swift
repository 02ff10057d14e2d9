import ArgumentParser
import Base
import Conversion
import Sampling

/// The command `export`: rank 0 writes; no file is left where a layer is refused.
///
/// The formats are in docs/commands.md; `PyTorchModule`, `ONNXModel` and `LwtnnModel` write them.
/// Prints the paths of the files, a line each. With `--check` it writes nothing, prints the largest
/// difference, and exits with 1 where that is over `ONNXCheck.tolerance`.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a checkpoint's networks for PyTorch, ONNX or lwtnn.",
    discussion: """
      For PyTorch, generator.safetensors, critic.safetensors and model.py into a folder: \
      `from model import load; generator = load("generator")` gives a torch.nn.Module in \
      evaluation mode. For ONNX, a model of one network; --check compares such a file with the \
      run's network. For lwtnn, the JSON file of a network of dense layers. A layer that the \
      format has nothing for is refused.
      """)

  /// What is written: a folder of state dicts and a module, or a file of one network.
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case pytorch, onnx, lwtnn
  }

  @Argument(
    help: ArgumentHelp("A run's folder, a checkpoint's, or a file of weights.", valueName: "path"),
    completion: .file())
  var path: String

  /// The folder of `--format pytorch`, if `-o` does not name it, and overrides behind it.
  @Argument(
    help: ArgumentHelp(
      "The folder to write into, with --format pytorch; then overrides, such as data.path=FOLDER.",
      valueName: "folder and key=value"), completion: .directory)
  var rest: [String] = []

  @Option(name: .long, help: ArgumentHelp("What is written.", valueName: "pytorch|onnx|lwtnn"))
  var format = Format.pytorch

  /// A file that is written over; for `pytorch` a folder, which is made.
  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp(
      "The file to write; with --format pytorch the folder.", valueName: "path"),
    completion: .file())
  var output: String?

  /// Of ONNX and lwtnn; PyTorch's folder has both, the critic where the checkpoint has one.
  @Option(
    name: .long,
    help: ArgumentHelp("Which network a file of one has.", valueName: "generator|critic"))
  var network = NetworkExport.Choice.generator

  /// An ONNX file whose graph's name says which network it is.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Compare an ONNX file with the run's network instead, on drawn inputs; an error beyond "
        + "\(ONNXCheck.tolerance).", valueName: "file"), completion: .file())
  var check: String?

  @Option(
    name: .customLong("step"),
    help: ArgumentHelp(
      "Which of the run's checkpoints: its step number, or best.", valueName: "step|best"))
  var checkpoint = CheckpointChoice.newest

  @Option(
    name: .long,
    help: ArgumentHelp("The configuration, instead of the run's own.", valueName: "file"),
    completion: .file())
  var config: String?

  /// Else the average is written, where the run keeps one.
  @Flag(name: .long, help: "The generator's own weights, also where the run keeps an average.")
  var own = false

  /// Beside the safetensors files, for who loads by `torch.load`.
  @Flag(name: .long, help: "Write .pt files too, as torch.save does.")
  var pt = false

  @Flag(name: .long, help: "Print one line of JSON.")
  var json = false

  /// What `--json` prints of files that are written.
  private struct Files: Encodable {
    let files: [String]
  }

  /// What `--json` prints with `--check`, also where the command then fails.
  ///
  /// `difference` is the largest |a - b| / (1 + |b|), a the file's outputs and b the network's,
  /// over `samples` drawn inputs.
  private struct Comparison: Encodable {
    let file: String
    let network: String
    let samples: Int
    let difference: Double
    let limit: Double
    let agrees: Bool
  }

  /// Refuses a format without a place to write to, and `.pt` files of another format.
  ///
  /// - Throws: `ValidationError`, which ends with status 64.
  func validate() throws {
    guard check == nil else { return }
    guard output != nil || format == .pytorch && !rest.isEmpty else {
      throw ValidationError(
        format == .pytorch
          ? "expected a folder to write into" : "--format \(format): expected -o FILE")
    }
    guard format == .pytorch || !pt else {
      throw ValidationError("--pt: --format \(format) has no such files")
    }
  }

  /// Writes or compares on rank 0; the others wait for its end.
  ///
  /// - Throws: `ExitCode` 1, after the error has been printed.
  func run() throws {
    try Job.run(isJSON: json) { communicator in
      try communicator.agree {
        guard communicator.rank == 0 else { return }
        let export = NetworkExport(options)
        if let check { return try compare(export, check) }
        let files = try write(export)
        StandardOutput.print(
          try json ? JSONLine.text(Files(files: files)) : files.joined(separator: "\n"))
      }
    }
  }

  /// Writes what `--format` says.
  ///
  /// - Parameter export: Of this command's options.
  /// - Returns: The paths of the files.
  /// - Throws: `Fault` where there is no checkpoint, or a layer that the format has nothing for.
  private func write(_ export: NetworkExport) throws -> [String] {
    guard let file = output, format != .pytorch else {
      return try export.run(path, to: output ?? rest[0])
    }
    if format == .onnx {
      try export.writeONNX(path, network, to: file)
    } else {
      try export.writeLwtnn(path, network, to: file)
    }
    return [file]
  }

  /// What `NetworkExport` is told; the first of `rest` is no override where it is the folder.
  private var options: NetworkExport.Options {
    var options = NetworkExport.Options()
    options.configuration = config
    let hasFolder = format == .pytorch && output == nil && check == nil
    options.overrides = Array(rest.dropFirst(hasFolder ? 1 : 0))
    options.checkpoint = checkpoint
    options.usesAverage = !own
    options.writesPickles = pt
    return options
  }

  /// Compares an ONNX file with the run's network, and prints the difference.
  ///
  /// - Parameters:
  ///   - export: Of this command's options.
  ///   - file: The ONNX file; its operators are evaluated as they stand there (`ONNXEvaluation`).
  /// - Throws: `Fault` where the difference is over the limit, or the file is no such model.
  private func compare(_ export: NetworkExport, _ file: String) throws {
    let found = try export.checkONNX(path, file: file)
    if json {
      StandardOutput.print(
        try JSONLine.text(
          Comparison(
            file: file, network: found.network, samples: found.samples,
            difference: found.difference, limit: ONNXCheck.tolerance, agrees: found.isGood)))
    }
    let text =
      "the \(found.network)'s outputs for \(found.samples) drawn samples differ by "
      + "\(found.difference) at most, relative to 1 + their size"
    guard found.isGood else {
      throw Fault("\(file): \(text); expected at most \(ONNXCheck.tolerance)")
    }
    if !json { StandardOutput.print("\(file): \(text)") }
  }
}

extension NetworkExport.Choice: ExpressibleByArgument {}
