import Base
import Collectives
import Foundation
import Pictures
import Reports
import Storage
import Training

/// Draws a checkpoint's generator: grids, single pictures, interpolations; for points of the plane
/// the critic's contours.
package struct SamplePictures {
  /// What the command line asks of `sample`.
  package struct Options: Sendable {
    /// Instead of the run's own configuration.
    package var configuration: String?
    package var overrides: [String] = []
    /// Which of a run's checkpoints.
    package var checkpoint = CheckpointChoice.newest
    /// The picture's file; nil for a name in the run's `samples`.
    package var output: String?
    /// A folder for one picture a sample, instead of a grid.
    package var singleFolder: String?
    /// NumPy's arrays instead of a picture.
    package var arrays: SampleArrays.Format?
    /// Samples; nil for as many as the run draws.
    package var count: Int?
    package var columns: Int?
    package var scale: Int?
    /// The seed of the noise; nil for the run's.
    package var seed: UInt64?
    /// Whether averaged parameters are taken where there are any.
    package var usesAverage = true
    package var statistics = SampleGenerator.Statistics.running
    /// Rows of interpolations between noise vectors, instead of samples.
    package var interpolations: Int?
    package var steps = 10
    package var isSpherical = false
    /// Classes to draw, of a conditional model; nil for the first 20 at most.
    package var classes: [Int]?
    package var showsAllClasses = false
    /// Vectors of numbers, such as `energy=65536`.
    package var numbers: [String] = []
    /// A file of conditions, a row each.
    package var conditionsFile: String?
    /// Whether as many reals stand beside the samples.
    package var showsReals = false

    package init() {}
  }

  private let options: Options
  private let trained: TrainedModel
  private let generator: SampleGenerator
  private let communicator: any Communicator
  private let conditions: [ConditionValues]?
  /// What the user should know beside the result.
  package var notes: [String] { trained.notes }

  /// Reads the checkpoint.
  ///
  /// - Parameters:
  ///   - path: As of `TrainedModel`.
  ///   - options: What to draw.
  ///   - communicator: All ranks, where they draw arrays together; nil for this one alone.
  /// - Throws: Where there is no checkpoint, or it is of another configuration.
  package init(
    _ path: String, _ options: Options, communicator: (any Communicator)? = nil
  ) throws {
    let trained = try TrainedModel(
      path, checkpoint: options.checkpoint, configurationFile: options.configuration,
      overrides: options.overrides, usesAverage: options.usesAverage,
      needsCritic: { SampleGenerator($1, $0).isPlanar })
    try self.init(trained, options, communicator: communicator)
  }

  /// - Parameters:
  ///   - trained: The checkpoint, which is read.
  ///   - options: What to draw; which checkpoint is known.
  ///   - communicator: All ranks; nil for this one alone.
  /// - Throws: `Fault` for conditions that the generator does not have.
  package init(
    _ trained: TrainedModel, _ options: Options, communicator: (any Communicator)? = nil
  ) throws {
    self.options = options
    self.trained = trained
    self.communicator = communicator ?? SoloCommunicator()
    generator = SampleGenerator(
      trained.model, trained.configuration, seed: options.seed, statistics: options.statistics,
      dataset: trained.openDataset)
    conditions = try Self.conditions(options, trained, generator)
  }

  /// What the options ask for; nil for nothing.
  ///
  /// Of classes and vectors each class with each vector. Those of vectors and files are given as
  /// the data's files have them.
  private static func conditions(
    _ options: Options, _ trained: TrainedModel, _ generator: SampleGenerator
  ) throws -> [ConditionValues]? {
    let shape = generator.condition
    let name = trained.configuration.name
    let classes = options.showsAllClasses ? Array(0..<shape.classes) : options.classes
    if let classes {
      guard shape.classes > 0 else {
        throw Fault("--classes: the generator of \(name) takes none")
      }
      if let unfit = classes.first(where: { !(0..<shape.classes).contains($0) }) {
        throw Fault("--classes: found \(unfit), expected classes in 0 ... \(shape.classes - 1)")
      }
    }
    let asksNumbers = !options.numbers.isEmpty || options.conditionsFile != nil
    guard asksNumbers else {
      guard classes == nil || shape.numbers == 0 else {
        throw Fault(
          "--classes: the generator of \(name) takes \(shape.numbers) numbers beside a class; "
            + "give them by --condition")
      }
      return classes.map { $0.map { ConditionValues(label: $0) } }
    }
    guard shape.numbers > 0 || (options.conditionsFile != nil && shape.classes > 0) else {
      throw Fault("--condition: the generator of \(name) takes no numbers")
    }
    let data = trained.configuration.data
    let requested = RequestedConditions(
      shape, names: shape.numbers == 0 ? [] : data.numberNames)
    var found: [ConditionValues]
    if let file = options.conditionsFile {
      found = try requested.read(file)
    } else {
      let labels = classes ?? (shape.classes > 0 ? Array(0..<shape.classes) : [])
      found = try options.numbers.flatMap { text in
        let numbers = try requested.numbers(text)
        return labels.isEmpty
          ? [ConditionValues(numbers: numbers)]
          : labels.map { ConditionValues(label: $0, numbers: numbers) }
      }
    }
    guard data.source.transformsConditions, shape.numbers > 0, let arrays = try trained.arrays()
    else { return found }
    // The run has kept what this takes: the data need not be there.
    let units = try arrays.record.units(arrays.settings)
    for index in found.indices {
      found[index].numbers = units.condition(ofUnits: found[index].numbers.map(Double.init))
    }
    return found
  }

  /// Draws and writes.
  ///
  /// - Returns: The file's path, with `singleFolder` the folder's; of several files a line each.
  /// - Throws: Where samples have no picture or not the one asked for, and where writing fails.
  package func run() throws -> String {
    if conditions == nil || options.statistics == .standing {
      // What one node cannot read is said on all, before they wait for each other.
      try communicator.agree { _ = try generator.plainConditions(1) }
    }
    return try generator.withStatistics(draw)
  }

  /// Samples in memory, channels first, in the units of the data.
  package struct Values: Sendable {
    /// N, and the sizes of a sample.
    package let shape: [Int]
    package let numbers: [Double]
  }

  /// Draws samples without writing them: those that `--format` would write.
  ///
  /// - Returns: `options.count` samples.
  /// - Throws: What a pass throws, and where conditions are missing.
  package func values() throws -> Values {
    try generator.withStatistics {
      let count = options.count ?? ownCount
      let layout = try arrayLayout(count)
      let columns = try SampleColumns(generator, layout, trained.arrays())
      return Values(
        shape: [count] + columns.all[0].sizes,
        numbers: columns.values(0..<count, try generator.images(layout)))
    }
  }

  /// As many as asked for: whole rows are a picture's.
  private func arrayLayout(_ count: Int) throws -> SampleGenerator.Layout {
    try conditions.map { SampleGenerator.Layout(count: count, columns: 1, conditions: $0) }
      ?? generator.plainLayout(count: count)
  }

  private func draw() throws -> String {
    if let format = options.arrays { return try writeArrays(format) }
    guard generator.isDrawable else {
      throw Fault(
        "generator.layers: samples of shape \(trained.model.generator.outputShape) have no "
          + "picture; expected 1 or 3 channels of pixels, or points of the plane; --format npy, "
          + "hdf5 or csv writes their numbers")
    }
    let output = trained.configuration.output
    let scale = options.scale ?? output.scale
    let layout = try generator.layout(
      count: options.count ?? ownCount, columns: options.columns ?? output.columns,
      conditions: conditions)
    if generator.isPlanar {
      guard options.singleFolder == nil, options.interpolations == nil else {
        throw Fault(
          "samples are points of the plane: they are drawn over the critic's contours, neither one "
            + "by one nor as interpolations")
      }
      let plot = try generator.contour(
        title: title, reals: generator.reals(layout, of: trained.openDataset()),
        samples: generator.images(layout), condition: layout.criticCondition)
      return try write(plot.draw(), suffix: "")
    }
    if let rows = options.interpolations {
      return try drawInterpolations(rows: rows, layout, scale: scale)
    }
    if let folder = options.singleFolder {
      // As many as asked for: whole rows are a grid's.
      let layout = SampleGenerator.Layout(
        count: options.count ?? layout.count, columns: 1, conditions: layout.turns,
        isOfData: layout.isOfData)
      if options.showsReals {
        let reals = generator.reals(layout, of: try trained.openDataset())
        _ = try writeSingles(reals, layout.conditions, to: folder, named: "real", scale: scale)
      }
      return try writeSingles(
        generator.images(layout), layout.conditions, to: folder, scale: scale)
    }
    let images = try generator.images(layout)
    if options.showsReals {
      let picture = generator.realsBesideSamples(
        images, layout, scale: scale, dataset: try trained.openDataset())
      return try write(picture, suffix: "-and-reals")
    }
    return try write(
      generator.grid(
        of: images, columns: layout.columns, scale: scale, headings: layout.headings), suffix: "")
  }

  /// Rows between noise vectors; of a conditional model each of a condition, in turn.
  private func drawInterpolations(
    rows: Int, _ layout: SampleGenerator.Layout, scale: Int
  ) throws -> String {
    let steps = options.steps
    let conditions = layout.turns
    let ofSteps = conditions.flatMap { Array(repeating: $0, count: steps) }
    let interpolation = NoiseInterpolation(steps: steps, isSpherical: options.isSpherical)
    let images = try generator.images(
      count: rows * steps,
      conditions: ofSteps,
      noise: { interpolation.fill($0, $1, noise: generator.fillNoise) })
    if let folder = options.singleFolder {
      return try writeSingles(images, ofSteps, to: folder, scale: scale)
    }
    let labels =
      conditions.isEmpty
      ? []
      : (0..<rows).map {
        conditions[$0 % conditions.count].heading(classNames: layout.classNames)
      }
    return try write(
      generator.grid(of: images, columns: steps, scale: scale, rowLabels: labels),
      suffix: "-interpolations")
  }

  /// Samples where nobody says how many: a file's conditions once each, else as the run draws.
  private var ownCount: Int {
    options.conditionsFile == nil
      ? trained.configuration.output.samples : conditions?.count ?? 1
  }

  private var title: String {
    trained.configuration.name + (trained.iteration.map { ", iteration \($0)" } ?? "")
  }

  private func write(_ drawing: Canvas, suffix: String) throws -> String {
    let path = path(suffix: suffix, extension: "png")
    try FileSystem.createDirectory(FileSystem.folder(of: path))
    try drawing.write(to: path, title: title)
    return path
  }

  private func writeArrays(_ format: SampleArrays.Format) throws -> String {
    let count = options.count ?? ownCount
    let arrays = try communicator.agree {
      try SampleArrays(
        generator, try arrayLayout(count), arrays: trained.arrays(), communicator: communicator)
    }
    return try arrays.write(to: path(suffix: "", extension: format.rawValue), format)
      .joined(separator: "\n")
  }

  /// The file that was asked for, else one in the run's `samples`.
  private func path(suffix: String, extension type: String) -> String {
    if let output = options.output { return output }
    guard let run = trained.run, let iteration = trained.iteration else {
      return "samples\(suffix).\(type)"
    }
    return "\(run.samples)/\(CheckpointStore.name(step: iteration))\(suffix).\(type)"
  }

  /// Writes `image0000.png` and on; of a class `image0000-class3.png`, the conditions in turn.
  private func writeSingles(
    _ images: [Float], _ conditions: [ConditionValues], to folder: String,
    named name: String = "image", scale: Int
  ) throws -> String {
    try FileSystem.createDirectory(folder)
    let size = trained.model.generator.outputShape.elementCount
    for (number, first) in stride(from: 0, to: images.count, by: size).enumerated() {
      let image = generator.grid(
        of: Array(images[first..<first + size]), columns: 1, scale: scale, padding: 0)
      let label = conditions.isEmpty ? nil : conditions[number % conditions.count].label
      let ending = label.map { "-class\($0)" } ?? ""
      try image.write(to: "\(folder)/\(name)\(number.padded(to: 4))\(ending).png")
    }
    return folder
  }
}

extension TrainedModel {
  /// The sizes of a sample, channels first, as its data's files have them.
  package func sampleSizes() throws -> [Int] {
    if let arrays = try arrays() { return arrays.record.samples.sizes }
    let shape = model.generator.outputShape
    return shape.pixels > 1 ? shape.sizes : [shape.channels]
  }
}
