import ArgumentParser
import Reports
import Runs

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a generator and a critic.",
    discussion: """
      Without --config the built-in default runs: digits that the program draws, about a minute on \
      two cores.

      A run writes its folder: config.yaml (with all defaults), environment.json, metrics.csv (a \
      row an iteration), samples/ (PNG grids) and checkpoints/ (safetensors under PyTorch's names; \
      latest points to the newest).

      SIGINT or SIGTERM on a single process, and SIGUSR1 to mpirun, end it in order: the iteration \
      is finished, a checkpoint is saved, and the last line says how to go on.
      """)

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The configuration, such as configs/fashion-mnist-wgan-gp.yaml.", valueName: "file"))
  var config: String?

  @Option(
    name: .customLong("run"),
    help: ArgumentHelp(
      "The folder of the new run (default: output.directory/NAME, numbered if taken).",
      valueName: "folder"))
  var runFolder: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Go on with the run in this folder, on any allowed rank count.", valueName: "folder"))
  var resume: String?

  @Flag(
    name: .long,
    help: """
      Check configuration, networks, sizes, data and the run's folder, or the checkpoint of \
      --resume; train and write nothing.
      """)
  var dryRun = false

  @Argument(
    help: ArgumentHelp(
      "Overrides, such as training.batch=64 or training.iterations=100.", valueName: "key=value"))
  var overrides: [String] = []

  func validate() throws {
    guard resume == nil || (config == nil && runFolder == nil) else {
      throw ValidationError(
        "--resume takes everything from the run's folder; leave out --config and --run")
    }
  }

  func run() throws {
    // Before data and networks are there: a request to stop that comes early ends after one
    // iteration.
    StopSignal.install()
    try Job.run { communicator in
      var options = TrainingOptions()
      options.configuration = config
      options.overrides = overrides
      options.runFolder = runFolder
      options.resume = resume
      options.version = WGANGPDist.configuration.version
      let run = try TrainingRun(options, communicator: communicator)
      try dryRun ? run.dryRun() : run.execute()
    }
  }
}
