import Configuration

/// What critic and generator minimize.
///
/// Wasserstein (Arjovsky et al. 2017, arXiv:1701.07875) with the gradient penalty of Gulrajani et
/// al. 2017, arXiv:1704.00028, Algorithm 1. For B reals x, fakes y = G(z) and interpolates u:
///
///     u_i = a_i x_i + (1 - a_i) y_i,  a_i uniform in [0, 1),  g_i the gradient of C at u_i
///     W = mean C(x) - mean C(y),  penalty = weight * mean (|g_i| - 1)^2
///     critic: -W + penalty,  generator: -mean C(G(z))
package struct Objective: Sendable, Equatable {
  /// nil: no penalty, and no interpolates.
  package var penaltyWeight: Double?

  package init(penaltyWeight: Double?) { self.penaltyWeight = penaltyWeight }

  init(_ section: ConfigurationReader) throws {
    _ = try section.choice("loss", default: "wasserstein", of: ["wasserstein"])
    penaltyWeight = try section.optionalSection("gradientPenalty").map {
      try $0.number("weight", default: 10, in: 0...1e6)
    }
  }

  /// Stat groups of a critic step: reals, fakes and, with a penalty, interpolates.
  package var criticGroups: Int { penaltyWeight == nil ? 2 : 3 }
}

/// The groups of a critic step.
enum Group {
  static let reals = 0
  static let fakes = 1
  static let interpolates = 2
}
