import Foundation
import Sampling
import Scores

/// What `evaluate --json` prints: the values by their columns of `evaluation.csv`.
///
/// `source` is the checkpoint or the set of samples; `samples` and `reals` are counts; `iteration`
/// and `seed` are left out where two sets are compared, `protocol` where none is followed,
/// `histograms` where that score was not measured. `seconds` are those of drawing and measuring.
struct EvaluationReport: Encodable {
  let source: String
  let published: String?
  let iteration: Int?
  let samples: Int
  let reals: Int
  let seed: UInt64?
  let seconds: Double
  /// A score's values, by score and column.
  let scores: [String: [String: Double]]
  /// Each quantity's, of all samples and of each group by condition.
  let histograms: [Histogram]?

  private enum CodingKeys: String, CodingKey {
    case source
    case published = "protocol"
    case iteration, samples, reals, seed, seconds, scores, histograms
  }

  /// Of a quantity, of all samples or of a group by condition.
  ///
  /// `edges` are one more than the counts in `reals` and `samples`, in the quantity's unit;
  /// `HistogramComparison` has the formulas of `separation`, `chiSquared` and `degrees`.
  struct Histogram: Encodable {
    let quantity: String
    /// The group by condition; nil for all.
    let group: String?
    let edges: [Double]
    let reals: [Int]
    let samples: [Int]
    let separation: Double
    let chiSquared: Double
    let degrees: Int

    init(_ quantity: String, _ group: String?, _ found: HistogramComparison) {
      self.quantity = quantity
      self.group = group
      edges = found.binning.edges
      (reals, samples) = (found.reals, found.samples)
      separation = found.separation
      (chiSquared, degrees) = found.chiSquared
    }

    /// Quantity by quantity in the score's order, each overall and then by group.
    static func all(_ report: HistogramReport) -> [Histogram] {
      report.quantities.flatMap { entry in
        [Histogram(entry.quantity.name, nil, entry.all)]
          + zip(report.groups?.labels ?? [], entry.groups).map {
            Histogram(entry.quantity.name, $0, $1)
          }
      }
    }
  }

  /// The line that `--json` prints.
  ///
  /// - Parameters:
  ///   - found: What was measured.
  ///   - source: The checkpoint's path, or the name of the set of samples.
  ///   - published: The protocol that was followed; nil for none.
  ///   - iteration: The checkpoint's; nil for a set.
  ///   - seed: Of the samples' noise; nil for a set.
  /// - Returns: One line; numbers that are none as texts.
  /// - Throws: Where it cannot be encoded.
  static func json(
    _ found: Evaluation.Result, source: String, _ published: InceptionProtocol? = nil,
    iteration: Int? = nil, seed: UInt64? = nil
  ) throws -> String {
    let scores = found.scores.map { score, values, _ in
      (type(of: score).name, Dictionary(uniqueKeysWithValues: zip(score.columns, values)))
    }
    return try JSONLine.text(
      EvaluationReport(
        source: source, published: published?.name, iteration: iteration, samples: found.samples,
        reals: found.setting.reals, seed: seed, seconds: found.seconds,
        scores: Dictionary(uniqueKeysWithValues: scores),
        histograms: found.histograms.map(Histogram.all)))
  }
}
