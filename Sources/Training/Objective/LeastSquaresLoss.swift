import Configuration

/// Least squares with targets 1 for reals and 0 for fakes: Mao et al. 2017, arXiv:1611.04076,
/// equation 9 (a = 0, b = c = 1):
///
///     critic: 1/2 mean (C(x) - 1)^2 + 1/2 mean C(y)^2,  generator: 1/2 mean (C(G(z)) - 1)^2
package struct LeastSquaresLoss: ScoreLoss {
  package static let name = "leastSquares"

  package init(_ section: ConfigurationReader) {}

  /// (C(x) - 1)^2 / 2.
  package func real(_ score: Float, target: Float) -> ScoreTerm { square(Double(score) - 1) }
  /// C(y)^2 / 2.
  package func fake(_ score: Float) -> ScoreTerm { square(Double(score)) }
  /// (C(y) - 1)^2 / 2: what a real costs.
  package func generator(_ score: Float) -> ScoreTerm { square(Double(score) - 1) }

  private func square(_ difference: Double) -> ScoreTerm {
    ScoreTerm(difference * difference / 2, derivative: difference)
  }

  /// The square of what a score is measured in.
  package var unit: String { "score^2" }
}
