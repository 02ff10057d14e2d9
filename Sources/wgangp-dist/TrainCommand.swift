import ArgumentParser
import Base
import Reports
import Runs

/// The command `train`: the one command that changes a run, on all ranks.
///
/// It only reads the command line; the run's life is `TrainingRun`: its initializer makes all
/// checks and builds the networks, `execute` trains. Rank 0 writes the run's folder (`RunDirectory`
/// has its files).
///
/// Exits with 0 when the run is done, 75 when it was stopped in order and saved, 74 when it
/// stalled, 1 where something is wrong. Progress and notices are lines of standard output, which
/// has no result of its own but with `--dry-run`.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a generator and a critic.",
    discussion: """
      Without --config the built-in default runs: digits that the program draws, half a minute on \
      two cores.

      A run writes its folder: config.yaml (with all defaults), environment.json, metrics.csv (a \
      row an iteration), samples/ (PNG grids), checkpoints/ (safetensors under PyTorch's names; \
      latest points to the newest), and at its end curves.png and report.html.

      With --continue one command line begins a run, goes on with it after a stop or a crash, and \
      does nothing where it is done: a job script needs no other.

      SIGINT, SIGTERM or SIGHUP on a single process, SIGUSR1 or SIGUSR2 to mpirun, and the time \
      limit end it in order: the iteration is finished, a checkpoint is saved, the last line says \
      how to go on, and the exit status is 75. It is 0 only where the run is done.
      """)

  /// nil for the built-in default, or for the configuration of `--resume` or `--from`.
  ///
  /// With `--continue` it may be given again, and must not differ from the run's `config.yaml`.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "The configuration, such as configs/fashion-mnist-wgan-gp.yaml.", valueName: "file"),
    completion: .file())
  var config: String?

  /// nil for a free name.
  ///
  /// A folder that holds a run is refused without `--continue`.
  @Option(
    name: .customLong("run"),
    help: ArgumentHelp(
      "The folder of the run (default: output.directory/NAME, numbered if taken).",
      valueName: "folder"), completion: .directory)
  var runFolder: String?

  /// A run that must be there: its newest whole checkpoint, and the configuration from its
  /// `config.yaml`, of which overrides may only change what changes no bit.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Go on with the run in this folder, on any allowed rank count.", valueName: "folder"),
    completion: .directory)
  var resume: String?

  /// For job scripts: begins, goes on or does nothing, by what the folder holds (`RunStart`).
  @Flag(
    name: .customLong("continue"),
    help: "Go on with the run in --run where there is one, else begin it.")
  var goesOn = false

  /// Only weights and running statistics come from there; step, seed, optimizers and schedules are
  /// the new run's.
  @Option(
    name: .customLong("from"),
    help: ArgumentHelp(
      """
      Begin with the weights of a run, a checkpoint or an import, at step 0 and with fresh \
      optimizers; without --config with its configuration.
      """, valueName: "path"), completion: .file())
  var origin: String?

  /// A length of time from now on, as `Duration.seconds` reads it.
  ///
  /// nil for what `SLURM_JOB_END_TIME` says (`RunLimit.current`).
  ///
  /// Training stops when less is left than twice the slowest iteration and checkpoint so far take,
  /// and two seconds.
  @Option(
    name: .long,
    help: ArgumentHelp(
      """
      Stop in order, saved, before so much time is over, such as 3h50m or 3:50:00 (default: what \
      Slurm says of the job's end, else none).
      """, valueName: "duration"))
  var timeLimit: String?

  /// A length of time as `Duration.seconds` reads it, `never`, or nil for the ten minutes of
  /// `TrainingOptions`; see `Watchdog`.
  @Option(
    name: .long,
    help: ArgumentHelp(
      """
      End the job, with status 74, where a rank has not come to an exchange for so long, such as \
      10m (the default), or never.
      """, valueName: "duration"))
  var stallTimeout: String?

  /// 0 to 100: how often `TrainingRun` may halve the learning rates and go back.
  ///
  /// The factor is part of checkpoints.
  @Option(
    name: .long,
    help: ArgumentHelp(
      """
      Where training diverges, go back to the last checkpoint with half the learning rates, at \
      most so often (default: 0).
      """, valueName: "count"))
  var rollback = 0

  /// Makes a warning of the error that configuration or data are others than the checkpoint's.
  @Flag(
    name: .long,
    help: "Go on although data or config.yaml are not those that the checkpoint was made with.")
  var acceptChanges = false

  /// Ends after `TrainingRun.dryRun`, whose lines rank 0 prints as the command's result.
  @Flag(
    name: .long,
    help: """
      Check configuration, networks, sizes, data and the run's folder, or the checkpoint of \
      --resume; train and write nothing.
      """)
  var dryRun = false

  @OptionGroup(title: "Messages")
  var messages: MessageOptions

  /// `key=value` in the order they are given, over the configuration's values; a later one wins.
  @Argument(
    help: ArgumentHelp(
      "Overrides, such as training.batch=64 or training.iterations=100.", valueName: "key=value"))
  var overrides: [String] = []

  /// Refuses options that contradict each other, before MPI starts.
  ///
  /// `--resume` beside `--config`, `--run` or `--from`; `--continue` without `--run`; an empty
  /// path; a number of rollbacks out of range. What a text means as a length of time is checked on
  /// the ranks, as an error of the run.
  ///
  /// - Throws: `ValidationError`, which ends with status 64.
  func validate() throws {
    guard resume == nil || (config == nil && runFolder == nil) else {
      throw ValidationError(
        "--resume takes everything from the run's folder; leave out --config and --run")
    }
    guard resume == nil || origin == nil else {
      throw ValidationError(
        "--resume goes on with a run; --from begins one: give --run FOLDER instead")
    }
    guard (0...100).contains(rollback) else {
      throw ValidationError("--rollback must be in 0 ... 100")
    }
    guard !goesOn || runFolder != nil else {
      throw ValidationError("--continue needs --run FOLDER, the folder of the run")
    }
    for (option, path) in [
      ("--run", runFolder), ("--resume", resume), ("--config", config),
      ("--from", origin),
    ]
    where path?.isEmpty == true {
      throw ValidationError("\(option): expected a path, found an empty word")
    }
  }

  /// Catches signals, makes the run on all ranks, and trains it.
  ///
  /// A signal that comes before the run is made is not lost: training ends after one iteration.
  /// Where making it fails behind such a signal, the status is 75 too: nothing is lost, the same
  /// command with `--continue` begins again.
  ///
  /// - Throws: `ExitCode`: 75 where the run is not done, 1 with a line on standard error.
  func run() throws {
    // Before data and networks are there: a request to stop that comes early ends after one
    // iteration.
    StopSignal.install()
    try Job.run(messages, needsAllTasks: true) { communicator in
      var options = TrainingOptions()
      options.configuration = config
      options.overrides = overrides
      options.runFolder = runFolder
      options.resume = resume
      options.goesOn = goesOn
      options.origin = origin
      options.acceptsChanges = acceptChanges
      options.rollbacks = rollback
      options.limit = .current(try timeLimit.map { try Duration.seconds($0, of: "--time-limit") })
      if let stallTimeout {
        options.stallTimeout =
          stallTimeout == "never"
          ? nil : try Duration.seconds(stallTimeout, of: "--stall-timeout")
      }
      options.version = ProgramVersion.number
      let run: TrainingRun
      do { run = try TrainingRun(options, communicator: communicator) } catch {
        // Nothing is lost: the same command with --continue begins again.
        guard StopSignal.pending != 0 else { throw error }
        Messages.error("\(error)")
        throw ExitStatus.stopped
      }
      guard !dryRun else {
        for line in try run.dryRun() { StandardOutput.print(line) }
        return
      }
      if try !run.execute() { throw ExitStatus.stopped }
    }
  }
}
