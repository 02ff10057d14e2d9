import ArgumentParser
import Base
import Datasets
import Storage

struct DataVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check a published set's files, or that a configuration's data can be read.",
    discussion: "Exit status 0: all is as it should be; 1: it is not.")

  @OptionGroup var data: DataSetOptions

  @Flag(name: .long, help: "Print one line of JSON.")
  var json = false

  /// What `--json` prints of a published set.
  private struct Report: Encodable {
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
