import ArgumentParser
import Base
import Conversion
import Sampling

/// The command `export`: rank 0 writes; no file is left where a layer is refused.
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

  enum Format: String, CaseIterable, ExpressibleByArgument {
    case pytorch, onnx, lwtnn
  }

  @Argument(
    help: ArgumentHelp("A run's folder, a checkpoint's, or a file of weights.", valueName: "path"),
    completion: .file())
  var path: String

  @Argument(
    help: ArgumentHelp(
      "The folder to write into, with --format pytorch; then overrides, such as data.path=FOLDER.",
      valueName: "folder and key=value"), completion: .directory)
  var rest: [String] = []

  @Option(name: .long, help: ArgumentHelp("What is written.", valueName: "pytorch|onnx|lwtnn"))
  var format = Format.pytorch

  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp(
      "The file to write; with --format pytorch the folder.", valueName: "path"),
    completion: .file())
  var output: String?

  @Option(
    name: .long,
    help: ArgumentHelp("Which network a file of one has.", valueName: "generator|critic"))
  var network = NetworkExport.Choice.generator

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

  @Flag(name: .long, help: "The generator's own weights, also where the run keeps an average.")
  var own = false

  @Flag(name: .long, help: "Write .pt files too, as torch.save does.")
  var pt = false

  @Flag(name: .long, help: "Print one line of JSON.")
  var json = false

  /// What `--json` prints of files that are written.
  private struct Files: Encodable {
    let files: [String]
  }

  /// What `--json` prints with `--check`.
  private struct Comparison: Encodable {
    let file: String
    let network: String
    let samples: Int
    let difference: Double
    let limit: Double
    let agrees: Bool
  }

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
