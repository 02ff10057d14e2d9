import ArgumentParser
import Base
import Conversion
import Foundation

/// The command `import`: rank 0 reads and writes; no file is left where a tensor does not fit.
///
/// Two ways: `--generator` makes a run's folder with one checkpoint of step 0 (`WeightImport`),
/// `--tensors` a safetensors file under other names (`TensorConversion`). Prints how many tensors
/// came from where, what was left out, transposed or missing, and at last the path.
/// docs/commands.md has which files are read.
///
/// Exits with 1 where a tensor does not fit, after a table of all that do not.
struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Make a checkpoint of weights that another program has trained.",
    discussion: """
      Reads PyTorch's state dicts (.safetensors, and .pt or .pth of torch.save) and Paddle's \
      (.pdparams). Nothing in a file is executed. The folder that is written is one \
      that sample, evaluate, export and train --from take.

      Tensors that do not fit are listed all at once, and nothing is written. --map gives names: \
      'net.(\\d+)=main.$1' puts the replacement where the regular expression is found first; an \
      empty one leaves the tensor out. NAME[0], NAME[1] are put together along their first \
      dimension.

      With --tensors any such file becomes a safetensors file under other names: the weights of a \
      network that features come from.
      """)

  /// nil for the built-in default: the networks whose tensors are expected.
  @Option(
    name: .long,
    help: ArgumentHelp("The configuration that the weights are for.", valueName: "file"),
    completion: .file())
  var config: String?

  /// Needed but with `--tensors`.
  @Option(
    name: .long, help: ArgumentHelp("The generator's weights.", valueName: "file"),
    completion: .file())
  var generator: String?

  /// nil for an import without a critic: samples and most scores do not need one.
  @Option(
    name: .long, help: ArgumentHelp("The critic's weights.", valueName: "file"), completion: .file()
  )
  var critic: String?

  /// Of the generator, with running statistics of their own; `sample` draws them.
  @Option(
    name: .long, help: ArgumentHelp("The generator's averaged weights.", valueName: "file"),
    completion: .file())
  var average: String?

  /// Takes the place of all that is about networks.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "A file whose tensors are renamed, without a configuration.", valueName: "file"),
    completion: .file())
  var tensors: String?

  /// In their order, behind the rules of all `--map-file`: `NameMap`.
  @Option(
    name: .customLong("map"),
    help: ArgumentHelp(
      "A rule of names; several apply in turn.", valueName: "pattern=replacement"))
  var rules: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Rules, a line each, before those of --map; such as configs/weights/*.map.",
      valueName: "file"), completion: .file())
  var mapFile: [String] = []

  /// Names without it do not count at all, and are not told as left out.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Only tensors whose names begin so, without it: module. or generator.", valueName: "text"))
  var prefix = ""

  @Option(
    name: .long,
    help: ArgumentHelp("The same of the critic's file (default: --prefix).", valueName: "text"))
  var criticPrefix: String?

  /// nil for what the file's format says, and for others what the shapes say; square weights are
  /// taken as they are then.
  @Option(
    name: .long,
    help: ArgumentHelp(
      """
      How the weights of linear layers lie: outputs x inputs, or inputs x outputs (default: as the \
      file's format has them, and as their shapes say).
      """, valueName: "pytorch|paddle"))
  var layout: MappedTensors.Layout?

  /// Turns the table of what does not fit from an error into a part of the report.
  @Flag(name: .long, help: "Take what fits; the rest keeps the values that it is drawn with.")
  var partial = false

  @Flag(name: .long, help: "Print one line of JSON.")
  var json = false

  /// Must not hold a run; a file of `--tensors` is written over.
  @Argument(
    help: ArgumentHelp(
      "The folder to make; with --tensors the safetensors file.", valueName: "output"),
    completion: .file())
  var output: String

  @Argument(
    help: ArgumentHelp("Overrides, such as width=32 or data.path=FOLDER.", valueName: "key=value"))
  var overrides: [String] = []

  /// Refuses both ways at once or neither, and an override where the folder should stand.
  ///
  /// - Throws: `ValidationError`, which ends with status 64.
  func validate() throws {
    guard (tensors == nil) != (generator == nil) else {
      throw ValidationError("expected --generator FILE, or --tensors FILE")
    }
    guard tensors == nil || (critic == nil && average == nil && config == nil && !partial) else {
      throw ValidationError(
        "--tensors renames a file's tensors; leave out --config, --critic, --average and --partial")
    }
    guard tensors == nil || overrides.isEmpty else {
      throw ValidationError("--tensors takes no configuration; found \(overrides[0])")
    }
    guard !output.contains("=") else {
      throw ValidationError("expected the folder to make before key=value, found \(output)")
    }
  }

  /// Imports on rank 0 and prints the report; the others wait for its end.
  ///
  /// - Throws: `ExitCode` 1, after the error has been printed.
  func run() throws {
    try Job.run(isJSON: json) { communicator in
      try communicator.agree {
        guard communicator.rank == 0 else { return }
        StandardOutput.print(try result())
      }
    }
  }

  /// Imports, and tells what was taken.
  ///
  /// - Returns: The report, for people or as a line of JSON.
  /// - Throws: `Fault` for a rule that is none, naming its file and line, and as `WeightImport` and
  ///   `TensorConversion`.
  private func result() throws -> String {
    var map = NameMap()
    for file in mapFile { try map.add(file: file) }
    for rule in rules { try map.add(rule, source: "--map") }
    if let tensors {
      let report = try TensorConversion.run(
        tensors, to: output, map: map, prefix: prefix, layout: layout)
      return try json ? JSONLine.text(report) : report.lines.joined(separator: "\n")
    }
    var options = WeightImport.Options()
    options.configuration = config
    options.overrides = overrides
    options.generator = generator ?? ""
    options.critic = critic
    options.average = average
    options.map = map
    options.prefix = prefix
    options.criticPrefix = criticPrefix ?? prefix
    options.layout = layout
    options.isPartial = partial
    options.folder = output
    let report = try WeightImport(options).run()
    return try json ? JSONLine.text(report) : report.lines.joined(separator: "\n")
  }
}

extension MappedTensors.Layout: ExpressibleByArgument {}
