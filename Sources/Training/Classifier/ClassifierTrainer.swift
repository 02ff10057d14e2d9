import Base
import Collectives
import Datasets
import Networks

/// Trains a classifier by softmax cross-entropy, over the shards of all ranks, and measures its
/// accuracy.
///
/// The same layers, sums and optimizers as a run's: the same bits on any number of ranks.
package final class ClassifierTrainer {
  /// What samples of a batch, or of a whole set, came to.
  package struct Result: Equatable, Sendable {
    /// The mean cross-entropy in nats.
    package var loss: Double
    /// The share of samples whose class has the largest logit.
    package var accuracy: Double

    package init(loss: Double, accuracy: Double) {
      self.loss = loss
      self.accuracy = accuracy
    }
  }

  package let network: Network
  private let classes: Int
  private let batch: Int
  private let seed: UInt64
  private let optimizer: Optimizer
  private let sums: ShardSums
  /// The logits of a batch.
  private lazy var logitSums = ShardSums(
    capacity: batch * classes, plan: context.plan, communicator: context.communicator)
  private var context: ExecutionContext { network.context }

  /// Builds the network and draws its parameters.
  ///
  /// - Parameters:
  ///   - settings: What is trained and how.
  ///   - shape: Of a sample.
  ///   - classes: How many there are.
  ///   - communicator: The ranks.
  /// - Throws: `ConfigurationError` or `Fault` naming layer, expected and found; `Fault` for what
  ///   the ranks' number or places do not allow.
  package init(
    _ settings: ClassifierSettings, shape: Shape, classes: Int, communicator: any Communicator
  ) throws {
    self.classes = classes
    batch = settings.batch
    seed = settings.seed
    let plan = try settings.reader.locatingErrors {
      try ShardPlan(shards: settings.shards, rank: communicator.rank, ranks: communicator.size)
    }
    let context = try ExecutionContext(
      plan: plan, communicator: communicator, threads: settings.threads)
    network = try settings.network.makeNetwork(
      named: "classifier", inputShape: shape,
      memory: MemoryPlan(shardCapacity: plan.capacity(batch: settings.batch), groups: 1),
      context: context)
    guard network.outputShape.elementCount == classes else {
      throw settings.network.reader.fail(
        "layers",
        "expected a logit for each of the \(classes) classes, but the last layer gives "
          + "\(network.outputShape)")
    }
    optimizer = Optimizer(settings.optimizer, of: network)
    sums = ShardSums(capacity: 2, plan: plan, communicator: communicator)
    network.initialize(seed: settings.seed, networkNumber: 0)
  }

  /// One step on a batch.
  ///
  /// - Parameters:
  ///   - iteration: From 0.
  ///   - dataset: The samples.
  ///   - indices: Those of the batch.
  /// - Returns: Loss and accuracy before the step.
  /// - Throws: `Divergence` on all ranks where loss or gradient are not finite, before the
  ///   parameters move.
  package func step(
    _ iteration: Int, _ dataset: any Dataset, _ indices: some RandomAccessCollection<Int32>
  ) throws -> Result {
    let pass = Pass(
      .global(batch: indices.count), groups: 0..<1, lastContribution: .backward,
      draw: PassDraw(seed: seed, number: iteration), plan: context.plan)
    let draw = SampleDraw(seed: seed, batch: iteration, position: 0)
    let result = try forward(pass, dataset, indices, draw: draw, seedsGradient: true)
    network.arena.clearGradient()
    try network.backward(pass, inputGroups: 0..<0)
    try network.arena.reduceOwnGradient()
    let norm = try network.arena.gradientSumOfSquares().squareRoot()
    guard result.loss.isFinite, norm.isFinite else {
      throw Divergence(
        "iteration \(iteration + 1): the loss or the gradient's norm is not finite; training has "
          + "diverged: lower the learning rate")
    }
    try optimizer.update(iteration: iteration)
    return result
  }

  /// Loss and accuracy on samples, batch norm by its running statistics.
  ///
  /// - Parameters:
  ///   - dataset: The samples.
  ///   - indices: Which of them.
  /// - Returns: The means over all of them.
  /// - Throws: Where an exchange between ranks fails.
  package func evaluate(
    _ dataset: any Dataset, _ indices: some RandomAccessCollection<Int32>
  ) throws -> Result {
    var total = Result(loss: 0, accuracy: 0)
    for start in stride(from: 0, to: indices.count, by: batch) {
      let part = indices.dropFirst(start).prefix(batch)
      let pass = Pass(
        .global(batch: part.count), groups: 0..<1, mode: .evaluation,
        draw: PassDraw(seed: seed, number: 0), plan: context.plan)
      let draw = SampleDraw(seed: seed, batch: 0, position: 0)
      let found = try forward(pass, dataset, part, draw: draw, seedsGradient: false)
      total.loss += found.loss * Double(part.count)
      total.accuracy += found.accuracy * Double(part.count)
    }
    let count = Double(indices.count)
    return Result(loss: total.loss / count, accuracy: total.accuracy / count)
  }

  /// The logits of a batch, their loss, and where wanted its derivatives in the output's gradient.
  private func forward(
    _ pass: Pass, _ dataset: any Dataset, _ indices: some RandomAccessCollection<Int32>,
    draw: SampleDraw, seedsGradient: Bool
  ) throws -> Result {
    let network = network
    let indices = Array(indices)
    try forward(pass, dataset, indices, draw: draw)
    sums.clear()
    let scale = seedsGradient ? 1 / Double(pass.batch) : 0
    context.forEachSample(pass) { sample, index, shard in
      let found = SoftmaxCrossEntropy.evaluate(
        FloatBuffer(network.output.sample(index, group: 0, pass, shard: shard)),
        label: dataset.label(at: Int(indices[sample])), weight: scale,
        gradient: network.outputGradient.sample(index, group: 0, pass, shard: shard))
      let sums = self.sums.shard(shard, count: 2)
      sums[0] += found.loss
      sums[1] += found.isRight ? 1 : 0
    }
    let total = try sums.total(count: 2)
    let count = Double(pass.batch)
    return Result(loss: total[0] / count, accuracy: total[1] / count)
  }

  /// The logits of a batch.
  private func forward(
    _ pass: Pass, _ dataset: any Dataset, _ indices: [Int32], draw: SampleDraw
  ) throws {
    let network = network
    context.forEachSample(pass) { sample, index, shard in
      var draw = draw
      draw.position = sample
      dataset.copySample(
        at: Int(indices[sample]), draw: draw,
        into: network.input.sample(index, group: 0, pass, shard: shard))
    }
    try network.forward(pass)
  }

  /// The logits of samples, batch norm by its running statistics, on all ranks.
  ///
  /// - Parameters:
  ///   - dataset: The samples.
  ///   - indices: Which of them.
  /// - Returns: One a class of each.
  /// - Throws: Where an exchange between ranks fails.
  package func logits(
    _ dataset: any Dataset, _ indices: some RandomAccessCollection<Int32>
  ) throws -> [Float] {
    // A sample's are in its shard's sums alone: the others' zeros leave them as they are.
    let (network, classes, sums) = (network, classes, logitSums)
    var logits: [Float] = []
    for start in stride(from: 0, to: indices.count, by: batch) {
      let part = Array(indices.dropFirst(start).prefix(batch))
      let pass = Pass(
        .global(batch: part.count), groups: 0..<1, mode: .evaluation,
        draw: PassDraw(seed: seed, number: 0), plan: context.plan)
      try forward(pass, dataset, part, draw: SampleDraw(seed: seed, batch: 0, position: 0))
      sums.clear()
      let count = part.count * classes
      context.forEachSample(pass) { sample, index, shard in
        let values = network.output.sample(index, group: 0, pass, shard: shard)
        let places = sums.shard(shard, from: sample * classes, count: classes)
        for (place, value) in values.enumerated() { places[place] = Double(value) }
      }
      logits += try sums.total(count: count).map(Float.init)
    }
    return logits
  }
}
