import ArgumentParser
import Base
import Foundation
import Recipe
import Reports
import Sampling

/// The command `sample`: pictures by rank 0; arrays by all ranks, a pass at a time, with the bytes
/// of one rank.
///
/// `SamplePictures` draws. What is drawn is a grid; or contours of the critic, where samples are
/// points of the plane; or rows of interpolations; or a file a sample; or with `--format` arrays
/// (`SampleArrays` has their shapes and types). Prints the paths of the files that it wrote, of
/// `--single` the folder's.
struct SampleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample",
    abstract: "Draw samples of a trained generator.",
    discussion: """
      Takes a run's folder (its newest whole checkpoint), a checkpoint's folder, or with --config \
      a safetensors file of a generator's state dict. Prints the path of what it wrote: by default \
      a file in the run's samples/.

      Sample i is a function of the seed and i. Points of the plane are drawn over the critic's \
      contours, beside reals. With --format samples are arrays, with their noise, labels and \
      conditions; of data that are arrays in the layout and units of their files. All ranks draw \
      them, and the bytes are the same on any number of ranks.
      """)

  /// A run's folder, a checkpoint's, or a file of weights, which needs `--config`.
  @Argument(
    help: ArgumentHelp("A run's folder, a checkpoint's, or a file of weights.", valueName: "path"),
    completion: .file())
  var path: String

  /// nil for a file in the run's samples/, named after the checkpoint's step; of a file of weights
  /// here.
  ///
  /// Its folder is made.
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The picture, .png, .svg or .pdf; with --format the arrays.", valueName: "file"),
    completion: .file())
  var output: String?

  /// Chooses arrays, and that all ranks draw.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Arrays of samples, noise and labels instead of a picture.",
      valueName: "npz|npy|hdf5|csv"))
  var format: SampleArrays.Format?

  /// 1 to 10^9; a grid is filled up to whole rows, arrays and single files are as many as asked
  /// for.
  @Option(name: .long, help: "Samples (default: output.samples of the run).")
  var count: Int?

  @Option(name: .long, help: "Samples in a row (default: output.columns of the run).")
  var columns: Int?

  @Option(
    name: .long, help: "Pixels, each way, for one of a sample (default: output.scale of the run).")
  var scale: Int?

  /// Sample i is a function of it and i: fewer samples are the first of more.
  @Option(name: .long, help: "Of the noise (default: the run's, so the samples it shows itself).")
  var seed: UInt64?

  /// Of a run's folder.
  ///
  /// The newest is the newest whole one: those that are damaged are a warning each.
  @Option(
    name: .customLong("step"),
    help: ArgumentHelp(
      "Which of the run's checkpoints: its step number, or best.", valueName: "step|best"))
  var checkpoint = CheckpointChoice.newest

  /// Row r goes from noise vector 2 r to 2 r + 1; of a conditional model with one condition.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Rows that go from one noise vector to another, instead of samples.", valueName: "rows"))
  var interpolations: Int?

  @Option(name: .long, help: "Images in a row of interpolations, ends included.")
  var steps = 10

  @Flag(name: .long, help: "Interpolate along the sphere instead of the straight line.")
  var spherical = false

  /// Numbers of classes with commas between them, or `all`; the generator's number of classes is
  /// checked when it is read.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Classes of a conditional model, in columns: 3,5 or all (default: the first 20).",
      valueName: "class,...|all"))
  var classes: String?

  /// A vector each, `name=number,...` or the numbers in their order, in the units of the data's
  /// files: `RequestedConditions`.
  @Option(
    name: .customLong("condition"),
    help: ArgumentHelp(
      "Numbers that samples are conditioned on, in the units of the data; more than once for "
        + "several, a column each (default: those of the data).",
      valueName: "name=number,..."))
  var numbers: [String] = []

  /// A row a sample; then there are as many samples as rows, unless `--count` says otherwise.
  @Option(
    name: .customLong("conditions"),
    help: ArgumentHelp(
      "A file of conditions, a sample each: .npy, or a table of numbers in text.",
      valueName: "file"), completion: .file())
  var conditionsFile: String?

  @Flag(
    name: .long,
    help: "Put as many reals beside the samples; with --single, as real0000.png and on."
  )
  var reals = false

  /// A folder, which is made; files of the same names are written over.
  @Option(
    name: .long,
    help: ArgumentHelp(
      """
      Write one PNG file a sample into this folder: image0000.png and on, of a class \
      image0000-class3.png.
      """,
      valueName: "folder"), completion: .directory)
  var single: String?

  @Flag(name: .long, help: "The generator's own weights, also where the run keeps an average.")
  var own = false

  /// With `batch` a sample depends on the others of its batch, and so on `--count`.
  @Option(
    name: .long,
    help: ArgumentHelp(
      """
      What batch norm normalizes with: running statistics, those of a batch as in training, or the \
      mean of many batches'.
      """, valueName: "running|batch|standing"))
  var statistics = SampleGenerator.Statistics.running

  @Option(
    name: .long,
    help: ArgumentHelp("The configuration, instead of the run's own.", valueName: "file"),
    completion: .file())
  var config: String?

  @OptionGroup(title: "Messages")
  var messages: MessageOptions

  @Argument(
    help: ArgumentHelp("Overrides, such as data.path=FOLDER.", valueName: "key=value"))
  var overrides: [String] = []

  /// Refuses numbers out of range, and options of one kind of drawing beside another's.
  ///
  /// What the generator has to be asked for is checked on the ranks, where it is known.
  ///
  /// - Throws: `ValidationError`, which ends with status 64.
  func validate() throws {
    for (name, value, range) in [
      ("--count", count, 1...1_000_000_000), ("--columns", columns, 1...1_000_000),
      ("--scale", scale, 1...64),
      ("--interpolations", interpolations, 1...1_000_000), ("--steps", steps, 2...1_000_000),
    ] {
      guard value.map(range.contains) ?? true else {
        throw ValidationError("\(name) must be in \(range.lowerBound) ... \(range.upperBound)")
      }
    }
    guard !(spherical && interpolations == nil) else {
      throw ValidationError("--spherical is a way of --interpolations")
    }
    guard !(interpolations != nil && (count != nil || columns != nil)) else {
      throw ValidationError(
        "--interpolations has --steps images in a row; leave out --count and --columns")
    }
    guard !(reals && interpolations != nil) else {
      throw ValidationError("--reals stand beside samples, not beside interpolations")
    }
    guard format == nil || (single == nil && interpolations == nil && !reals && columns == nil)
    else {
      throw ValidationError(
        "--format writes arrays of samples; leave out --single, --interpolations, --reals and "
          + "--columns")
    }
    if let classes, classes != "all" {
      guard
        classes.split(separator: ",", omittingEmptySubsequences: false).allSatisfy({
          Int($0) != nil
        })
      else {
        throw ValidationError("--classes takes numbers, such as 3,5, or all; found '\(classes)'")
      }
    }
    guard conditionsFile == nil || (numbers.isEmpty && classes == nil) else {
      throw ValidationError("--conditions has all of them; leave out --condition and --classes")
    }
    if format == nil { try Canvas.requireFormat(output) }
    guard !(single != nil && output != nil) else {
      throw ValidationError("--single writes into a folder; leave out --output")
    }
  }

  /// Reads the checkpoint and draws: on rank 0, with `--format` on all ranks.
  ///
  /// Rank 0 writes and prints; warnings are of damaged checkpoints that were passed over.
  ///
  /// - Throws: `ExitCode` 1, after the error has been printed.
  func run() throws {
    try Job.run(messages) { communicator in
      // One rank draws, arrays all of them; what goes wrong there ends all.
      let sampling = try communicator.agree {
        communicator.rank == 0 || format != nil
          ? try SamplePictures(path, options, communicator: format == nil ? nil : communicator)
          : nil
      }
      try communicator.agree {
        guard let sampling else { return }
        guard communicator.rank == 0 else {
          _ = try sampling.run()
          return
        }
        for note in sampling.notes { Messages.warning(note) }
        StandardOutput.print(try sampling.run())
      }
    }
  }

  /// The command line as `SamplePictures` takes it: `all` classes become a flag, others numbers.
  private var options: SamplePictures.Options {
    var options = SamplePictures.Options()
    options.configuration = config
    options.overrides = overrides
    options.checkpoint = checkpoint
    options.output = output
    options.singleFolder = single
    options.arrays = format
    options.count = count
    options.columns = columns
    options.scale = scale
    options.seed = seed
    options.usesAverage = !own
    options.statistics = statistics
    options.interpolations = interpolations
    options.steps = steps
    options.isSpherical = spherical
    options.showsReals = reals
    options.classes = classes.flatMap { $0 == "all" ? nil : $0 }?
      .split(separator: ",").compactMap { Int($0) }
    options.numbers = numbers
    options.conditionsFile = conditionsFile
    options.showsAllClasses = classes == "all"
    return options
  }
}

extension SampleStatistics: ExpressibleByArgument {}
extension SampleArrays.Format: ExpressibleByArgument {}

/// `--step`, of `sample`, `evaluate` and `export`: `best`, `newest` or a step's number.
extension CheckpointChoice: ExpressibleByArgument {
  package init?(argument: String) { self.init(argument) }

  package var defaultValueDescription: String { "\(self)" }

  package static var defaultCompletionKind: CompletionKind { .list(["best"]) }
}
