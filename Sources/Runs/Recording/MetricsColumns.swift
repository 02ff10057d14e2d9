import Reports
import Training

/// The columns of `metrics.csv` for an objective: names with units in brackets, and their values.
///
/// Losses and the W distance have the unit of the critic's score, cross-entropies are in nats.
package struct MetricsColumns {
  private let columns: [LossColumn]

  package init(_ objective: Objective) {
    var columns = objective.loss.columns(hasPenalty: objective.penalty != nil)
    if objective.classifier != nil {
      columns += [
        LossColumn("class_loss (nat)") { $0.critic.classification },
        LossColumn("class_accuracy (1)") { $0.critic.accuracy },
        LossColumn("generator_class_loss (nat)") { $0.generator.classification },
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
    ["iteration (count)", "epoch (count)"] + columns.map(\.name) + ["seconds (s)"]
  }

  /// A row of the file.
  package func row(iteration: Int, epoch: Int, _ losses: StepLosses, seconds: Double)
    -> [MetricValue]
  {
    [.integer(iteration), .integer(epoch)] + columns.map { .number($0.value(losses)) }
      + [.number(seconds)]
  }
}
