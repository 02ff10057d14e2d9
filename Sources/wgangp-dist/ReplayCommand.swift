import ArgumentParser
import Base
import Runs

/// The command `replay`: trains a part of a run again, on all ranks, and compares rows and files.
///
/// Rank 0 compares what `TrainingRun.replay` computes with the run's metrics.csv, number by number
/// as they stand there but for the seconds, and with the checkpoint at the end, byte by byte. What
/// was compared and agrees is told on standard output, what differs on standard error.
///
/// Exits with 1 where a bit differs.
struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Compute iterations of a run again, and compare with what it has written.",
    discussion: """
      On any allowed rank count, on any machine: the rows of metrics.csv (losses, gradient norms, \
      and hashes of the parameters where checks.hashEvery asked for them) and the checkpoint at \
      the end have to be the same, bit for bit. Exit status 0: they are; 1: not. Writes nothing.

      A difference says that one of the two computations went wrong: another program version, \
      other data, or a machine that computes or remembers wrongly.
      """)

  @Argument(help: ArgumentHelp("The run's folder.", valueName: "folder"), completion: .directory)
  var folder: String

  /// Iterations that are taken over: from the beginning (0), or from a checkpoint that is still
  /// there.
  @Option(help: "Iterations done at the beginning: 0, or a checkpoint's step.")
  var from: Int

  /// Greater than `--from`; where it is a checkpoint's step, its files are compared too.
  @Option(help: "Iterations done at the end, best a checkpoint's step.")
  var to: Int

  @Flag(name: .long, help: "Print one line of JSON.")
  var json = false

  @Argument(
    help: ArgumentHelp(
      "Values over the run's configuration: data.path=FOLDER, training.threads=2.",
      valueName: "key=value"))
  var overrides: [String] = []

  func run() throws {
    try Job.run(isJSON: json, needsAllTasks: true) { communicator in
      var options = TrainingOptions()
      options.resume = folder
      options.overrides = overrides
      let result = try TrainingRun(options, communicator: communicator)
        .replay(from: from, to: to)
      let agrees = try communicator.agreed(result.agrees)
      if communicator.rank == 0 { try json ? StandardOutput.print(line(result)) : report(result) }
      if !agrees { throw ExitStatus.failure }
    }
  }

  /// What `--json` prints.
  ///
  /// `rows` is how many rows of metrics.csv were compared, `hashes` whether they have the
  /// parameters' hashes. `difference` is left out where no row differs, `differingFiles` where
  /// there is no checkpoint of the last step.
  private struct Report: Encodable {
    /// The first row that differs, by its iteration from 1, and the first column of it, with both
    /// texts.
    struct Difference: Encodable {
      let iteration: Int
      let column: String
      let found: String
      let expected: String
    }

    let folder: String
    let from: Int
    let to: Int
    let rows: Int
    let hashes: Bool
    let difference: Difference?
    let differingFiles: [String]?
    let agrees: Bool
  }

  /// The result as a line of JSON.
  ///
  /// - Parameter result: Rank 0's, which alone has the files that differ.
  /// - Returns: The line.
  /// - Throws: Where it cannot be encoded.
  private func line(_ result: TrainingRun.ReplayResult) throws -> String {
    try JSONLine.text(
      Report(
        folder: folder, from: result.iterations.lowerBound, to: result.iterations.upperBound,
        rows: result.rows, hashes: result.hasHashes,
        difference: result.difference.map {
          .init(
            iteration: $0.iteration, column: $0.column, found: $0.found, expected: $0.expected)
        }, differingFiles: result.differingFiles, agrees: result.agrees))
  }

  /// Tells the result to people: counts and what agrees on standard output, differences as errors.
  private func report(_ result: TrainingRun.ReplayResult) {
    let (first, last) = (result.iterations.lowerBound + 1, result.iterations.upperBound)
    StandardOutput.print(
      "replayed iterations \(first) to \(last): \(result.rows) rows of metrics.csv compared"
        + (result.hasHashes ? ", with hashes of the parameters" : ""))
    if let difference = result.difference {
      Messages.error(
        "\(folder): iteration \(difference.iteration) is the first that differs: "
          + "\(difference.column) is \(difference.found), metrics.csv has \(difference.expected)")
    }
    switch result.differingFiles {
    case nil: StandardOutput.print("the run has no checkpoint of step \(last) to compare with")
    case []?: StandardOutput.print("the checkpoint of step \(last) agrees, bit for bit")
    case let files?:
      Messages.error(
        "\(folder): the checkpoint of step \(last) differs: \(files.joined(separator: ", "))")
    }
    if result.agrees { StandardOutput.print("all agrees") }
  }
}
