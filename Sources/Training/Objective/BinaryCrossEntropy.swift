import Configuration
import Foundation

/// Binary cross-entropy of a score s with target t.
///
/// The score is the probability p itself where the critic ends in a sigmoid, and its logit
/// (p = 1 / (1 + exp(-s))) where it does not:
///
///     H(p, t) = -(t log p + (1 - t) log(1 - p))
///     critic: (mean H(C(x), t) + mean H(C(G(z)), 0)) / 2, or the sum
///     generator: mean H(C(G(z)), 1), or, saturating, mean log(1 - C(G(z)))
///
/// For probabilities, logarithms are cut off at -100 and dH/dp = (p - t) / max(p (1 - p), 1e-12),
/// as in PyTorch's `binary_cross_entropy`. With `probabilityClip` e, p is first clipped to
/// [e, 1 - e], as in Keras; the derivative is 0 outside. Computed in Double.
package struct BinaryCrossEntropy: ScoreLoss, Equatable {
  package static let name = "bce"

  /// Whether scores are logits: the networks tell, see `Model`.
  package var takesLogits = false
  /// The weight of each of the two halves of the critic's loss: 1/2 or 1.
  package var criticWeight: Double
  /// What targets of reals are drawn from, for each sample and step; from 1 to 1 for none.
  ///
  /// One-sided label smoothing, arXiv:1606.03498. Fakes keep 0: another target would pull the
  /// optimum.
  package var realTarget: ClosedRange<Double>
  /// Whether the generator minimizes log(1 - p), which has no slope where the critic is sure of a
  /// fake, instead of -log p.
  package var isSaturating: Bool
  /// One optimizer step on the reals and then one on the fakes, instead of one on both.
  package var hasSeparateUpdates: Bool
  /// e of the clipping of probabilities to [e, 1 - e]; nil for none, as for logits.
  package var probabilityClip: Double?

  /// Reads `criticLoss`, `generatorLoss`, `criticUpdates`, `probabilityClip`, `labelSmoothing`.
  ///
  /// - Throws: `ConfigurationError` naming file, line and key.
  package init(_ section: ConfigurationReader) throws {
    let reduction = try section.choice("criticLoss", default: "mean", of: ["mean", "sum"])
    criticWeight = reduction == "mean" ? 0.5 : 1
    isSaturating =
      try section.choice(
        "generatorLoss", default: "nonSaturating", of: ["nonSaturating", "saturating"])
      == "saturating"
    hasSeparateUpdates =
      try section.choice("criticUpdates", default: "joint", of: ["joint", "separate"])
      == "separate"
    probabilityClip = try section.optionalNumber("probabilityClip", in: 0...0.49)
    realTarget = 1...1
    if let smoothing = try section.optionalSection("labelSmoothing") {
      let (low, high) = try smoothing.numberPair("real", default: (0.9, 0.9))
      guard low <= high, low > 0, high <= 1 else {
        throw smoothing.fail(
          "real", "expected [low, high] with 0 < low <= high <= 1, found [\(low), \(high)]")
      }
      realTarget = low...high
    }
  }

  /// p of a score.
  package func probability(_ score: Float) -> Double {
    takesLogits ? 1 / (1 + exp(-Double(score))) : Double(score)
  }

  /// H and dH/ds.
  package func loss(_ score: Float, target: Double) -> ScoreTerm {
    let s = Double(score)
    if takesLogits {
      return ScoreTerm(
        max(s, 0) - s * target + log1p(exp(-abs(s))), derivative: probability(score) - target)
    }
    var p = s
    var slope = 1.0
    if let clip = probabilityClip {
      p = min(max(s, clip), 1 - clip)
      slope = p == s ? 1 : 0
    }
    let value = -(target * max(log(p), -100) + (1 - target) * max(log(1 - p), -100))
    return ScoreTerm(value, derivative: slope * (p - target) / max(p * (1 - p), 1e-12))
  }

  /// H(p, t), weighted; t goes through `realTarget` as `target` goes from 0 to 1.
  package func real(_ score: Float, target: Float) -> ScoreTerm {
    let range = realTarget
    return critic(
      loss(score, target: range.lowerBound + (range.upperBound - range.lowerBound) * Double(target))
    )
  }

  /// H(p, 0), weighted.
  package func fake(_ score: Float) -> ScoreTerm { critic(loss(score, target: 0)) }

  private func critic(_ term: ScoreTerm) -> ScoreTerm {
    ScoreTerm(criticWeight * term.value, derivative: criticWeight * term.derivative)
  }

  /// H(p, 1), or, saturating, -H(p, 0).
  package func generator(_ score: Float) -> ScoreTerm {
    guard isSaturating else { return loss(score, target: 1) }
    let term = loss(score, target: 0)
    return ScoreTerm(-term.value, derivative: -term.derivative)
  }

  package func reported(_ score: Float) -> Double { probability(score) }
  package var reportsProbabilities: Bool { true }

  package func taking(probabilities: Bool) -> BinaryCrossEntropy {
    var loss = self
    loss.takesLogits = !probabilities
    return loss
  }

  package var unit: String { "nat" }

  package func columns(hasPenalty: Bool) -> [LossColumn] {
    [
      LossColumn("critic_loss (nat)") { $0.critic.loss },
      LossColumn("real_probability (1)") { $0.critic.realScore },
      LossColumn("fake_probability (1)") { $0.critic.fakeScore },
    ] + (hasPenalty ? [LossColumn("penalty (nat)") { $0.critic.penalty }] : [])
      + [LossColumn("generator_loss (nat)") { $0.generator.loss }]
  }

  package var progress: [ProgressValue] {
    [ProgressValue("D(x)") { $0.realScore }, ProgressValue("D(G(z))") { $0.fakeScore }]
  }
}
