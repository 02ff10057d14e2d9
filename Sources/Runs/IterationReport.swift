import Training

/// What an iteration has computed.
package struct IterationReport: Sendable {
  /// Iterations so far, this one included.
  package let iteration: Int
  /// Of the last critic step.
  package let critic: CriticLosses
  package let generator: GeneratorLosses
  package let seconds: Double
}
