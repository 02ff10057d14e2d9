import Configuration

/// The hinge loss of Lim and Ye 2017, arXiv:1705.02894, and Miyato et al. 2018, arXiv:1802.05957,
/// equations 16 and 17:
///
///     critic: mean max(0, 1 - C(x)) + mean max(0, 1 + C(y)),  generator: -mean C(G(z))
///
/// At the kinks (a score of 1 or -1) the derivative is 0, as PyTorch's relu has it.
package struct HingeLoss: ScoreLoss {
  package static let name = "hinge"

  package init(_ section: ConfigurationReader) {}

  /// max(0, 1 - C(x)); slope -1 below a score of 1.
  package func real(_ score: Float, target: Float) -> ScoreTerm { margin(1 - Double(score), -1) }
  /// max(0, 1 + C(y)); slope 1 above a score of -1.
  package func fake(_ score: Float) -> ScoreTerm { margin(1 + Double(score), 1) }

  /// -C(y), which has no hinge.
  package func generator(_ score: Float) -> ScoreTerm {
    ScoreTerm(-Double(score), derivative: -1)
  }

  private func margin(_ value: Double, _ slope: Double) -> ScoreTerm {
    // A score that is not a number has to show.
    value <= 0 ? ScoreTerm(0, derivative: 0) : ScoreTerm(value, derivative: slope)
  }
}
