import Base
import Storage

extension RunDirectory {
  /// The numbers of a run: of each iteration, and of each time that scores were measured.
  ///
  /// - Returns: `metrics.csv`, and `evaluation.csv` where the run has one.
  /// - Throws: `Fault` where a file cannot be read or a field is no number.
  package func tables() throws -> (metrics: MetricsTable, scores: MetricsTable?) {
    let metrics = try MetricsTable(path: metrics)
    return (metrics, FileSystem.exists(evaluation) ? try MetricsTable(path: evaluation) : nil)
  }
}
