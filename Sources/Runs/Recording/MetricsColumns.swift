import Reports
import Training

/// The columns of `metrics.csv` for an objective: names with units in brackets, and their values.
///
/// Losses and the W distance have the unit of the critic's score, cross-entropies are in nats.
package struct MetricsColumns {
  package typealias Losses = (critic: CriticLosses, generator: GeneratorLosses)
  private typealias Column = (name: String, value: (Losses) -> Double)

  private let columns: [Column]

  package init(_ objective: Objective) {
    var columns: [Column] = []
    switch objective.loss {
    case .wasserstein:
      columns += [
        ("critic_loss (score)", { $0.critic.loss }),
        ("w_distance (score)", { $0.critic.wasserstein }),
        ("penalty (score)", { $0.critic.penalty }),
        ("generator_loss (score)", { $0.generator.loss }),
      ]
    case .binaryCrossEntropy:
      columns += [
        ("critic_loss (nat)", { $0.critic.loss }),
        ("real_probability (1)", { $0.critic.realScore }),
        ("fake_probability (1)", { $0.critic.fakeScore }),
      ]
      if objective.penalty != nil { columns.append(("penalty (nat)", { $0.critic.penalty })) }
      columns.append(("generator_loss (nat)", { $0.generator.loss }))
    }
    if objective.classifier != nil {
      columns += [
        ("class_loss (nat)", { $0.critic.classification }),
        ("class_accuracy (1)", { $0.critic.accuracy }),
        ("generator_class_loss (nat)", { $0.generator.classification }),
      ]
    }
    if objective.featureMatching != nil {
      columns.append(("feature_distance (1)", { $0.generator.featureDistance }))
    }
    columns += [
      ("critic_gradient_norm (score)", { $0.critic.gradientNorm }),
      ("generator_gradient_norm (score)", { $0.generator.gradientNorm }),
    ]
    self.columns = columns
  }

  /// All columns of the file.
  package var names: [String] {
    ["iteration (count)", "epoch (count)"] + columns.map(\.name) + ["seconds (s)"]
  }

  /// A row of the file.
  package func row(iteration: Int, epoch: Int, _ losses: Losses, seconds: Double)
    -> [MetricValue]
  {
    [.integer(iteration), .integer(epoch)] + columns.map { .number($0.value(losses)) }
      + [.number(seconds)]
  }
}
