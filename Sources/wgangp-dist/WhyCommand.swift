import ArgumentParser
import Base
import Runs

/// The command `why`: rank 0 tells from `run.log` and the checkpoints how a run ended, and what
/// goes on with it.
///
/// It reads alone, and while another job may be writing there. The status is 0 whatever became of
/// the run, 1 where the folder holds none: scripts take `state` of `--json`.
struct WhyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why",
    abstract: "Tell why a run ended, what is lost, and how to go on.",
    discussion: """
      Reads the run's folder (run.log, the lock, metrics.csv, checkpoints), which may be in use, \
      and writes nothing.
      """)

  /// Its files are found by `RunDirectory`; a folder without `config.yaml` is an error.
  @Argument(help: ArgumentHelp("The run's folder.", valueName: "folder"), completion: .directory)
  var folder: String

  @Flag(name: .long, help: "Print one line of JSON.")
  var json = false

  /// What `--json` prints.
  ///
  /// `state` is a case of `RunStory.State`, `lines` the text that is printed without `--json`.
  private struct Report: Encodable {
    let folder: String
    let state: String
    let lines: [String]
  }

  /// Reads the folder on rank 0, and prints `RunStory`'s lines.
  ///
  /// The texts come from files: control characters are shown, not sent to the terminal
  /// (`Messages.shown`). No kernels are needed, so any processor does.
  ///
  /// - Throws: `ExitCode` 1, after the error has been printed.
  func run() throws {
    try Job.run(isJSON: json, checksProcessor: false) { communicator in
      try communicator.agree {
        guard communicator.rank == 0 else { return }
        let story = try RunStory(folder)
        if json {
          return StandardOutput.print(
            try JSONLine.text(
              Report(folder: folder, state: "\(story.state)", lines: story.lines)))
        }
        for line in story.lines { StandardOutput.print(Messages.shown(line)) }
      }
    }
  }
}
