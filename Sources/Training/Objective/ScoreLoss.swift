import Configuration

/// A loss of the critic's scores: what critic and generator minimize of them, and what is reported.
///
/// For B reals x with scores C(x) and fakes y = G(z),
///
///     critic: mean real(C(x)) + mean fake(C(y)),  generator: mean generator(C(y))
///
/// with means over the global batch. A new loss is one file, and its type in `ScoreLossCatalog`.
package protocol ScoreLoss: Sendable {
  /// The word in a configuration: `wasserstein`.
  static var name: String { get }

  /// Reads the loss's own keys from the `objective` section.
  ///
  /// - Throws: `ConfigurationError` naming file, line and key.
  init(_ section: ConfigurationReader) throws

  /// The critic's term of a real, from its score C(x).
  ///
  /// `target` in [0, 1) says where in a range of smoothed targets that of this real lies.
  func real(_ score: Float, target: Float) -> ScoreTerm
  /// The critic's term of a fake, from its score C(G(z)).
  func fake(_ score: Float) -> ScoreTerm
  /// The generator's term of a fake, from its score C(G(z)).
  func generator(_ score: Float) -> ScoreTerm

  /// What is reported for a score: the score itself, or the probability that it stands for.
  func reported(_ score: Float) -> Double
  /// Whether `reported` gives probabilities.
  var reportsProbabilities: Bool { get }

  /// What the critic's two terms are weighted with, where they share one optimizer step.
  var criticWeight: Double { get }
  /// One optimizer step on the reals and then one on the fakes, instead of one on both.
  var hasSeparateUpdates: Bool { get }

  /// The loss for a critic whose outputs are probabilities, or not.
  func taking(probabilities: Bool) -> Self

  /// The unit of the losses in `metrics.csv`.
  var unit: String { get }
  /// The columns of `metrics.csv` that have to do with scores, in order.
  func columns(hasPenalty: Bool) -> [LossColumn]
  /// What the progress line and the line an epoch say of the scores.
  var progress: [ProgressValue] { get }
}

/// A sample's contribution to a loss, and its derivative with respect to the score.
package struct ScoreTerm: Sendable, Equatable {
  /// Not yet divided by the batch.
  package var value: Double
  /// d value / d score; one of the two where there is a kink.
  package var derivative: Double

  package init(_ value: Double, derivative: Double) {
    self.value = value
    self.derivative = derivative
  }
}

/// What a critic step and a generator step computed.
package typealias StepLosses = (critic: CriticLosses, generator: GeneratorLosses)

/// A column of `metrics.csv`: its name with the unit in brackets, and its value.
package struct LossColumn: Sendable {
  /// `w_distance (score)`.
  package let name: String
  /// Of the iteration's last critic step and its generator step.
  package let value: @Sendable (StepLosses) -> Double

  package init(_ name: String, _ value: @escaping @Sendable (StepLosses) -> Double) {
    self.name = name
    self.value = value
  }
}

/// A value of a critic step that is shown as it trains.
package struct ProgressValue: Sendable {
  /// In the progress line: `W`.
  package let label: String
  /// In the line an epoch: `W Dist`.
  package let epochLabel: String
  /// What is shown of a step.
  package let value: @Sendable (CriticLosses) -> Double

  /// - Parameters:
  ///   - label: In the progress line.
  ///   - epochLabel: In the line an epoch; nil for the same.
  ///   - value: What is shown of a step.
  package init(
    _ label: String, epochLabel: String? = nil,
    _ value: @escaping @Sendable (CriticLosses) -> Double
  ) {
    self.label = label
    self.epochLabel = epochLabel ?? label
    self.value = value
  }
}

extension ScoreLoss {
  package var reportsProbabilities: Bool { false }
  package func reported(_ score: Float) -> Double { Double(score) }
  package var criticWeight: Double { 1 }
  package var hasSeparateUpdates: Bool { false }
  package func taking(probabilities: Bool) -> Self { self }
  package var unit: String { "score" }

  package var progress: [ProgressValue] {
    [ProgressValue("C(x)") { $0.realScore }, ProgressValue("C(G(z))") { $0.fakeScore }]
  }

  package func columns(hasPenalty: Bool) -> [LossColumn] {
    [
      LossColumn("critic_loss (\(unit))") { $0.critic.loss },
      LossColumn("real_score (score)") { $0.critic.realScore },
      LossColumn("fake_score (score)") { $0.critic.fakeScore },
    ] + (hasPenalty ? [LossColumn("penalty (\(unit))") { $0.critic.penalty }] : [])
      + [LossColumn("generator_loss (\(unit))") { $0.generator.loss }]
  }
}

/// The losses by the words that configurations use.
package enum ScoreLossCatalog {
  private static let losses: [any ScoreLoss.Type] = [
    WassersteinLoss.self,
    BinaryCrossEntropy.self,
    HingeLoss.self,
    LeastSquaresLoss.self,
  ]

  /// The loss that `objective.loss` names; Wasserstein where it names none.
  ///
  /// - Parameter section: `objective`, from which the loss reads its own keys too.
  /// - Returns: The loss with its options.
  /// - Throws: `ConfigurationError` for a word that is none of the losses'.
  static func loss(_ section: ConfigurationReader) throws -> any ScoreLoss {
    let word = try section.choice(
      "loss", default: WassersteinLoss.name, of: losses.map { $0.name })
    guard let type = losses.first(where: { $0.name == word }) else {
      preconditionFailure("\(word) is none of the losses")
    }
    return try type.init(section)
  }
}
