import Base
import Collectives
import Configuration
import Networks
import Storage

/// This rank's replica of generator and critic.
package struct Model {
  /// z, with conditions, to a sample.
  package let generator: Network
  /// A sample or pack, with conditions, to its score and what stands behind it.
  package let critic: Network
  /// The network whose features are matched, where the objective has one of its own.
  package let features: Network?
  /// What both compute on: shards, ranks, threads.
  package let context: ExecutionContext
  /// Numbers of z.
  package let latent: Int
  /// What the samples are conditioned on.
  package let condition: ConditionShape
  /// How samples make inputs of the critic.
  package let packing: Packing
  /// What is done to samples before the critic sees them; nil for nothing.
  package let augmentation: DifferentiableAugmentation?
  /// The largest global batch that the networks' memory is planned for.
  package let batch: Int
  /// The largest global batch of a generator step.
  package let generatorBatch: Int
  /// What the networks were built from; its objective knows whether scores are logits, which the
  /// networks tell.
  package let setup: TrainingSetup
  package var objective: Objective { setup.objective }

  /// Builds the networks and draws their parameters.
  ///
  /// - Parameters:
  ///   - setup: What is trained and how.
  ///   - communicator: The ranks.
  ///   - drawsParameters: Whether parameters get their first values; not for networks that are only
  ///     described.
  ///   - checksGenerator: Called before a critic is refused: its input is what the generator gives,
  ///     so that the generator's fault shows there first. What it throws takes the place of the
  ///     critic's error.
  /// - Throws: `ConfigurationError` or `Fault` naming layer, expected and found,
  ///   `Fault` for what the ranks' number or places do not allow.
  package init(
    _ setup: TrainingSetup, communicator: any Communicator, drawsParameters: Bool = true,
    checksGenerator: (Network) throws -> Void = { _ in }
  ) throws {
    var setup = setup
    let training = setup.training
    let plan = try training.reader.locatingErrors {
      try communicator.useExchange(training.exchange)
      return try ShardPlan(
        shards: training.shards, rank: communicator.rank, ranks: communicator.size)
    }
    let context = try ExecutionContext(
      plan: plan, communicator: communicator, threads: training.threads)
    self.context = context
    batch = training.batch
    generatorBatch = training.batch * training.generatorBatchFactor
    condition = setup.condition
    let generatorCapacity = plan.capacity(batch: generatorBatch)
    let pack = setup.criticInput.pack
    let packs = (
      critic: plan.capacity(batch: batch / pack),
      generator: plan.capacity(batch: generatorBatch / pack)
    )
    var objective = setup.objective
    let groups = objective.criticGroups

    let section = setup.generator
    guard let inputShape = section.inputShape else {
      preconditionFailure("a generator has an input")
    }
    latent = inputShape.elementCount
    generator = try Network(
      name: "generator",
      layers: LayerCatalog.layers(
        section.layers, inputShape: inputShape,
        .init(
          initialization: section.initialization, groups: 1, condition: condition, context: context)
      ),
      namePrefix: section.namePrefix, condition: condition,
      memory: MemoryPlan(shardCapacity: generatorCapacity, groups: 1), context: context)
    packing = Packing(pack, of: generator.outputShape)
    augmentation = try setup.criticInput.augmentation(of: generator.outputShape)
    do {
      let condition = pack == 1 ? condition : condition.packed(pack)
      critic = try Network(
        name: "critic",
        layers: LayerCatalog.layers(
          setup.critic.layers, inputShape: packing.shape,
          .init(
            initialization: setup.critic.initialization, groups: groups, condition: condition,
            context: context)),
        namePrefix: setup.critic.namePrefix, condition: condition,
        memory: MemoryPlan(
          shardCapacity: max(groups * packs.critic, objective.generatorGroups * packs.generator),
          groups: groups,
          secondOrderGroup: objective.penalty == nil ? nil : Group.points,
          groupCapacity: max(packs.critic, packs.generator)),
        context: context)
      features = try Self.featureNetwork(
        setup, shape: generator.outputShape,
        memory: MemoryPlan(shardCapacity: 2 * generatorCapacity, groups: 2), context: context)
      if critic.givesProbabilities, objective.classifier != nil {
        throw setup.critic.reader.fail(
          "layers",
          "expected no sigmoid at the end with objective.auxiliaryClassifier: class "
            + "logits would go through it")
      }
      if critic.givesProbabilities, objective.regressor != nil {
        throw setup.critic.reader.fail(
          "layers",
          "expected no sigmoid at the end with objective.auxiliaryRegressor: estimates would go "
            + "through it")
      }
      objective.loss = objective.loss.taking(probabilities: critic.givesProbabilities)
      setup.objective = objective
      self.setup = setup
      try check(setup)
    } catch {
      try checksGenerator(generator)
      throw error
    }
    guard drawsParameters else { return }
    generator.initialize(seed: setup.seed, networkNumber: 0)
    critic.initialize(seed: setup.seed, networkNumber: 1)
  }

  /// The network that the objective's features come from, with its parameters.
  private static func featureNetwork(
    _ setup: TrainingSetup, shape: Shape, memory: MemoryPlan, context: ExecutionContext
  ) throws -> Network? {
    guard case .network(let path)? = setup.objective.featureMatching?.features,
      let section = setup.features
    else { return nil }
    let network = try Network(
      name: "objective.featureMatching.network",
      layers: LayerCatalog.layers(
        section.layers, inputShape: shape,
        .init(initialization: section.initialization, groups: 2, context: context)),
      namePrefix: section.namePrefix, memory: memory, context: context)
    try network.load(SafetensorsFile(path: path), allowsOthers: true)
    return network
  }

  /// Refuses a critic whose outputs are not those the objective takes.
  private func check(_ setup: TrainingSetup) throws {
    let section = setup.critic
    let classes = objective.classifier == nil ? 0 : condition.classes
    let numbers = objective.regressor == nil ? 0 : condition.numbers
    if objective.classifier != nil, condition.classes < 2 {
      throw section.reader.fail(
        "layers",
        "expected data.classes of 2 or more for objective.auxiliaryClassifier, found "
          + "\(condition.classes)")
    }
    if objective.regressor != nil, condition.numbers == 0 {
      throw section.reader.fail(
        "layers",
        "expected samples with a vector of numbers for objective.auxiliaryRegressor, but the "
          + "data's have none")
    }
    let outputs = 1 + classes + numbers
    guard critic.outputShape.elementCount == outputs else {
      let parts = [
        outputs == 1 ? "one score" : "a score", classes > 0 ? "\(classes) class logits" : nil,
        numbers > 0 ? "\(numbers) estimate\(numbers == 1 ? "" : "s") of numbers" : nil,
      ].compactMap { $0 }
      let what =
        parts.count < 3 ? parts.joined(separator: " and ") : parts.joined(separator: ", ")
      throw section.reader.fail(
        "layers",
        "expected \(what) \(packing.members == 1 ? "a sample" : "a pack") (\(outputs)x1x1), but "
          + "the last layer gives "
          + "\(critic.outputShape)")
    }
    if objective.featureMatching != nil, setup.training.generatorBatchFactor != 1 {
      throw section.reader.fail(
        "layers",
        "objective.featureMatching compares as many fakes as reals: expected "
          + "training.generatorBatchFactor 1, found \(setup.training.generatorBatchFactor)")
    }
    if objective.featureMatching != nil, setup.training.drawsGeneratorLabels,
      critic.conditions != nil
    {
      throw section.reader.fail(
        "layers",
        "objective.featureMatching shows the critic reals and fakes of the same classes: "
          + "expected training.generatorLabels data, found random")
    }
    if objective.featureMatching != nil, setup.training.generatorConditions.isDrawn,
      critic.conditions != nil
    {
      throw section.reader.fail(
        "layers",
        "objective.featureMatching shows the critic reals and fakes of the same conditions: "
          + "expected training.generatorConditions data, found others")
    }
    if setup.training.hasFixedGenerator, setup.generator.noise != .standard {
      throw setup.generator.reader.fail(
        "noise",
        "expected normal without options with training.fixedGenerator, found other noise")
    }
    guard case .critic(let layer)? = objective.featureMatching?.features else { return }
    guard critic.layers.indices.contains(layer) else {
      throw section.reader.fail(
        "layers",
        "expected objective.featureMatching.layer below \(critic.layers.count), found "
          + "\(layer)")
    }
    guard critic.sequence.keepsOutput(ofLayer: layer) else {
      throw section.reader.fail(
        "layers",
        "objective.featureMatching.layer \(layer) (\(critic.layers[layer].kind)) is overwritten by "
          + "the \(critic.layers[layer + 1].kind) behind it: take layer \(layer + 1)")
    }
  }

  /// Floating-point operations of an iteration's matrix products, as the direct algorithms do them.
  ///
  /// A critic step takes a forward pass of G, and of C for reals and fakes forward, input gradient
  /// and filter gradient each; for interpolates forward, input gradient, J t and its filter
  /// gradient, and, where a curved layer leaves a share, one more input gradient and filter
  /// gradient: 12 passes of C. A generator step takes three passes of G, and C's forward and input
  /// gradient. Passes of C are over packs.
  package func operations(_ training: TrainingSettings) -> Double {
    let g = Double(generator.operations)
    let c = Double(critic.operations) / Double(packing.members)
    let isCurved = critic.sequence.isCurved
    let criticPasses =
      6.0 + (objective.penalty.map { (isCurved ? 6 : 4) / Double($0.every) } ?? 0)
    let generatorPasses = 3 * g + Double(1 + objective.generatorGroups) * c
    let samples = Double(training.batch)
    if training.hasFixedGenerator {
      return samples * Double(training.criticSteps) * criticPasses * c
    }
    return samples
      * (Double(training.criticSteps) * (g + criticPasses * c)
        + Double(training.generatorBatchFactor) * generatorPasses)
  }
}
