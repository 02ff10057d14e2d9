import Base
import Collectives
import Networks

/// Algorithm 1 of the WGAN-GP paper (`Objective` names it and its relatives) over the shards of all
/// ranks.
///
/// The steps are in `Trainer+CriticStep` and `Trainer+GeneratorStep`, what they send through the
/// networks in `Trainer+Inputs`.
package final class Trainer {
  /// The networks that are trained.
  package let model: Model
  /// What they minimize.
  package let objective: Objective
  /// Each network's optimizer, with its state.
  package let generatorOptimizer: Optimizer
  package let criticOptimizer: Optimizer
  /// The generator that samples are drawn from, nil where that is the trained one itself.
  package let generatorAverage: WeightAverage?
  /// Critic steps of an iteration.
  let criticSteps: Int
  /// Whether fakes are reals with noise, and the generator stands still.
  let hasFixedGenerator: Bool
  /// Of what passes draw: dropout, augmentation.
  let seed: UInt64
  /// Sums over the batch, a vector a shard, added up in the order of the tree.
  let sums: ShardSums
  /// What feature matching compares; nil without it.
  let features: FeatureMatcher?
  /// Called by all ranks with a network whose gradient is there, before its parameters move.
  ///
  /// The last moment at which a rank's changed parameter can be told from the others': behind it
  /// the ranks have the values of the one that moved them.
  package var beforeUpdate: ((Network) throws -> Void)?
  /// How samples come into the critic's input.
  let criticInput: CriticInput
  /// The conditions of a step's samples, one group; nil where samples have none.
  let conditions: Conditions?
  /// The interpolates' weights, where the critic makes of them what its first layer gives at the
  /// interpolates; nil where those are made.
  let mixtureWeights: Tensor?
  private let firstGeneratorIteration: Int
  var context: ExecutionContext { model.context }

  /// - Parameter model: The networks, with the settings that they were built from.
  package init(_ model: Model) {
    let setup = model.setup
    self.model = model
    objective = setup.objective
    seed = setup.seed
    criticSteps = setup.training.criticSteps
    firstGeneratorIteration = setup.training.firstGeneratorIteration
    hasFixedGenerator = setup.training.hasFixedGenerator
    generatorOptimizer = Optimizer(setup.generatorOptimizer, of: model.generator)
    criticOptimizer = Optimizer(
      setup.criticOptimizer.adjusted(to: objective.penalty), of: model.critic)
    generatorAverage = setup.training.generatorAverage.map {
      WeightAverage($0, of: model.generator)
    }
    let plan = model.context.plan
    sums = ShardSums(
      capacity: StepSum.count, plan: plan, communicator: model.context.communicator)
    mixtureWeights =
      objective.penalty?.points == .interpolates && model.critic.sequence.mixesGroups
      ? Tensor(
        shape: Shape(channels: 1), shards: plan.localShards,
        shardCapacity: plan.capacity(batch: model.batch)) : nil
    features = objective.featureMatching.map { FeatureMatcher($0, model: model) }
    criticInput = CriticInput(model)
    conditions =
      model.condition.isEmpty
      ? nil
      : Conditions(
        model.condition, shards: plan.localShards,
        shardCapacity: plan.capacity(batch: max(model.batch, model.generatorBatch)))
  }

  /// One iteration: the critic steps, then a generator step.
  ///
  /// - Parameters:
  ///   - iteration: From 0.
  ///   - inputs: Where the steps' batches come from.
  /// - Returns: The losses of the last critic step, and the generator's. The penalty is the last
  ///   that a critic step of the iteration computed, 0 where none did.
  /// - Throws: `Fault` on all ranks where a loss or gradient is not finite, before the
  ///   parameters move.
  package func iterate(
    _ iteration: Int, _ inputs: some StepInputs
  ) throws -> (critic: CriticLosses, generator: GeneratorLosses) {
    var losses = CriticLosses()
    for step in 0..<criticSteps {
      Activity.enter(.criticStep, iteration: iteration + 1, step: step + 1)
      let penalty = losses.penalty
      losses = try criticStep(step, ofIteration: iteration, inputs)
      if !takesPenalty(step, iteration) { losses.penalty = penalty }
    }
    guard !hasFixedGenerator, iteration >= firstGeneratorIteration else {
      return (losses, GeneratorLosses())
    }
    Activity.enter(.generatorStep, iteration: iteration + 1)
    return (losses, try generatorStep(ofIteration: iteration, inputs))
  }

  /// Updates of the generator's and the critic's parameters in a run's first iterations.
  package func updates(afterIteration iteration: Int) -> (generator: Int, critic: Int) {
    let generator = hasFixedGenerator ? 0 : max(0, iteration - firstGeneratorIteration)
    return (generator, iteration * criticSteps)
  }

  /// Gives all ranks what each has only its parts of: to be called by all before one takes a copy
  /// of the state.
  package func completeState() throws {
    try generatorOptimizer.completeMoments()
    try criticOptimizer.completeMoments()
  }

  /// Whether a critic step computes the penalty.
  func takesPenalty(_ step: Int, _ iteration: Int) -> Bool {
    objective.penalty?.isDue(inStep: iteration * criticSteps + step) ?? false
  }

  /// Numbers the forward passes of a run for layers that draw.
  func draw(_ iteration: Int, _ step: Int, isSecondHalf: Bool = false) -> PassDraw {
    PassDraw(
      seed: seed, number: (iteration * (criticSteps + 1) + step) * 2 + (isSecondHalf ? 1 : 0))
  }

  /// Writes the derivatives of the auxiliary losses behind that of the score: of the class logits'
  /// cross-entropy, then of the error of the numbers' estimates.
  ///
  /// - Parameters:
  ///   - output: A sample's score, logits and estimates.
  ///   - gradient: As many derivatives.
  ///   - condition: The sample's.
  ///   - weights: Of the derivatives.
  ///   - sums: Where the losses are added; nil for nowhere.
  func seedAuxiliary(
    _ output: MutableFloatBuffer, _ gradient: MutableFloatBuffer, _ condition: Condition,
    weights: (classes: Double, numbers: Double), sums: UnsafeMutableBufferPointer<Double>?
  ) {
    let end = objective.classifier == nil ? 1 : 1 + model.condition.classes
    if end > 1 {
      let found = SoftmaxCrossEntropy.evaluate(
        FloatBuffer(rebasing: output[1..<end]), label: condition.label, weight: weights.classes,
        gradient: MutableFloatBuffer(rebasing: gradient[1..<end]))
      if let sums {
        sums[.classLosses] += found.loss
        sums[.rightClasses] += found.isRight ? 1 : 0
      }
    }
    guard let regressor = objective.regressor else { return }
    let error = regressor.error.evaluate(
      FloatBuffer(rebasing: output[end...]), FloatBuffer(condition.numbers),
      weight: weights.numbers, gradient: MutableFloatBuffer(rebasing: gradient[end...]))
    if let sums { sums[.regressionErrors] += error }
  }

  /// Whether the critic's outputs are more than a score.
  var hasAuxiliary: Bool { objective.classifier != nil || objective.regressor != nil }

  /// The condition of a step's sample.
  func condition(_ index: Int, _ pass: Pass, _ shard: Int) -> Condition {
    guard let conditions else {
      preconditionFailure("auxiliary losses of samples without conditions")
    }
    return conditions.sample(index, group: 0, pass, shard: shard)
  }

  /// Throws where a loss or a gradient is not finite, before parameters move.
  ///
  /// - Throws: `Divergence`, on all ranks alike, since all have the same sums.
  func requireFinite(_ loss: Double, _ norm: Double, _ place: @autoclosure () -> String) throws {
    guard !loss.isFinite || !norm.isFinite else { return }
    let (name, value) = loss.isFinite ? ("the gradient's norm", norm) : ("the loss", loss)
    // A NaN's sign says nothing, and differs between builds.
    let what = "\(name) is \(value.isNaN ? "nan" : "\(value)")"
    throw Divergence(
      "\(place()): \(what); training has diverged: lower the learning rates or the penalty weight, "
        + "or start again from an earlier checkpoint: docs/troubleshooting.md#nan")
  }
}
