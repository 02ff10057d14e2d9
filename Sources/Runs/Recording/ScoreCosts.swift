import Foundation
import Sampling
import Scores

/// What scores cost of a run's time.
struct ScoreCosts {
  private var evaluations = 0
  private var seconds = 0.0
  /// By score, in the order in which they are measured.
  private var ofScores: [(name: String, seconds: Double)] = []

  /// Adds an evaluation.
  mutating func add(_ found: Evaluation.Result) {
    evaluations += 1
    seconds += found.seconds
    if ofScores.isEmpty { ofScores = found.scores.map { (type(of: $0.score).name, 0) } }
    for index in ofScores.indices { ofScores[index].seconds += found.scores[index].seconds }
  }

  /// `scores: 3 times 1.24 s (drawing 0.41, diversity 0.83), 2.1 % of the time`.
  ///
  /// What no score has taken for itself is drawing.
  ///
  /// - Parameter total: Seconds of the run.
  /// - Returns: nil where nothing was measured.
  func line(of total: Double) -> String? {
    guard evaluations > 0, total > 0 else { return nil }
    let each = { (seconds: Double) in String(format: "%.3g", seconds / Double(evaluations)) }
    let drawing = seconds - ofScores.reduce(0) { $0 + $1.seconds }
    let parts =
      (drawing > 0.01 * seconds ? [("drawing", drawing)] : [])
      + ofScores.map { ($0.name, $0.seconds) }
    return "scores: \(evaluations) time\(evaluations == 1 ? "" : "s") \(each(seconds)) s ("
      + parts.map { "\($0.0) \(each($0.1))" }.joined(separator: ", ")
      + "), \(String(format: "%.1f", 100 * seconds / total)) % of the time"
  }
}
