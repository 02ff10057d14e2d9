import Base
import Datasets
import Networks
import Pictures
import Recipe
import Reports
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
  private let source: DatasetSource
  let noise: NoiseDistribution
  package let statistics: Statistics
  /// Batches that standing statistics are the mean of.
  let standingBatches: Int
  let average: WeightAverage?
  private let hasFixedGenerator: Bool
  /// Of what training sees; nil where nobody can read it.
  private let dataConditions: DataConditions?

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

  /// How samples stand in a grid.
  package struct Layout: Sendable, Equatable {
    package var count: Int
    package var columns: Int
    /// What the samples of the columns are asked to be; empty where they have no condition.
    package var conditions: [ConditionValues]
    /// What the classes are called; empty where they have numbers only.
    package var classNames: [String] = []
    /// Whether a column has a condition of its own, and its heading.
    package var hasConditionColumns: Bool
    /// Whether the conditions are a choice of the data's, so that any reals are like the samples.
    package var isOfData: Bool

    package init(
      count: Int, columns: Int, conditions: [ConditionValues], hasConditionColumns: Bool = true,
      isOfData: Bool = false
    ) {
      self.count = count
      self.columns = columns
      self.conditions = conditions
      self.hasConditionColumns = hasConditionColumns
      self.isOfData = isOfData
    }

    /// Over the columns.
    package var headings: [String] {
      hasConditionColumns ? conditions.map { $0.heading(classNames: classNames) } : []
    }

    /// What samples are asked to be in turn where they stand in no columns: of columns next to each
    /// other with the same condition, one.
    package var turns: [ConditionValues] {
      guard hasConditionColumns else { return conditions }
      return conditions.reduce(into: []) { turns, condition in
        if turns.last != condition { turns.append(condition) }
      }
    }
  }

  /// The most classes that are shown where nobody chose any.
  private static let mostColumns = 20

  /// The layout for at least `count` samples: of a conditional model a column a condition in whole
  /// rows, or several where there are few conditions; where a condition has numbers and nobody
  /// chose any, as many conditions of the data.
  ///
  /// - Parameters:
  ///   - count: Samples.
  ///   - columns: Samples in a row; of conditions as many of each as go into one, at least one.
  ///   - chosen: Conditions to show; nil for the first 20 classes at most.
  /// - Returns: The layout.
  /// - Throws: Where the data cannot be read.
  package func layout(
    count: Int, columns: Int, conditions chosen: [ConditionValues]? = nil
  ) throws -> Layout {
    if chosen == nil, condition.numbers > 0 {
      return try plainLayout(count: count, columns: columns)
    }
    let shown = chosen ?? Array(classConditions.prefix(Self.mostColumns))
    guard !condition.isEmpty, !shown.isEmpty else {
      return Layout(count: count, columns: columns, conditions: [])
    }
    guard shown.count <= Self.mostColumns || condition.numbers == 0 else {
      return Layout(
        count: count, columns: columns, conditions: shown, hasConditionColumns: false)
    }
    // Else a picture of two classes would be two samples wide and thirty high.
    let times = max(1, columns / shown.count)
    let width = times * shown.count
    var layout = Layout(
      count: (count + width - 1) / width * width, columns: width,
      conditions: shown.flatMap { Array(repeating: $0, count: times) })
    layout.classNames = classNames
    return layout
  }

  /// The names of a folder's classes, as short as a heading is to be.
  private var classNames: [String] {
    let names = source.classNames
    guard names.count == condition.classes else { return [] }
    return names.map { String(Messages.shown($0).prefix(16)) }
  }

  /// Samples that nobody says more of: of all classes in turn, or with conditions of the data.
  ///
  /// - Parameters:
  ///   - count: Samples.
  ///   - columns: Samples in a row.
  /// - Returns: The layout.
  /// - Throws: Where the data cannot be read.
  package func plainLayout(count: Int, columns: Int = 1) throws -> Layout {
    Layout(
      count: count, columns: columns, conditions: try plainConditions(count),
      hasConditionColumns: false, isOfData: condition.numbers > 0)
  }

  /// Conditions of samples that nobody says more of, to be taken in turn; empty for none.
  func plainConditions(_ count: Int) throws -> [ConditionValues] {
    guard condition.numbers > 0 else { return classConditions }
    guard let dataConditions else {
      throw Fault(
        "samples of this generator are conditioned on \(condition.numbers) numbers: expected them "
          + "to be given, or the data that it was trained on")
    }
    return try dataConditions.first(count)
  }

  // MARK: - Pictures

  /// What a run shows of its generator: a grid of images, or for points of the plane the critic's
  /// contours with as many reals and samples.
  ///
  /// - Parameters:
  ///   - samples: Drawn in this layout.
  ///   - layout: How images stand in the grid; of a conditional model with the conditions on top.
  ///   - scale: Pixels of the picture, each way, for one of an image.
  ///   - dataset: Where the reals come from.
  ///   - title: The heading of the contour plot.
  /// - Returns: nil where there is no picture of a sample.
  /// - Throws: What a pass throws.
  package func picture(
    of samples: [Float], _ layout: Layout, scale: Int, dataset: any Dataset, title: String
  ) throws -> Canvas? {
    guard isDrawable else { return nil }
    if isPlanar {
      return try contour(
        title: title, reals: reals(layout, of: dataset), samples: samples,
        condition: layout.criticCondition
      ).draw()
    }
    return grid(of: samples, columns: layout.columns, scale: scale, headings: layout.headings)
  }

  /// A grid of images, channels last: of volumes their planes one under the other, of lines strips
  /// of one pixel's height.
  ///
  /// - Parameters:
  ///   - images: Whole samples of the generator's shape, in the data's range.
  ///   - columns: Images in a row.
  ///   - scale: Pixels of the picture, each way, for one of an image.
  ///   - padding: Pixels between images.
  ///   - headings: Over the columns.
  ///   - rowLabels: Left of the rows.
  /// - Returns: The drawing.
  package func grid(
    of images: [Float], columns: Int, scale: Int, padding: Int = 2, headings: [String] = [],
    rowLabels: [String] = []
  ) -> Canvas {
    let grid = SampleGrid(
      columns: columns, padding: padding, range: range,
      padValue: (range.lowerBound + range.upperBound) / 2, scale: scale)
    let picture = shape.picture
    return images.withUnsafeBufferPointer {
      grid.draw(
        $0, count: images.count / picture.elementCount, height: picture.height,
        width: picture.width, channels: picture.channels, columnHeadings: headings,
        rowLabels: rowLabels)
    }
  }

  /// Reals beside samples, each under its heading; of a conditional model both in the columns of
  /// their conditions.
  ///
  /// - Parameters:
  ///   - samples: Images, drawn in this layout.
  ///   - layout: How they stand in the grid.
  ///   - scale: Pixels of the picture, each way, for one of an image.
  ///   - dataset: Where the reals come from.
  /// - Returns: The drawing.
  package func realsBesideSamples(
    _ samples: [Float], _ layout: Layout, scale: Int, dataset: any Dataset
  ) -> Canvas {
    PictureSheet.draw(
      [("reals", reals(layout, of: dataset)), ("samples", samples)].map { heading, images in
        .init(
          heading: heading,
          image: grid(
            of: images, columns: layout.columns, scale: scale, headings: layout.headings))
      })
  }

  /// The critic's contours over [-3, 3] x [-3, 3] on a grid of 128 x 128.
  ///
  /// - Parameters:
  ///   - title: The plot's.
  ///   - reals: Points x0, y0, x1, y1 and on.
  ///   - samples: Points likewise. With `training.fixedGenerator` the fakes of training stand in
  ///     their place: the reals with N(0, 1) added.
  ///   - condition: What the critic is told of the places, where it takes conditions; nil for class
  ///     0 and zeros.
  /// - Returns: The plot, to be rendered.
  /// - Throws: What a pass throws.
  package func contour(
    title: String, reals: [Float], samples: [Float], condition: ConditionValues? = nil
  ) throws -> ContourPlot {
    let gridSize = 128
    var samples = samples
    if hasFixedGenerator {
      let stream = RandomStream(seed: seed, purpose: .sampleNoise, step: 2)
      samples.withUnsafeMutableBufferPointer { stream.normals(sample: 0, into: $0) }
      samples = zip(samples, reals).map { $0 + $1 }
    }
    // A critic of packs has no score of a place: it gets packs of the same one.
    let members = model.packing.members
    let places = ContourPlot.places(gridSize: gridSize)
    let packs = stride(from: 0, to: places.count, by: 2).flatMap { first in
      (0..<members).flatMap { _ in places[first..<first + 2] }
    }
    return ContourPlot(
      title: members == 1 ? title : "\(title), packs of \(members) alike",
      values: try scores(
        of: members == 1 ? places : packs, conditions: condition.map { [$0] } ?? []),
      gridSize: gridSize, reals: PlotPoint.pairs(reals), samples: PlotPoint.pairs(samples))
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

extension SampleGenerator.Layout {
  /// Whether reals beside the samples are to have their conditions.
  var asksReals: Bool { !conditions.isEmpty && !isOfData }

  /// What the critic is told where all samples are shown together: the first condition with
  /// numbers, of the data's the one in the middle by its first number; nil for none.
  var criticCondition: ConditionValues? {
    guard isOfData else { return conditions.first { !$0.numbers.isEmpty } }
    return conditions.sorted { ($0.numbers.first ?? 0) < ($1.numbers.first ?? 0) }[
      conditions.count / 2]
  }
}
