import Configuration
import Networks

/// What critic and generator minimize: a loss of scores, a penalty, and terms beside them.
///
/// Wasserstein with the gradient penalty of Gulrajani et al. 2017, arXiv:1704.00028, Algorithm 1,
/// for B reals x, fakes y = G(z) and interpolates u:
///
///     W = mean C(x) - mean C(y)
///     penalty = weight * mean (|g_i| - 1)^2,  g_i the gradient of C at u_i
///     critic: -W + penalty,  generator: -mean C(G(z))
///
/// Other losses are `ScoreLoss`es, other penalties values of `GradientPenalty`.
package struct Objective: Sendable {
  /// The auxiliary classifier of AC-GAN (arXiv:1610.09585).
  ///
  /// The critic's outputs after the first are class
  /// logits, and a cross-entropy of the reals' classes is added to the critic's loss, one of the
  /// fakes' to the generator's.
  package struct AuxiliaryClassifier: Sendable, Equatable {
    /// Of the reals' cross-entropy in the critic's loss.
    package var criticWeight: Double
    /// Of the fakes' in the generator's.
    package var generatorWeight: Double
  }

  /// An auxiliary regressor: the auxiliary classifier's part for numbers.
  ///
  /// The critic's outputs behind score and class logits are estimates of the condition's numbers;
  /// the reals' error is added to the critic's loss, the fakes' to the generator's.
  package struct AuxiliaryRegressor: Sendable, Equatable {
    /// What an estimate that is off costs.
    package var error: RegressionError
    /// Of the reals' error in the critic's loss.
    package var criticWeight: Double
    /// Of the fakes' in the generator's.
    package var generatorWeight: Double
  }

  /// Feature matching (arXiv:1606.03498).
  ///
  /// The term weight * |E f(x) - E f(G(z))|^2 is
  /// added to the generator's loss.
  package struct FeatureMatching: Sendable, Equatable {
    /// Whose features are matched.
    package enum Features: Sendable, Equatable {
      /// f: what layer `layer` of the critic gives.
      case critic(layer: Int)
      /// f: the output of a network of its own, whose parameters stand still.
      case network(path: String)
    }

    /// Of the squared distance of the means.
    package var weight: Double
    /// f.
    package var features: Features
  }

  /// What is minimized of the scores.
  package var loss: any ScoreLoss
  /// Added to the critic's loss; nil for none.
  package var penalty: GradientPenalty?
  /// The clipping of the critic's parameters after each of its steps.
  package var weightClip: WeightClip?
  /// Of samples with classes; nil for none.
  package var classifier: AuxiliaryClassifier?
  /// Of samples with numbers; nil for none.
  package var regressor: AuxiliaryRegressor?
  /// Of the generator's loss; nil for none.
  package var featureMatching: FeatureMatching?
  /// Whether the fakes of a critic step are made with batch norm's running statistics, as
  /// Keras's `predict` does.
  package var fakesUseRunningStatistics = false

  /// Wasserstein, with the paper's penalty or none.
  package init(penaltyWeight: Double?) {
    loss = WassersteinLoss()
    penalty = penaltyWeight.map { GradientPenalty(weight: $0) }
  }

  /// Reads the `objective` section.
  ///
  /// - Throws: `ConfigurationError` naming file, line and key.
  init(_ section: ConfigurationReader) throws {
    loss = try ScoreLossCatalog.loss(section)
    penalty = try section.optionalSection("gradientPenalty").map { try GradientPenalty($0) }
    weightClip = try section.optionalSection("weightClip").map { try WeightClip($0) }
    classifier = try section.optionalSection("auxiliaryClassifier").map {
      AuxiliaryClassifier(
        criticWeight: try $0.number("criticWeight", default: 1, in: 0...1e6),
        generatorWeight: try $0.number("generatorWeight", default: 0.1, in: 0...1e6))
    }
    regressor = try section.optionalSection("auxiliaryRegressor").map {
      AuxiliaryRegressor(
        error: try $0.choice("error", default: .squared),
        criticWeight: try $0.number("criticWeight", default: 1, in: 0...1e6),
        generatorWeight: try $0.number("generatorWeight", default: 0.1, in: 0...1e6))
    }
    featureMatching = try section.optionalSection("featureMatching").map {
      let weight = try $0.number("weight", default: 1, in: 0...1e6)
      if let network = try $0.optionalSection("network") {
        return FeatureMatching(
          weight: weight, features: .network(path: try network.path("file")))
      }
      return FeatureMatching(
        weight: weight, features: .critic(layer: try $0.integer("layer", in: 0...10_000)))
    }
    fakesUseRunningStatistics =
      try section.choice("fakeStatistics", default: "batch", of: ["batch", "running"])
      == "running"
    if penalty != nil, loss.hasSeparateUpdates {
      throw section.fail(
        "criticUpdates", "expected joint with a gradient penalty, found separate")
    }
  }

  /// Stat groups of a critic step: reals, fakes and, with a penalty, its points.
  package var criticGroups: Int { penalty == nil ? 2 : 3 }

  /// Stat groups that a generator step sends through the critic.
  package var generatorGroups: Int { featureMatching == nil ? 1 : 2 }
}
