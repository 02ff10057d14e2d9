import Reports
import Training

/// The columns of `metrics.csv` for an objective: names with units in brackets, and their values.
///
/// Losses and the W distance have the unit of the critic's score, cross-entropies are in nats.
package struct MetricsColumns {
  private let columns: [LossColumn]
  private let hasHashes: Bool

  /// - Parameters:
  ///   - objective: What is trained.
  ///   - hasHashes: Whether there are columns for the hashes of the parameters.
  package init(_ objective: Objective, hasHashes: Bool = false) {
    self.hasHashes = hasHashes
    var columns = objective.loss.columns(hasPenalty: objective.penalty != nil)
    if objective.classifier != nil {
      columns += [
        LossColumn("class_loss (nat)") { $0.critic.classification },
        LossColumn("class_accuracy (1)") { $0.critic.accuracy },
        LossColumn("generator_class_loss (nat)") { $0.generator.classification },
      ]
    }
    if let regressor = objective.regressor {
      columns += [
        LossColumn("regression_error (\(regressor.error.unit))") { $0.critic.regression },
        LossColumn("generator_regression_error (\(regressor.error.unit))") {
          $0.generator.regression
        },
      ]
    }
    if objective.featureMatching != nil {
      columns.append(LossColumn("feature_distance (1)") { $0.generator.featureDistance })
    }
    columns += [
      LossColumn("critic_gradient_norm (score)") { $0.critic.gradientNorm },
      LossColumn("generator_gradient_norm (score)") { $0.generator.gradientNorm },
    ]
    self.columns = columns
  }

  /// All columns of the file.
  package var names: [String] {
    ["iteration (count)", "epoch (count)"] + columns.map(\.name)
      + (hasHashes ? ["generator_hash (crc32)", "critic_hash (crc32)"] : []) + ["seconds (s)"]
  }

  /// A row of the file.
  ///
  /// - Parameters:
  ///   - iteration: Iterations done.
  ///   - epoch: The epoch, from 1.
  ///   - losses: The iteration's.
  ///   - hashes: Those after the iteration; nil where none were computed.
  ///   - seconds: The iteration's.
  /// - Returns: As many values as there are names.
  package func row(
    iteration: Int, epoch: Int, _ losses: StepLosses, hashes: ParameterHashes? = nil,
    seconds: Double
  ) -> [MetricValue] {
    var row: [MetricValue] =
      [.integer(iteration), .integer(epoch)] + columns.map { .number($0.value(losses)) }
    if hasHashes {
      row += [hashes?.generator, hashes?.critic].map {
        $0.map { .integer(Int($0)) } ?? .number(.nan)
      }
    }
    return row + [.number(seconds)]
  }
}
