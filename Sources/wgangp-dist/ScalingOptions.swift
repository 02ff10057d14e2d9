import ArgumentParser
import Foundation
import Reports

/// What `bench --scaling` takes beside bench's own options.
struct ScalingOptions: ParsableArguments {
  @Flag(
    name: .long,
    help: "Start jobs over numbers of ranks, batches, widths and image sizes: a table and a plot.")
  var scaling = false

  @Option(
    name: .long, help: ArgumentHelp("Ranks (default: 1,2,4,8 or fewer).", valueName: "n,..."))
  var ranks: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Batches (default: 1/4, 1/2, 1 and 2 of the configuration's).", valueName: "n,..."))
  var batches: String?

  @Option(
    name: .long,
    help: ArgumentHelp("Widths (default: 1/4, 1/2 and 1 of its 'width').", valueName: "n,..."))
  var widths: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Image sizes, of a network of the program's own (default: 16,32,64); none leaves an axis "
        + "out.",
      valueName: "n,..."))
  var sizes: String?

  @Option(name: .long, help: "Times to run every job; the table has the medians.")
  var rounds = 3

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The results, a .json file; the plot goes beside it as .png.", valueName: "file"))
  var output = "scaling.json"

  @Option(
    name: .long,
    help: ArgumentHelp(
      "What starts a job, with {ranks} for their number (default: mpirun on this machine).",
      valueName: "command"))
  var launcher: String?

  @Option(
    name: .customLong("from"),
    help: ArgumentHelp(
      "Draw results that are there (also several) instead of measuring.", valueName: "file"))
  var files: [String] = []

  func validate() throws {
    let given = [
      ("ranks", ranks), ("batches", batches), ("widths", widths), ("sizes", sizes),
      ("launcher", launcher),
    ].filter { $0.1 != nil }.map(\.0)
    if let option = given.first, !scaling {
      throw ValidationError("--\(option) belongs to --scaling")
    }
    guard files.isEmpty || scaling else { throw ValidationError("--from belongs to --scaling") }
    if let option = given.first, !files.isEmpty {
      throw ValidationError("--from measures nothing; leave out --\(option)")
    }
    guard rounds > 0 else { throw ValidationError("--rounds must be at least 1") }
    guard output.hasSuffix(".json"), output.count > 5 else {
      throw ValidationError("--output must be a .json file, found '\(output)'")
    }
    if let launcher, !launcher.contains("{ranks}") {
      throw ValidationError("--launcher must contain {ranks}, found '\(launcher)'")
    }
    for (option, text) in [
      ("ranks", ranks), ("batches", batches), ("widths", widths), ("sizes", sizes),
    ] {
      _ = try Self.list(text, option)
    }
  }

  /// Numbers in `1,2,4`, none in `none`, nil where nothing was said.
  static func list(_ text: String?, _ option: String) throws -> [Int]? {
    guard let text else { return nil }
    guard text != "none" else { return [] }
    return try text.split(separator: ",", omittingEmptySubsequences: false).map { word in
      guard let number = Int(word), number > 0 else {
        throw ValidationError("--\(option): expected such as 1,2,4 or none, found '\(text)'")
      }
      return number
    }
  }
}
