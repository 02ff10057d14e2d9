import Collectives
import Foundation
import Networks

/// What a critic step computed, over the global batch.
package struct CriticLosses: Sendable, Equatable {
  /// What the critic minimizes: see `Objective`.
  package var loss = 0.0
  /// mean C(real) - mean C(fake); of probabilities where the loss is a cross-entropy.
  package var wasserstein = 0.0
  /// weight * mean (|g| - 1)^2.
  package var penalty = 0.0
  /// mean C(real) and mean C(fake): probabilities where the loss is a cross-entropy.
  package var realScore = 0.0
  package var fakeScore = 0.0
  /// Cross-entropy of the reals' classes, not weighted, and the share of reals whose class has the
  /// largest logit.
  package var classification = 0.0
  package var accuracy = 0.0
  /// The error of the estimates of the reals' conditions, not weighted.
  package var regression = 0.0
  /// The Euclidean norm of the gradient of `loss` with respect to all parameters, before the step.
  package var gradientNorm = 0.0

  package init() {}
}
