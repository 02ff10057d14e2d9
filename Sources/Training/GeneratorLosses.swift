import Collectives
import Foundation
import Networks

/// What a generator step computed.
package struct GeneratorLosses: Sendable, Equatable {
  /// What the generator minimizes: see `Objective`.
  package var loss = 0.0
  /// Cross-entropy of the fakes' classes, not weighted.
  package var classification = 0.0
  /// The error of the estimates of the fakes' conditions, not weighted.
  package var regression = 0.0
  /// |E f(x) - E f(G(z))|^2, not weighted.
  package var featureDistance = 0.0
  /// The Euclidean norm of the gradient of `loss` with respect to all parameters, before the step.
  package var gradientNorm = 0.0

  package init() {}
}
