import ArgumentParser
import Foundation
import Pictures
import Reports
import Storage

/// The command `plot`: rank 0 draws, from the tables and pictures that runs have left.
///
/// Of one run without `--columns` and `--log` it is the run's own `curves.png`, drawn again; of
/// several a panel a column. With `--grids` the pictures are put side by side as they are. The
/// picture's folder is made; its path is what is printed.
struct PlotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plot",
    abstract: "Plot the curves or the sample grids of several runs in one picture.",
    discussion: """
      A panel a column of metrics.csv or evaluation.csv, a line a run; of a single run all its \
      curves. With --grids the newest picture in each run's samples/, side by side. Prints the \
      path of the picture: PNG, SVG or PDF, by the ending of its name.
      """)

  @Argument(help: ArgumentHelp("The runs' folders.", valueName: "run"), completion: .directory)
  var runs: [String]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The picture, .png, .svg or .pdf (default: curves.png or grids.png).", valueName: "file"),
    completion: .file())
  var output: String?

  /// Names without units and with commas between them; one that no run has is an error.
  @Option(
    name: .long,
    help: ArgumentHelp(
      """
      Columns of metrics.csv and evaluation.csv, without units (default: W distance, penalty, \
      losses, scores).
      """,
      valueName: "name,..."))
  var columns: String?

  /// As many as runs; nil for the folders' names, or the whole paths where two are the same.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "What to call the runs, in their order (default: their folders' names).",
      valueName: "name,..."))
  var names: String?

  @Flag(
    name: .long,
    help: "Logarithmic y axes beyond 1 and -1, where one run diverges and another does not.")
  var log = false

  @Flag(name: .long, help: "The runs' newest sample grids instead of curves.")
  var grids = false

  /// 1 to 64; a pixel becomes a square, nothing is smoothed.
  @Option(name: .long, help: "Pixels of the picture, each way, for one of a grid's.")
  var scale = 1

  /// Refuses names that are not as many as the runs, endings that no picture has, and options of
  /// curves beside `--grids`.
  ///
  /// - Throws: `ValidationError`, which ends with status 64.
  func validate() throws {
    guard !runs.isEmpty else { throw ValidationError("expected the folder of a run") }
    guard names == nil || Self.list(names).count == runs.count else {
      throw ValidationError("--names has \(Self.list(names).count) names for \(runs.count) runs")
    }
    try Canvas.requireFormat(output)
    guard !(grids && (columns != nil || log)) else {
      throw ValidationError("--grids has no curves; leave out --columns and --log")
    }
    guard (1...64).contains(scale) else {
      throw ValidationError("--scale must be in 1 ... 64")
    }
  }

  func run() throws {
    try Job.run { communicator in
      try communicator.agree {
        guard communicator.rank == 0 else { return }
        let path = output ?? (grids ? "grids.png" : "curves.png")
        try FileSystem.createDirectory(FileSystem.folder(of: path))
        try (grids ? sheet() : curves()).write(to: path, title: titles.joined(separator: ", "))
        StandardOutput.print(path)
      }
    }
  }

  /// What the runs are called: by their folders' names, or whole paths where names repeat.
  private var titles: [String] {
    if names != nil { return Self.list(names) }
    let paths = runs.map { $0.count > 1 && $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
    let short = paths.map { FileSystem.name(of: $0) }
    return Set(short).count == short.count ? short : paths
  }

  /// Curves of metrics.csv and evaluation.csv, over iterations.
  ///
  /// - Returns: The drawing, a panel a column.
  /// - Throws: `Fault` where a table cannot be read, or no run has a column.
  private func curves() throws -> Canvas {
    let tables = try runs.map { try RunDirectory($0).tables() }
    if tables.count == 1, columns == nil, !log {
      return tables[0].metrics.curves(title: titles[0], scores: tables[0].scores)
    }
    return try MetricsTable.comparison(
      zip(titles, tables).map { ($0, [$1.metrics] + ($1.scores.map { [$0] } ?? [])) },
      columns: columns.map { Self.list($0) }, isSymmetricLog: log)
  }

  /// The newest of each run's pictures in samples/, by date, under the run's title.
  ///
  /// - Returns: The drawing.
  /// - Throws: `Fault` where a run has none.
  private func sheet() throws -> Canvas {
    PictureSheet.draw(
      try zip(titles, runs).map { title, run in
        let path = try RunDirectory(run).newestSamples()
        return .init(heading: title, image: try PNG.read(path).enlarged(by: scale))
      })
  }

  /// The names between commas, without blanks around them; empty ones count.
  private static func list(_ text: String?) -> [String] {
    (text ?? "").split(separator: ",", omittingEmptySubsequences: false).map {
      $0.trimmingCharacters(in: .whitespaces)
    }
  }
}

extension Canvas {
  /// Refuses a picture's name with an unknown ending, before anything is drawn.
  ///
  /// - Parameter path: nil for no picture, which is never refused.
  /// - Throws: `ValidationError`, which ends with status 64, naming the endings.
  static func requireFormat(_ path: String?) throws {
    do { _ = try path.map(Format.init(ofPath:)) } catch { throw ValidationError("\(error)") }
  }
}
