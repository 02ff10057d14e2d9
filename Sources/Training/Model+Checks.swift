import Configuration

extension Model {
  /// Refuses networks that objective and training cannot take.
  ///
  /// - Throws: `ConfigurationError` naming the section, what was expected and what was found.
  func check() throws {
    try checkAuxiliaryHeads()
    try checkCriticOutputs()
    try checkFeatureMatching()
    if setup.training.hasFixedGenerator, setup.generator.noise != .standard {
      throw setup.generator.reader.fail(
        "noise",
        "expected normal without options with training.fixedGenerator, found other noise")
    }
  }

  private func refusal(_ message: String) -> ConfigurationError {
    setup.critic.reader.fail("layers", message)
  }

  /// What the auxiliary classifier and regressor ask of the data and of the critic's last layer.
  private func checkAuxiliaryHeads() throws {
    if objective.classifier != nil {
      guard !critic.givesProbabilities else {
        throw refusal(
          "expected no sigmoid at the end with objective.auxiliaryClassifier: class logits would "
            + "go through it")
      }
      guard condition.classes >= 2 else {
        throw refusal(
          "expected data.classes of 2 or more for objective.auxiliaryClassifier, found "
            + "\(condition.classes)")
      }
    }
    if objective.regressor != nil {
      guard !critic.givesProbabilities else {
        throw refusal(
          "expected no sigmoid at the end with objective.auxiliaryRegressor: estimates would go "
            + "through it")
      }
      guard condition.numbers > 0 else {
        throw refusal(
          "expected samples with a vector of numbers for objective.auxiliaryRegressor, but the "
            + "data's have none")
      }
    }
  }

  /// A score, behind it what the auxiliary heads take.
  private func checkCriticOutputs() throws {
    let classes = objective.classifier == nil ? 0 : condition.classes
    let numbers = objective.regressor == nil ? 0 : condition.numbers
    let outputs = 1 + classes + numbers
    guard critic.outputShape.elementCount != outputs else { return }
    let parts = [
      outputs == 1 ? "one score" : "a score", classes > 0 ? "\(classes) class logits" : nil,
      numbers > 0 ? "\(numbers) estimate\(numbers == 1 ? "" : "s") of numbers" : nil,
    ].compactMap { $0 }
    let what =
      parts.count < 3 ? parts.joined(separator: " and ") : parts.joined(separator: ", ")
    throw refusal(
      "expected \(what) \(packing.members == 1 ? "a sample" : "a pack") (\(outputs)x1x1), but the "
        + "last layer gives \(critic.outputShape)")
  }

  private func checkFeatureMatching() throws {
    guard let matching = objective.featureMatching else { return }
    let training = setup.training
    guard training.generatorBatchFactor == 1 else {
      throw refusal(
        "objective.featureMatching compares as many fakes as reals: expected "
          + "training.generatorBatchFactor 1, found \(training.generatorBatchFactor)")
    }
    if critic.conditions != nil {
      guard !training.drawsGeneratorLabels else {
        throw refusal(
          "objective.featureMatching shows the critic reals and fakes of the same classes: "
            + "expected training.generatorLabels data, found random")
      }
      guard !training.generatorConditions.isDrawn else {
        throw refusal(
          "objective.featureMatching shows the critic reals and fakes of the same conditions: "
            + "expected training.generatorConditions data, found others")
      }
    }
    guard case .critic(let layer) = matching.features else { return }
    guard critic.layers.indices.contains(layer) else {
      throw refusal(
        "expected objective.featureMatching.layer below \(critic.layers.count), found \(layer)")
    }
    guard critic.sequence.keepsOutput(ofLayer: layer) else {
      throw refusal(
        "objective.featureMatching.layer \(layer) (\(critic.layers[layer].kind)) is overwritten by "
          + "the \(critic.layers[layer + 1].kind) behind it: take layer \(layer + 1)")
    }
  }
}
