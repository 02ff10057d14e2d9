import Configuration

/// The Wasserstein distance of Arjovsky et al. 2017, arXiv:1701.07875, equations 2 and 3:
///
///     critic: mean C(y) - mean C(x) = -W,  generator: -mean C(G(z))
///
/// It asks for a critic that is Lipschitz: see `GradientPenalty` and `WeightClip`.
package struct WassersteinLoss: ScoreLoss {
  package static let name = "wasserstein"

  package init() {}
  /// The loss has no keys.
  package init(_ section: ConfigurationReader) {}

  /// -C(x).
  package func real(_ score: Float, target: Float) -> ScoreTerm {
    ScoreTerm(-Double(score), derivative: -1)
  }

  /// C(y).
  package func fake(_ score: Float) -> ScoreTerm { ScoreTerm(Double(score), derivative: 1) }

  /// -C(y).
  package func generator(_ score: Float) -> ScoreTerm {
    ScoreTerm(-Double(score), derivative: -1)
  }

  /// W alone: the scores have no zero that means anything.
  package var progress: [ProgressValue] {
    [ProgressValue("W", epochLabel: "W Dist") { $0.wasserstein }]
  }

  /// The penalty has its column in any case: without one it is 0.
  package func columns(hasPenalty: Bool) -> [LossColumn] {
    [
      LossColumn("critic_loss (score)") { $0.critic.loss },
      LossColumn("w_distance (score)") { $0.critic.wasserstein },
      LossColumn("penalty (score)") { $0.critic.penalty },
      LossColumn("generator_loss (score)") { $0.generator.loss },
    ]
  }
}
