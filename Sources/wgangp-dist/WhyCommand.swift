import ArgumentParser
import Base
import Runs

struct WhyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why",
    abstract: "Tell why a run ended, what is lost, and how to go on.",
    discussion: """
      Reads the run's folder (run.log, the lock, metrics.csv, checkpoints), which may be in use, \
      and writes nothing.
      """)

  @Argument(help: ArgumentHelp("The run's folder.", valueName: "folder"))
  var folder: String

  func run() throws {
    try Job.run(checksProcessor: false) { communicator in
      try communicator.agree {
        guard communicator.rank == 0 else { return }
        for line in try RunStory(folder).lines { Messages.notice(line) }
      }
    }
  }
}
