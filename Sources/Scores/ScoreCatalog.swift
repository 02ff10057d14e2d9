import Configuration

/// Builds scores from their entries in a configuration.
package enum ScoreCatalog {
  /// All there are, in the order of their columns.
  private static let scores: [any Score.Type] = [
    Diversity.self,
    ModeCoverage.self,
    Wasserstein.self,
    SlicedWasserstein.self,
    MarginalWasserstein.self,
    MeanDiscrepancy.self,
    MultiscaleSlicedWasserstein.self,
    PowerSpectrum.self,
    NearestNeighbours.self,
    CriticGap.self,
    InceptionScore.self,
    FrechetDistance.self,
    KernelDistance.self,
    PrecisionRecall.self,
    Histograms.self,
    FrechetPhysicsDistance.self,
    KernelPhysicsDistance.self,
    ClassifierTest.self,
  ]

  package static var names: [String] { scores.map { $0.name } }

  /// Whether one of these scores asks the critic.
  package static func needCritic(_ names: [String]) -> Bool {
    scores.contains { $0.needsCritic && names.contains($0.name) }
  }

  /// The names of the scores that a run has where nobody chose any.
  package static func defaults(of subject: ScoreSubject) -> [String] {
    scores.filter { $0.isDefault && $0.refusal(of: subject) == nil }.map { $0.name }
  }

  /// Why no score applies to a run that has none.
  package static func refusal(of subject: ScoreSubject) -> String? {
    scores.lazy.compactMap { $0.refusal(of: subject) }.first
  }

  /// The score that an entry names.
  ///
  /// - Parameters:
  ///   - item: A name with options or without.
  ///   - subject: The run.
  /// - Returns: The score.
  /// - Throws: `ConfigurationError` for an unknown name or option, and where the score does not
  ///   apply to the run.
  package static func score(
    _ item: ConfigurationItem, _ subject: ScoreSubject
  ) throws -> any Score {
    guard let type = scores.first(where: { $0.name == item.name }) else {
      throw item.unknownName(known: names)
    }
    if let refusal = type.refusal(of: subject) { throw item.fail(refusal) }
    let score = try type.init(item.options, subject)
    try item.options.finish()
    return score
  }
}
