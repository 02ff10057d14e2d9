import ArgumentParser
import Base
import Foundation
import Runs
import Storage

/// The command `report`: rank 0 writes a page of what is in the folders of runs, which may still be
/// training.
///
/// `RunReport` makes the page. What cannot be read is a warning, a line of the page too; a folder
/// that is no run's is an error. Prints the page's path, with `--watch` when that has ended.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write one HTML page about one or several runs.",
    discussion: """
      Curves whose values can be read, samples over time beside reals, scores, the configuration \
      with what differs from its file, environment and warnings; of several runs their curves over \
      one another and a list that sorts. The page needs no network and no other file. Reads the \
      runs' folders, which may be in use. Prints the page's path.
      """)

  @Argument(help: ArgumentHelp("The runs' folders.", valueName: "run"), completion: .directory)
  var runs: [String]

  /// nil for `report.html` in the folder of a single run, else here.
  ///
  /// Its folder is made.
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The page (default: report.html, in the folder of the run where there is one run).",
      valueName: "file"), completion: .file())
  var output: String?

  /// Looks every two seconds; the page asks for itself every five.
  @Flag(
    name: .long,
    help: "Write it again when the runs go on, until Ctrl-C; the page loads itself again.")
  var watch = false

  /// Seconds between looks at the files, and between the page's own.
  private static let (pause, refresh) = (2, 5)

  func validate() throws {
    guard !runs.isEmpty else { throw ValidationError("expected the folder of a run") }
  }

  /// Writes the page on rank 0, again and again with `--watch`, and at the end once without
  /// reloading.
  ///
  /// - Throws: `ExitCode` 1, after the error has been printed.
  func run() throws {
    try Job.run(checksProcessor: false) { communicator in
      try communicator.agree {
        guard communicator.rank == 0 else { return }
        let report = try RunReport(runs, version: ProgramVersion.number)
        let path = output ?? (runs.count == 1 ? RunDirectory(runs[0]).report : "report.html")
        try FileSystem.createDirectory(FileSystem.folder(of: path))
        if watch { try self.watch(report, path) }
        for note in try report.write(to: path) { Messages.warning(note) }
        StandardOutput.print(path)
      }
    }
  }

  /// Writes the page whenever a run has gone on, until a signal comes.
  ///
  /// A run has gone on where the size or date of a file has changed that the page is made of.
  ///
  /// - Parameters:
  ///   - report: Of the runs.
  ///   - path: The page.
  /// - Throws: `Fault` where it cannot be written.
  private func watch(_ report: RunReport, _ path: String) throws {
    StopSignal.install()
    Messages.notice("\(path): written again when the runs go on, until Ctrl-C")
    var last: [String]?
    while StopSignal.pending == 0 {
      let found = report.fingerprint
      if found != last {
        try report.write(to: path, refresh: Self.refresh)
        last = found
      }
      // A signal ends it.
      sleep(UInt32(Self.pause))
    }
  }
}
