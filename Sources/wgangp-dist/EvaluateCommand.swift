import ArgumentParser
import Base
import Collectives
import Configuration
import Datasets
import Foundation
import Recipe
import Reports
import Sampling
import Scores
import Storage

/// `evaluate run`, the default of `evaluate`: scores of a run, or of two sets of images or arrays.
///
/// All ranks draw and measure; the digits are those of one rank. Three ways, by the options: a path
/// (`TrainedModel`), `--reals` and `--samples` of images (`ImageComparison`), and with `--config`
/// too of arrays (`ArrayComparison`).
///
/// Rank 0 prints what was measured of what, then each score's lines (`Score.report`), then the
/// histograms' table. Pictures are written before that, by rank 0. Exits with 1 where a set cannot
/// be read or a score does not apply.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Measure scores of a trained generator.",
    discussion: """
      Those of --scores, or those of the run's configuration and the quick ones that apply to it: \
      how much samples differ, and for mixtures of Gaussians how many modes are hit. Under mpirun \
      all ranks draw and measure, with the same digits on any number of them. Takes a run's folder \
      (its newest whole checkpoint) or a checkpoint's; or with --reals and --samples images of any \
      program.
      """)

  /// A run's folder or a checkpoint's; nil where two sets are compared.
  @Argument(
    help: ArgumentHelp("A run's folder, or a checkpoint's.", valueName: "path"), completion: .file()
  )
  var path: String?

  /// Over the run's configuration: where its data are now, or the options of a score.
  @Argument(
    help: ArgumentHelp(
      "Values over the run's configuration: data.path=FOLDER.", valueName: "key=value"))
  var overrides: [String] = []

  /// Names of `ScoreCatalog` with commas between them; nil for the configuration's, and the default
  /// ones that apply.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Which: \(ScoreCatalog.names.joined(separator: ", ")).",
      valueName: "name,..."), completion: .list(ScoreCatalog.names))
  var scores: String?

  /// A score by itself: network, pixels, labels and splits are those of `InceptionProtocol`.
  @Option(
    name: .customLong("protocol"),
    help: ArgumentHelp(
      """
      The Inception Score as it was published: \
      \(InceptionProtocol.allValueStrings.joined(separator: ", ")); \
      docs/paddlescience.md has what they do.
      """, valueName: "name"), completion: .list(InceptionProtocol.allValueStrings))
  var published: InceptionProtocol?

  /// What scores of features without a network of their own take; nil for the data's.
  @Option(
    name: .long,
    help: ArgumentHelp(
      """
      The network whose features --scores compare: glyphs, or a file such as \
      configs/features/inception-fid.yaml (default: glyphs for drawn digits).
      """, valueName: "name|file"), completion: .file())
  var features: String?

  /// A number with a run, 1 to 100,000,000; a path with `--reals`.
  @Option(
    name: .long,
    help: ArgumentHelp(
      """
      Samples to draw (default: as many as the scores want); with --reals the folder or file of \
      the samples.
      """, valueName: "count|path"), completion: .file())
  var samples: String?

  @OptionGroup(title: "Images of any program")
  var files: ImageFilesOptions

  /// Of a run's folder.
  ///
  /// The newest is the newest whole one: those that are damaged are a warning each.
  @Option(
    name: .customLong("step"),
    help: ArgumentHelp(
      "Which of the run's checkpoints: its step number, or best.", valueName: "step|best"))
  var checkpoint = CheckpointChoice.newest

  /// nil for the run's, with which the numbers are those of `evaluation.csv`.
  ///
  /// Of two sets, nil for 0: it chooses what scores draw at random.
  @Option(name: .long, help: "Of the noise (default: the run's).")
  var seed: UInt64?

  /// A picture; its ending is checked before anything is read.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Also draw samples beside the training images that are nearest to them.",
      valueName: "file"), completion: .file())
  var neighbours: String?

  /// A picture of all quantities; `--by-condition` makes it one of a quantity's groups.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "With --scores histograms: draw those of samples over those of reals.",
      valueName: "file"), completion: .file())
  var histograms: String?

  /// The name of a quantity of `evaluation.quantities`; without groups by condition it is an error.
  @Option(
    name: .customLong("by-condition"),
    help: ArgumentHelp(
      """
      With --scores histograms: a table, and a picture, of this quantity for each group by \
      condition.
      """,
      valueName: "quantity"))
  var quantity: String?

  @Flag(name: .long, help: "The generator's own weights, also where the run keeps an average.")
  var own = false

  /// nil for `evaluation.statistics`; with `--protocol` for running statistics.
  @Option(
    name: .long,
    help: ArgumentHelp(
      """
      What batch norm normalizes with: running statistics, those of a batch as in training, or the \
      mean of many batches' (default: evaluation.statistics of the run).
      """, valueName: "running|batch|standing"))
  var statistics: SampleStatistics?

  @Flag(name: .long, help: "Print one line of JSON.")
  var json = false

  @OptionGroup(title: "Messages")
  var messages: MessageOptions

  /// Refuses options that belong to another of the three ways.
  ///
  /// - Throws: `ValidationError`, which ends with status 64.
  func validate() throws {
    try Canvas.requireFormat(neighbours)
    try Canvas.requireFormat(histograms)
    if files.reals != nil {
      guard samples?.isEmpty == false else {
        throw ValidationError(
          "--reals needs --samples, the folder or file that it is compared with")
      }
      guard path == nil else {
        throw ValidationError("--reals and --samples take no run; found '\(path ?? "")'")
      }
      guard neighbours == nil else {
        throw ValidationError("--neighbours needs a run, whose training images it shows")
      }
      guard published == nil else {
        throw ValidationError(
          "--protocol needs a run, whose generator it asks for samples of certain classes")
      }
      return
    }
    guard path != nil else {
      // `run` is this command's own name, which a folder may have too.
      let advice = FileSystem.exists("run") ? "; say ./run for the folder of that name" : ""
      throw ValidationError(
        "expected a run's folder or a checkpoint's, or --reals and --samples\(advice)")
    }
    guard published == nil || scores == nil else {
      throw ValidationError("--protocol is a score by itself: expected no --scores beside it")
    }
    guard samples == nil || sampleCount.map((1...100_000_000).contains) == true else {
      throw ValidationError("--samples must be in 1 ... 100000000")
    }
    guard files.config == nil else {
      throw ValidationError("--config is about the files of --reals; a run has its own")
    }
  }

  /// `--samples` as a number of samples to draw; nil for as many as the scores want.
  private var sampleCount: Int? { samples.flatMap { Int($0) } }

  func run() throws {
    try Job.run(messages, isJSON: json) { communicator in
      if let reals = files.reals, let samples {
        return try compare(reals, samples, communicator)
      }
      guard let path else { preconditionFailure("validate() asks for one") }
      try evaluate(path, communicator)
    }
  }

  /// Scores a run.
  ///
  /// Every rank reads the checkpoint for itself; they then compare which it was, since a run that
  /// goes on may write a newer one in between. The critic's weights are read where a score asks the
  /// critic. Rank 0 draws `--neighbours` and the histograms, and prints.
  ///
  /// - Parameters:
  ///   - path: A run's folder, or a checkpoint's.
  ///   - communicator: All ranks.
  /// - Throws: On all ranks, as `TrainedModel` and the scores.
  private func evaluate(_ path: String, _ communicator: any Communicator) throws {
    let trained = try communicator.agree {
      try TrainedModel(
        path, checkpoint: checkpoint, overrides: overrides, usesAverage: own ? false : nil
      ) { run, _ in
        published == nil
          && ScoreCatalog.needCritic(names ?? run.evaluation.scores.map { type(of: $0).name })
      }
    }
    for note in trained.notes { Messages.warning(note) }
    // A folder by the same name on another machine may be another run, and a run that goes on may
    // have written a newer checkpoint meanwhile.
    try communicator.requireSame(trained.document)
    try communicator.requireSame(trained.identity, what: "the checkpoint")
    let found = try measure(trained, communicator)
    if let neighbours {
      let picture = try trained.neighbourPicture(seed: seed, communicator: communicator)
      try communicator.agree(of: [0]) {
        guard communicator.rank == 0 else { return }
        try picture.write(to: neighbours)
      }
    }
    try draw(found, communicator)
    guard communicator.rank == 0 else { return }
    guard !json else {
      return StandardOutput.print(
        try EvaluationReport.json(
          found, source: trained.source, published, iteration: trained.iteration,
          seed: found.seed))
    }
    let step = trained.iteration.map { ", step \($0)" } ?? ""
    StandardOutput.print(reportLine("samples", "\(found.samples) of seed \(found.seed)\(step)"))
    if let published { StandardOutput.print(reportLine("protocol", published.name)) }
    show(found)
  }

  /// Draws the histograms, on rank 0, where a picture or a quantity was asked for.
  ///
  /// - Parameters:
  ///   - found: What was measured; the score `histograms` among it.
  ///   - communicator: All ranks: what rank 0 cannot write all throw.
  /// - Throws: `Fault` where that score was not measured, the quantity is unknown, or the file
  ///   cannot be written.
  private func draw(_ found: Evaluation.Result, _ communicator: any Communicator) throws {
    guard histograms != nil || quantity != nil else { return }
    try communicator.agree(of: [0]) {
      guard communicator.rank == 0 else { return }
      guard let report = found.histograms else {
        throw Fault(
          "histograms: the score of that name was not measured", advice: "add it to --scores")
      }
      guard let picture = report.picture(of: quantity) else {
        let names = report.quantities.map(\.quantity.name).joined(separator: ", ")
        throw Fault(
          "--by-condition: expected \(names), of data with conditions, found '\(quantity ?? "")'")
      }
      if let histograms { try picture.write(to: histograms) }
    }
  }

  /// Prints what was measured, and the histograms' table: overall, then by group of
  /// `--by-condition`.
  private func show(_ found: Evaluation.Result) {
    for line in found.report { StandardOutput.print(line) }
    guard let report = found.histograms else { return }
    for table in [report.lines, quantity.flatMap(report.lines) ?? []] where !table.isEmpty {
      StandardOutput.print("")
      for line in table { StandardOutput.print(line) }
    }
  }

  /// Draws samples on all ranks and measures: the scores, or a published protocol.
  ///
  /// - Parameters:
  ///   - trained: The same checkpoint on all ranks.
  ///   - communicator: All ranks.
  /// - Returns: What was measured, the same on all ranks.
  /// - Throws: On all ranks, as `TrainedModel.evaluate`.
  private func measure(
    _ trained: TrainedModel, _ communicator: any Communicator
  ) throws -> Evaluation.Result {
    guard let published else {
      return try trained.evaluate(
        scores: names, features: features, samples: sampleCount, seed: seed,
        statistics: statistics, communicator: communicator)
    }
    return try trained.evaluate(
      following: published, features: features, samples: sampleCount, seed: seed,
      statistics: statistics, communicator: communicator)
  }

  /// Scores images of any program, or with `--config` arrays.
  ///
  /// All ranks read both sets, which then are in their memory.
  ///
  /// - Parameters:
  ///   - reals: The folder or file that is compared with.
  ///   - samples: The folder or file that is measured.
  ///   - communicator: All ranks.
  /// - Throws: On all ranks, where one cannot read a set or a score does not apply.
  private func compare(
    _ reals: String, _ samples: String, _ communicator: any Communicator
  ) throws {
    if let config = files.config {
      return try compareArrays(reals, samples, config, communicator)
    }
    let comparison = try communicator.agree {
      try files.comparison(reals: reals, samples: samples, scores: names, features: features)
    }
    let found = try comparison.evaluate(seed: seed ?? 0, communicator: communicator)
    try tell(found, comparison.samples, comparison.reals, communicator)
  }

  /// Scores arrays of any program, in the layout and by the quantities of a configuration.
  ///
  /// Samples are transformed with the reals' statistics.
  ///
  /// - Parameters:
  ///   - reals: The file that is compared with.
  ///   - samples: A file of the same layout.
  ///   - config: A configuration whose data are arrays.
  ///   - communicator: All ranks.
  /// - Throws: On all ranks, as `compare`.
  private func compareArrays(
    _ reals: String, _ samples: String, _ config: String, _ communicator: any Communicator
  ) throws {
    let comparison = try communicator.agree {
      try ArrayComparison(
        reals: reals, samples: samples, RunConfiguration(ConfigurationDocument(path: config)),
        scores: names)
    }
    let found = try comparison.evaluate(seed: seed ?? 0, communicator: communicator)
    try tell(found, comparison.samples, comparison.reals, communicator)
  }

  /// Draws histograms, then prints what was measured of two sets: which they are, and the scores.
  ///
  /// - Parameters:
  ///   - found: The same on all ranks.
  ///   - samples: The set that was measured.
  ///   - reals: The set that it was compared with.
  ///   - communicator: All ranks; rank 0 prints.
  /// - Throws: As `draw`.
  private func tell(
    _ found: Evaluation.Result, _ samples: any Dataset, _ reals: any Dataset,
    _ communicator: any Communicator
  ) throws {
    try draw(found, communicator)
    guard communicator.rank == 0 else { return }
    guard !json else {
      return StandardOutput.print(try EvaluationReport.json(found, source: samples.name))
    }
    for (name, set) in [("samples", samples), ("reals", reals)] {
      StandardOutput.print(reportLine(name, "\(set.count) of \(set.shape), \(set.name)"))
    }
    show(found)
  }

  /// The scores that `--scores` names, with blanks around them taken away; nil without the option.
  ///
  /// Empty names stay: the catalog refuses them, and lists what there is.
  private var names: [String]? {
    scores?.split(separator: ",", omittingEmptySubsequences: false).map {
      $0.trimmingCharacters(in: .whitespaces)
    }
  }
}

extension InceptionProtocol: ExpressibleByArgument {
  public init?(argument: String) {
    guard let found = Self.named(argument) else { return nil }
    self = found
  }

  public static var allValueStrings: [String] { all.map(\.name) }
}
