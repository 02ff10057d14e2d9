import ArgumentParser
import Base
import Datasets
import Storage

/// The command `data verify`: rank 0 compares a published set's files with size and MD5, or opens a
/// configuration's data.
///
/// A line a file: `ok`, `missing`, or what differs. All files are looked at before the command
/// fails. Of a configuration it prints `DatasetSummary`; that the data could be opened is the
/// check.
///
/// Exits with 0 where all is as it should be, else with 1 and a line that names the command which
/// fetches the files.
struct DataVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check a published set's files, or that a configuration's data can be read.",
    discussion: "Exit status 0: all is as it should be; 1: it is not.")

  @OptionGroup var data: DataSetOptions

  @Flag(name: .long, help: "Print one line of JSON.")
  var json = false

  /// What `--json` prints of a published set; of a configuration it is `DatasetSummary`.
  private struct Report: Encodable {
    /// A file's path and what was found of it.
    struct File: Encodable {
      let path: String
      /// `ok`, or what is wrong.
      let finding: String
    }

    let set: String
    let folder: String
    let files: [File]
    let agrees: Bool
  }

  /// Looks at every file, prints, and fails at the end where one is not as published.
  ///
  /// - Throws: `ExitCode` 1, after the error has been printed.
  func run() throws {
    try Job.onRoot(isJSON: json, checksProcessor: true) {
      guard let (set, folder) = try data.published() else {
        let summary = DatasetSummary(try data.open().dataset)
        return StandardOutput.print(try json ? JSONLine.text(summary) : summary.text)
      }
      var files: [Report.File] = []
      for file in set.files {
        let path = "\(folder)/\(file.name)"
        var finding = "missing"
        if FileSystem.exists(path) { finding = try file.difference(of: path) ?? "ok" }
        files.append(.init(path: path, finding: finding))
        if !json { StandardOutput.print("\(path): \(finding)") }
      }
      let bad = files.count { $0.finding != "ok" }
      if json {
        StandardOutput.print(
          try JSONLine.text(
            Report(set: set.name, folder: folder, files: files, agrees: bad == 0)))
      }
      guard bad == 0 else {
        let to = folder == set.folder ? "" : " --to \(folder)"
        throw Fault(
          "\(folder): \(bad) of \(set.files.count) files are missing or not as published; "
            + "wgangp-dist data download \(set.name)\(to) fetches them")
      }
    }
  }
}
