import Datasets
import Networks
import Recipe
import Training

/// Settings that are no errors, but train badly whatever the data are: said before the first
/// iteration.
package enum SettingsCheck {
  /// What is to be said of a configuration, a line each.
  ///
  /// - Parameters:
  ///   - configuration: Of the run.
  ///   - model: Its networks.
  /// - Returns: The lines; none for what is usual.
  package static func warnings(_ configuration: RunConfiguration, _ model: Model) -> [String] {
    [
      unboundedCritic(configuration.objective, model.critic),
      otherRange(configuration.data, model.generator),
    ].compactMap { $0 }
  }

  /// Of a Wasserstein loss alone: scores grow as long as the critic can make them.
  private static func unboundedCritic(_ objective: Objective, _ critic: Network) -> String? {
    guard objective.loss is WassersteinLoss, objective.penalty == nil, objective.weightClip == nil,
      !critic.layers.contains(where: { $0.parameters.contains { $0.spectralNorm != nil } })
    else { return nil }
    return "objective: wasserstein without gradientPenalty, weightClip or spectralNorm in the "
      + "critic: nothing bounds the critic's slope, and W runs off; objective.gradientPenalty="
      + "{weight: 10} is usual"
  }

  /// Of images that end in a function with another range than the data's.
  private static func otherRange(
    _ data: RunConfiguration.DataSection, _ generator: Network
  ) -> String? {
    switch data.source {
    case .toy, .array: return nil
    case .idx, .cifar10, .mnistPickle, .imageFolder, .glyphs: break
    }
    let range = data.range
    let text = "data.range is [\(range.lowerBound), \(range.upperBound)]"
    switch generator.description.layers.last?.kind {
    case "sigmoid" where range.lowerBound < 0 || range.upperBound > 1:
      return "generator: its last sigmoid gives 0 to 1, but \(text), of which the rest is out of "
        + "its reach; data.range=[0, 1], or tanh for data in [-1, 1]"
    case "tanh" where range.lowerBound < -1 || range.upperBound > 1:
      return "generator: its last tanh gives -1 to 1, but \(text), of which the rest is out of its "
        + "reach; data.range=[-1, 1]"
    case "tanh" where range.lowerBound >= 0:
      return "generator: its last tanh gives -1 to 1, but \(text): half of what it gives no image "
        + "has; data.range=[-1, 1], or sigmoid for data in [0, 1]"
    default: return nil
    }
  }
}
