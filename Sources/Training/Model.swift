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

    guard let inputShape = setup.generator.inputShape else {
      preconditionFailure("a generator has an input")
    }
    latent = inputShape.elementCount
    generator = try setup.generator.makeNetwork(
      named: "generator", inputShape: inputShape, condition: condition,
      memory: MemoryPlan(shardCapacity: generatorCapacity, groups: 1), context: context)
    packing = Packing(pack, of: generator.outputShape)
    augmentation = try setup.criticInput.augmentation(of: generator.outputShape)
    do {
      critic = try setup.critic.makeNetwork(
        named: "critic", inputShape: packing.shape,
        condition: pack == 1 ? condition : condition.packed(pack),
        memory: MemoryPlan(
          shardCapacity: max(groups * packs.critic, objective.generatorGroups * packs.generator),
          groups: groups,
          secondOrderGroup: objective.penalty == nil ? nil : Group.points,
          groupCapacity: max(packs.critic, packs.generator)),
        context: context)
      features = try Self.featureNetwork(
        setup, shape: generator.outputShape,
        memory: MemoryPlan(shardCapacity: 2 * generatorCapacity, groups: 2), context: context)
      objective.loss = objective.loss.taking(probabilities: critic.givesProbabilities)
      setup.objective = objective
      self.setup = setup
      try check()
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
    let network = try section.makeNetwork(
      named: "objective.featureMatching.network", inputShape: shape, memory: memory,
      context: context)
    try network.load(SafetensorsFile(path: path), allowsOthers: true)
    return network
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
