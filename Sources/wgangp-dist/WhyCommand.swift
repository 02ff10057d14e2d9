import ArgumentParser
import Base
import Runs

/// The command `why`: rank 0 tells from `run.log` and the checkpoints how a run ended, and what
/// goes on with it.
struct WhyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why",
    abstract: "Tell why a run ended, what is lost, and how to go on.",
    discussion: """
      Reads the run's folder (run.log, the lock, metrics.csv, checkpoints), which may be in use, \
      and writes nothing.
      """)

  @Argument(help: ArgumentHelp("The run's folder.", valueName: "folder"), completion: .directory)
  var folder: String

  @Flag(name: .long, help: "Print one line of JSON.")
  var json = false

  /// What `--json` prints.
  private struct Report: Encodable {
    let folder: String
    let state: String
    let lines: [String]
  }

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
