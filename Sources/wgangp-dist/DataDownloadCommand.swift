import ArgumentParser
import Base
import Datasets
import Foundation
import Synchronization

/// The command `data download`: rank 0 fetches a set's files one after the other, by libcurl.
///
/// Each grows as `FILE.part` and gets its name when size and MD5 are the published ones
/// (`Download`). A line a file on standard output when it is whole; while it comes a line on
/// standard error, if that is a terminal, drawn again; in a log one every five seconds.
///
/// Exits with 1 where no mirror has a file or another file stands under its name; the files before
/// it stay.
struct DataDownloadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "download",
    abstract: "Fetch a published set, checked by size and MD5.",
    discussion: """
      What was broken off is kept as FILE.part; run the command again to go on. A file that is \
      there and whole is left alone.
      """)

  /// One of `PublishedDataset.all`; another name is an error that lists them.
  @Argument(
    help: "A name from 'data list'.", completion: .list(PublishedDataset.all.map(\.name)))
  var name: String

  /// nil for `PublishedDataset.folder`; made where it is missing.
  @Option(
    name: .long,
    help: ArgumentHelp("The folder; without it the one that configs/ has.", valueName: "folder"),
    completion: .directory)
  var to: String?

  /// Instead of the set's own mirrors, tried in their order; each is asked for the files by their
  /// published names.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "A folder of the web, or a file: address, that has the files; instead of the known ones.",
      valueName: "url"))
  var mirror: [String] = []

  @Flag(name: .long, help: "Print one line of JSON.")
  var json = false

  @OptionGroup(title: "Messages")
  var messages: MessageOptions

  /// What `--json` prints when all files are there.
  private struct Report: Encodable {
    /// A file under its name, whole: of the published size and MD5.
    struct File: Encodable {
      let path: String
      let bytes: Int
      /// Where it came from; nil where it was there.
      let source: String?
    }

    let set: String
    let folder: String
    let files: [File]
  }

  func run() throws {
    try Job.onRoot(messages, isJSON: json, checksProcessor: false) {
      let set = try PublishedDataset.named(name)
      let folder = to ?? set.folder
      let progress = DownloadProgress(
        isShown: isatty(STDERR_FILENO) == 1 && Messages.volume != .quiet)
      Messages.addProgressLine(progress)
      defer {
        Messages.removeProgressLine(progress)
        // What went wrong half-way is to begin a line of its own.
        progress.interrupt(redraws: false) {}
      }
      let download = Download { file, done, total in progress.update(file, done, of: total) }
      var files: [Report.File] = []
      for file in set.files {
        let outcome = try download.fetch(
          file, to: folder, mirrors: mirror.isEmpty ? set.mirrors : mirror)
        let path = "\(folder)/\(file.name)"
        let source = if case .fetched(let mirror) = outcome { mirror } else { nil as String? }
        files.append(.init(path: path, bytes: file.size, source: source))
        guard !json else { continue }
        StandardOutput.print(
          source.map { "\(path): \(file.size) bytes from \($0), size and MD5 as published" }
            ?? "\(path): already there, \(file.size) bytes")
      }
      guard json else { return }
      StandardOutput.print(
        try JSONLine.text(Report(set: set.name, folder: folder, files: files)))
    }
  }
}

/// A download's line on standard error, redrawn in place, and its lines in a log.
///
/// A message may come from another thread while the line is drawn, so its state is behind a lock.
private final class DownloadProgress: ProgressLine {
  private struct State {
    var isOpen = false
    var lastLogged = monotonicSeconds()
  }

  /// Seconds between lines in the log: as those of training's progress.
  private static let logInterval = 5.0

  private let isShown: Bool
  private let state = Mutex(State())

  /// - Parameter isShown: Whether somebody looks at standard error.
  init(isShown: Bool) { self.isShown = isShown }

  /// Draws the line again; at the end of a file it stays, and a new one begins.
  ///
  /// - Parameters:
  ///   - file: The name that the line shows.
  ///   - done: Bytes so far, those of an earlier try included.
  ///   - total: Bytes of the whole file; 0 counts as 1.
  func update(_ file: String, _ done: Int, of total: Int) {
    let text = "\(file): \(100 * done / max(total, 1)) % of \(total) bytes"
    let isDue = state.withLock { state in
      if isShown {
        Descriptor.write("\r\(text)\(done == total ? "\n" : "")", to: STDERR_FILENO)
        state.isOpen = done != total
      }
      guard monotonicSeconds() - state.lastLogged >= Self.logInterval else { return false }
      state.lastLogged = monotonicSeconds()
      return true
    }
    // Not while the state is held: a log that fails says so by a message.
    if isDue { Messages.log(text) }
  }

  /// Leaves the line as it is: how far it came is worth knowing.
  func interrupt(redraws: Bool, _ write: () -> Void) {
    state.withLock {
      if $0.isOpen { Descriptor.write("\n", to: STDERR_FILENO) }
      $0.isOpen = false
      write()
    }
  }
}
