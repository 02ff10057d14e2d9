import Base
import Datasets
import Networks
import Recipe
import Training

/// Draws samples of a generator on one rank, without exchange.
///
/// Sample i comes from noise that is a function of (seed, i): the same at every call and on any
/// number of ranks. Passes are cut at the same samples on any number of ranks too, so the bits are
/// the same.
package struct SampleGenerator {
  package typealias Statistics = SampleStatistics

  let model: Model
  /// Of the noise.
  package let seed: UInt64
  let range: ClosedRange<Float>
  let source: DatasetSource
  let noise: NoiseDistribution
  package let statistics: Statistics
  /// Batches that standing statistics are the mean of.
  let standingBatches: Int
  let average: WeightAverage?
  let hasFixedGenerator: Bool
  /// Of what training sees; nil where nobody can read it.
  let dataConditions: DataConditions?

  /// - Parameters:
  ///   - model: The networks.
  ///   - configuration: The configuration of the run that trained the networks.
  ///   - seed: The seed of the noise; nil for the run's.
  ///   - statistics: What batch norm normalizes with; `withStatistics` makes standing ones.
  ///   - standingBatches: Batches that standing statistics are the mean of.
  ///   - average: The averaged parameters to draw with; nil for the generator's own.
  ///   - dataset: Opens the data that training sees, where samples are to have their conditions;
  ///     nil for a generator that is told all conditions, or takes classes only.
  package init(
    _ model: Model, _ configuration: RunConfiguration, seed: UInt64? = nil,
    statistics: Statistics = .running, standingBatches: Int = SampleSettings.standingBatches,
    average: WeightAverage? = nil, dataset: (() throws -> any Dataset)? = nil
  ) {
    self.model = model
    self.seed = seed ?? configuration.seed
    range = configuration.data.range
    source = configuration.data.source
    noise = configuration.generator.noise
    self.statistics = statistics
    self.standingBatches = standingBatches
    self.average = average
    hasFixedGenerator = configuration.training.hasFixedGenerator
    dataConditions = dataset.map {
      DataConditions(OpenedDataset($0), seed: seed ?? configuration.seed)
    }
  }

  /// Of a sample.
  package var shape: Shape { model.generator.outputShape }

  /// Of a sample's noise.
  package var noiseShape: Shape { model.generator.inputShape }

  /// Samples that can be drawn by themselves, from a multiple of as many on: a pass's; nil with a
  /// batch's statistics, for all at once.
  var partSize: Int? {
    statistics == .batch
      ? nil : model.generator.memory.shardCapacity * model.context.plan.localShards
  }

  /// Points of the plane: to be drawn as such, over the critic's contours.
  package var isPlanar: Bool { shape == Shape(channels: 2) }

  /// Whether there is a picture of a sample: points of the plane, and grey or RGB pixels.
  package var isDrawable: Bool {
    isPlanar || ((shape.channels == 1 || shape.channels == 3) && shape.pixels > 1)
  }

  /// What the generator can be asked for.
  package var condition: ConditionShape { model.generator.conditions?.shape ?? .none }

  /// The generator's classes, one after the other; empty for none.
  package var classConditions: [ConditionValues] {
    (0..<condition.classes).map { ConditionValues(label: $0) }
  }

  // MARK: - Values

  /// Reals, chosen at random and the same ones at every call, channels last: of the conditions that
  /// are asked for, or as near to them as a thousand of the data come.
  ///
  /// - Parameters:
  ///   - layout: How many, and of which conditions.
  ///   - dataset: Where they come from.
  /// - Returns: Whole samples of the data set's shape.
  package func reals(_ layout: Layout, of dataset: any Dataset) -> [Float] {
    let size = dataset.shape.elementCount
    // Step 1: step 0 is the samples' noise.
    let stream = RandomStream(seed: seed, purpose: .sampleNoise, step: 1)
    // So many tries miss a class of a hundredth of the data once in 20 000 times.
    let tries = layout.asksReals && !dataset.condition.isEmpty ? 1000 : 1
    var reals = [Float](repeating: 0, count: layout.count * size)
    reals.withUnsafeMutableBufferPointer { buffer in
      for index in 0..<layout.count {
        let candidates = (0..<tries).lazy.map {
          stream.integer(below: dataset.count, sample: index, element: $0)
        }
        let real =
          tries == 1
          ? candidates[0]
          : nearest(
            candidates, to: layout.conditions[index % layout.conditions.count], of: dataset)
        dataset.copySample(
          at: real,
          into: UnsafeMutableBufferPointer(rebasing: buffer[index * size..<(index + 1) * size]))
      }
    }
    return reals
  }

  /// The first real of a condition, else the one whose condition is least far from it.
  private func nearest(
    _ candidates: some Sequence<Int>, to asked: ConditionValues, of dataset: any Dataset
  ) -> Int {
    var best = (real: 0, distance: Double.infinity)
    for (number, candidate) in candidates.enumerated() {
      let distance = Condition.withTemporary(dataset.condition) { found in
        dataset.copyCondition(at: candidate, into: found)
        return asked.distance(to: found)
      }
      if number == 0 || distance < best.distance { best = (candidate, distance) }
      if distance == 0 { break }
    }
    return best.real
  }

  /// Overwrites `buffer` with the noise of sample `index`.
  package func fillNoise(_ index: Int, _ buffer: MutableFloatBuffer) {
    noise.fill(buffer, sample: index, of: RandomStream(seed: seed, purpose: .sampleNoise))
  }

  /// The samples of a layout, channels last.
  ///
  /// - Parameter layout: How many, and of which conditions.
  /// - Returns: Whole samples of the generator's shape.
  /// - Throws: What a pass throws.
  package func images(_ layout: Layout) throws -> [Float] {
    try images(count: layout.count, conditions: layout.conditions, noise: fillNoise)
  }

  /// `count` samples, channels last.
  ///
  /// - Parameters:
  ///   - count: Samples.
  ///   - conditions: What the samples are asked to be, in turn; none for class 0 and zeros.
  ///   - noise: Overwrites its buffer, `latent` values, with the noise of a sample.
  /// - Returns: `count` samples of the generator's shape.
  /// - Throws: What a pass throws.
  package func images(
    count: Int, conditions: [ConditionValues] = [],
    noise: (_ index: Int, _ buffer: MutableFloatBuffer) -> Void
  ) throws -> [Float] {
    guard let average else {
      return try ownImages(count: count, conditions: conditions, noise: noise)
    }
    return try average.withAverage {
      try ownImages(count: count, conditions: conditions, noise: noise)
    }
  }

  /// Images from the parameters that the generator has now, averaged or not.
  private func ownImages(
    count: Int, conditions: [ConditionValues],
    noise: (_ index: Int, _ buffer: MutableFloatBuffer) -> Void
  ) throws -> [Float] {
    let generator = model.generator
    let conditions = conditions.isEmpty ? [ConditionValues()] : conditions
    guard statistics != .batch else {
      return try batchImages(count: count, conditions: conditions, noise: noise)
    }
    return try outputs(
      of: generator, count: count, capacity: generator.memory.shardCapacity
    ) { index, pass, shard, position in
      noise(index, generator.input.sample(position, group: 0, pass, shard: shard))
      if let place = generator.conditions?.sample(position, group: 0, pass, shard: shard) {
        conditions[index % conditions.count].copy(to: place)
      }
    }
  }

  /// The critic's scores of samples, channels last.
  ///
  /// - Parameters:
  ///   - samples: Whole samples; of a critic of packs, whole packs.
  ///   - conditions: What the critic is told of each, in turn, where it takes conditions; none for
  ///     class 0 and zeros.
  /// - Returns: A score for each sample, or each pack.
  /// - Throws: What a pass throws.
  package func scores(
    of samples: [Float], conditions: [ConditionValues] = []
  ) throws -> [Float] {
    let conditions = conditions.isEmpty ? [ConditionValues()] : conditions
    let (critic, packing) = (model.critic, model.packing)
    let (size, members) = (packing.sample.elementCount, packing.members)
    let count = samples.count / (size * members)
    precondition(samples.count == count * size * members, "samples that are no packs of \(members)")
    let values = try outputs(
      of: critic, count: count, capacity: critic.memory.groupCapacity
    ) { index, pass, shard, position in
      let input = critic.input.sample(position, group: 0, pass, shard: shard)
      for member in 0..<members {
        // Past the end only to fill a shard.
        let sample = min(index, count - 1) * members + member
        samples.withUnsafeBufferPointer {
          packing.place(
            FloatBuffer(rebasing: $0[sample * size..<(sample + 1) * size]), as: member, in: input)
        }
        critic.conditions.map {
          conditions[(index * members + member) % conditions.count].copy(
            to: $0.sample(position, group: 0, pass, shard: shard, member: member))
        }
      }
    }
    // Behind the score may stand class logits.
    return stride(from: 0, to: values.count, by: critic.outputShape.elementCount).map { values[$0] }
  }

  /// All that one of the networks gives for inputs, channels last.
  ///
  /// - Parameters:
  ///   - network: The generator with its own parameters, or the critic.
  ///   - inputs: Whole samples of its input's shape.
  ///   - conditions: What it is told of each, of packs of each member, in turn, where it takes
  ///     conditions; none for class 0 and zeros.
  /// - Returns: An output each.
  /// - Throws: What a pass throws.
  package func outputs(
    of network: Network, inputs: [Float], conditions: [ConditionValues] = []
  ) throws -> [Float] {
    let conditions = conditions.isEmpty ? [ConditionValues()] : conditions
    let size = network.inputShape.elementCount
    let count = inputs.count / size
    return try outputs(
      of: network, count: count, capacity: Self.groupSize(network)
    ) { index, pass, shard, position in
      let input = network.input.sample(position, group: 0, pass, shard: shard)
      // Past the end only to fill a shard.
      let place = min(index, count - 1) * size
      _ = input.update(fromContentsOf: inputs[place..<place + size])
      guard let places = network.conditions else { return }
      let members = places.shape.members
      for member in 0..<members {
        conditions[(index * members + member) % conditions.count].copy(
          to: places.sample(position, group: 0, pass, shard: shard, member: member))
      }
    }
  }

  /// Samples that batch norm without running statistics takes together.
  package static func groupSize(_ network: Network) -> Int {
    network.name == "critic" ? network.memory.groupCapacity : network.memory.shardCapacity
  }

  /// A network's outputs for inputs 0 ..< count, in passes of as many as there is memory for.
  private func outputs(
    of network: Network, count: Int, capacity: Int,
    fill: (_ index: Int, _ pass: Pass, _ shard: Int, _ position: Int) -> Void
  ) throws -> [Float] {
    let plan = model.context.plan
    let size = network.outputShape.elementCount
    var outputs: [Float] = []
    outputs.reserveCapacity(count * size)
    var first = 0
    while first < count {
      // Conditional batch norm without running statistics takes a shard's, which must be whole.
      let rest = count - first
      let whole = network.conditions == nil ? rest : (rest + capacity - 1) / capacity * capacity
      let part = min(whole, plan.localShards * capacity)
      let pass = Pass(
        .local(count: part, capacity: capacity), groups: 0..<1, mode: .evaluation,
        draw: PassDraw(seed: seed, number: first / part), plan: plan)
      var index = first
      for shard in 0..<plan.localShards {
        for position in 0..<pass.samples(inShard: shard) {
          fill(index, pass, shard, position)
          index += 1
        }
      }
      try network.forward(pass)
      for shard in 0..<plan.localShards {
        outputs.append(contentsOf: network.output.read(pass, shard: shard))
      }
      first += part
    }
    outputs.removeLast(outputs.count - count * size)
    return outputs
  }
}
