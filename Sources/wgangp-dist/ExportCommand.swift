import ArgumentParser
import Base
import Conversion
import Sampling

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a checkpoint's networks for PyTorch: state dicts and Python modules.",
    discussion: """
      Writes generator.safetensors, critic.safetensors and model.py into the folder. \
      `from model import load; generator = load("generator")` gives a torch.nn.Module in \
      evaluation mode. A layer that PyTorch has no module for is refused.
      """)

  @Argument(
    help: ArgumentHelp("A run's folder, a checkpoint's, or a file of weights.", valueName: "path"))
  var path: String

  @Argument(help: ArgumentHelp("The folder to write into.", valueName: "folder"))
  var folder: String

  @Argument(
    help: ArgumentHelp("Overrides, such as data.path=FOLDER.", valueName: "key=value"))
  var overrides: [String] = []

  @Option(
    name: .customLong("step"),
    help: ArgumentHelp(
      "Which of the run's checkpoints: its step number, or best.", valueName: "step|best"))
  var checkpoint = CheckpointChoice.newest

  @Option(
    name: .long,
    help: ArgumentHelp("The configuration, instead of the run's own.", valueName: "file"))
  var config: String?

  @Flag(name: .long, help: "The generator's own weights, also where the run keeps an average.")
  var own = false

  @Flag(name: .long, help: "Write .pt files too, as torch.save does.")
  var pt = false

  func run() throws {
    try Job.run { communicator in
      try communicator.agree {
        guard communicator.rank == 0 else { return }
        var options = NetworkExport.Options()
        options.configuration = config
        options.overrides = overrides
        options.checkpoint = checkpoint
        options.usesAverage = !own
        options.writesPickles = pt
        for file in try NetworkExport(options).run(path, to: folder) { print(file) }
      }
    }
  }
}
