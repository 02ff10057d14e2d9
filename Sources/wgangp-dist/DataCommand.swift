import ArgumentParser
import Base
import Datasets
import Foundation

/// The command `data`: what can be trained on, and whether it is there.
///
/// Its subcommands work on rank 0 alone (`Job.onRoot`); training opens data by its configuration,
/// not by these. Without a subcommand it lists.
struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "List, download, check and show data sets.",
    subcommands: [
      DataListCommand.self, DataDownloadCommand.self, DataVerifyCommand.self,
      DataPreviewCommand.self,
    ],
    defaultSubcommand: DataListCommand.self)
}

extension Job {
  /// Runs `body` on rank 0; the others wait for its end, and all throw what it throws.
  ///
  /// - Parameters:
  ///   - messages: As `run` takes them.
  ///   - isJSON: As `run` takes it.
  ///   - checksProcessor: Whether kernels are needed: listing and downloading need none, so any
  ///     machine does.
  ///   - body: What the command does.
  /// - Throws: `ExitCode`, after the error has been printed.
  static func onRoot(
    _ messages: MessageOptions? = nil, isJSON: Bool, checksProcessor: Bool,
    _ body: () throws -> Void
  ) throws {
    try run(messages, isJSON: isJSON, checksProcessor: checksProcessor) { communicator in
      try communicator.agree { if communicator.rank == 0 { try body() } }
    }
  }
}

/// The command `data list`: the published sets, what the program draws, and the sources of one's
/// own data.
///
/// It knows all of it without reading anything, so it never fails.
struct DataListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Name the published sets and the other sources.")

  @Flag(name: .long, help: "Print one line of JSON.")
  var json = false

  /// What `--json` prints; without it the same stands in three sections.
  private struct Report: Encodable {
    /// A published set: what `data download` calls it, the sum of its files' bytes, and the folder
    /// where configs/ look for it.
    struct Set: Encodable {
      let name: String
      let summary: String
      let bytes: Int
      let folder: String
    }

    /// A value of `data.source`, and what its samples are.
    struct Source: Encodable {
      let name: String
      let summary: String
    }

    let sets: [Set]
    /// Made by the program.
    let drawn: [Source]
    /// The user's own files.
    let own: [Source]
  }

  private static let report = Report(
    sets: PublishedDataset.all.map {
      .init(name: $0.name, summary: $0.summary, bytes: $0.size, folder: $0.folder)
    },
    drawn: [
      .init(name: "glyphs", summary: "digits that it draws, ten classes, grey, 28 x 28"),
      .init(name: "gaussians8", summary: "points around eight places of a circle"),
      .init(name: "gaussians25", summary: "points around the places of a 5 x 5 grid"),
      .init(name: "swissroll", summary: "points of a spiral"),
      .init(name: "ring", summary: "points of rings, with radius and width as condition"),
    ],
    own: [
      .init(name: "imageFolder", summary: "PNG and JPEG pictures, a folder a class"),
      .init(name: "array", summary: "numbers of any shape in NumPy, HDF5, CSV or IDX files"),
    ])

  func run() throws {
    try Job.onRoot(isJSON: json, checksProcessor: false) {
      StandardOutput.print(try json ? JSONLine.text(Self.report) : Self.text(Self.report))
    }
  }

  /// The three sections, a line an entry; sizes in megabytes of 10^6 bytes, as their publishers
  /// count.
  private static func text(_ report: Report) -> String {
    var sets = TextTable([.text(""), .number(""), .text("")])
    for set in report.sets {
      sets.add([set.name, String(format: "%.1f MB", Double(set.bytes) / 1e6), set.summary])
    }
    let sources = { (sources: [Report.Source]) in
      var table = TextTable([.text(""), .text("")])
      for source in sources { table.add([source.name, source.summary]) }
      return table.lines
    }
    let sections = [
      ("published sets (wgangp-dist data download NAME)", sets.lines),
      ("made by the program", sources(report.drawn)), ("your own", sources(report.own)),
    ]
    return
      (sections.flatMap { title, lines in [title] + lines.map { "  " + $0 } }
      + ["docs/configuration.md has the keys of each source."]).joined(separator: "\n")
  }
}
