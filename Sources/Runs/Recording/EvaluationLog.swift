import Base
import Recipe
import Reports
import Sampling
import Storage

/// The run's `evaluation.csv`: a row each time that scores are measured.
struct EvaluationLog {
  /// nil where nothing is measured, and nothing was.
  private let log: MetricsLog?

  /// - Parameters:
  ///   - path: The file.
  ///   - evaluation: What is measured.
  ///   - start: Iterations done; later rows of a run that is resumed go.
  /// - Throws: `Fault` if the system refuses, or the file has other columns.
  init(path: String, _ evaluation: RunConfiguration.EvaluationSection, start: Int) throws {
    guard evaluation.isOn || FileSystem.exists(path) else {
      log = nil
      return
    }
    // Rows are rare: each goes to the file at once, or a crash would leave a gap.
    let log = try MetricsLog(path: path, columns: Self.columns(evaluation), flushInterval: 0)
    try log.truncate(afterIteration: start)
    self.log = log
  }

  static func columns(_ evaluation: RunConfiguration.EvaluationSection) -> [String] {
    ["iteration (count)", "epoch (count)"] + evaluation.scores.flatMap(\.columns)
      + ["seconds (s)"]
  }

  /// Adds a row, and gives it.
  func append(_ found: Evaluation.Result, iteration: Int, epoch: Int) throws -> [MetricValue] {
    let row =
      [.integer(iteration), .integer(epoch)] + found.values.map { MetricValue.number($0) }
      + [.number(found.seconds)]
    try log?.append(row)
    return row
  }

  func close() throws { try log?.close() }
}
