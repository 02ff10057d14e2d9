import Configuration
import Scores

/// By which score the best checkpoint of a run is kept.
package struct BestSettings: Sendable, Equatable {
  /// Which of two values of the score is the better one.
  package enum Preference: String, Sendable, CaseIterable { case lowest, highest }

  /// The score's name.
  package let score: String
  /// Its column in `evaluation.csv`, without the unit.
  package let column: String
  /// The column's place among all values of an evaluation.
  package let index: Int
  package let prefers: Preference

  /// - Parameters:
  ///   - section: `evaluation.best`.
  ///   - scores: What the run measures, in the order of the columns.
  /// - Throws: `ConfigurationError` where the run does not measure the score, or it has no such
  ///   column.
  init(_ section: ConfigurationReader, of scores: [any Score]) throws {
    let names = scores.map { type(of: $0).name }
    guard !names.isEmpty else { throw section.fail(nil, "the run measures no score") }
    let score = try section.choice("score", of: names)
    self.score = score
    let found = scores.firstIndex { type(of: $0).name == score } ?? 0
    let columns = scores[found].columns.map(Self.plain)
    // A score with one column needs no choice; of several none is the obvious one.
    let column = try section.choice(
      "column", default: columns.count == 1 ? columns[0] : nil, of: columns)
    self.column = column
    index =
      scores[..<found].reduce(0) { $0 + $1.columns.count } + (columns.firstIndex(of: column) ?? 0)
    prefers = try section.choice("prefer")
  }

  /// Whether `value` is better than the best so far; never where it is not finite.
  package func isBetter(_ value: Double, than best: Double?) -> Bool {
    guard value.isFinite else { return false }
    guard let best else { return true }
    return prefers == .lowest ? value < best : value > best
  }

  /// A column's name without its unit.
  private static func plain(_ column: String) -> String {
    String(column.prefix { $0 != " " })
  }
}
