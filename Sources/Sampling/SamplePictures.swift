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
    /// What to draw, of a conditional model; nil for the first 20 classes at most.
    package var conditions: [ConditionValues]?
    package var showsAllClasses = false
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
    self.options = options
    self.communicator = communicator ?? SoloCommunicator()
    trained = try TrainedModel(
      path, checkpoint: options.checkpoint, configurationFile: options.configuration,
      overrides: options.overrides, usesAverage: options.usesAverage,
      needsCritic: { SampleGenerator($1, $0).isPlanar })
    generator = SampleGenerator(
      trained.model, trained.configuration, seed: options.seed, statistics: options.statistics)
    conditions = options.showsAllClasses ? generator.classConditions : options.conditions
    if let conditions { try check(conditions) }
  }

  /// Refuses conditions that the generator cannot take.
  private func check(_ conditions: [ConditionValues]) throws {
    let shape = generator.condition
    let name = trained.configuration.name
    guard shape.classes > 0 || !conditions.contains(where: { $0.numbers.isEmpty }) else {
      throw Fault("--classes: the generator of \(name) takes none")
    }
    guard let unfit = conditions.first(where: { !$0.fits(shape) }) else { return }
    if let label = unfit.label, !(0..<shape.classes).contains(label) {
      throw Fault(
        "--classes: found \(label), expected classes in 0 ... \(shape.classes - 1)")
    }
    throw Fault(
      "the generator of \(name) takes \(shape.classes) classes and \(shape.numbers) numbers as "
        + "conditions; found \(unfit.heading)")
  }

  /// Draws and writes.
  ///
  /// - Returns: The file's path, with `singleFolder` the folder's; of several files a line each.
  /// - Throws: Where samples have no picture or not the one asked for, and where writing fails.
  package func run() throws -> String { try generator.withStatistics(draw) }

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
    let layout = generator.layout(
      count: options.count ?? output.samples, columns: options.columns ?? output.columns,
      conditions: conditions)
    if generator.isPlanar {
      guard options.singleFolder == nil, options.interpolations == nil else {
        throw Fault(
          "samples are points of the plane: they are drawn over the critic's contours, neither one "
            + "by one nor as interpolations")
      }
      let plot = try generator.contour(
        title: title, reals: generator.reals(layout, of: trained.openDataset()),
        samples: generator.images(layout))
      return try write(plot.render(), suffix: "")
    }
    if let rows = options.interpolations {
      return try drawInterpolations(rows: rows, conditions: layout.conditions, scale: scale)
    }
    if let folder = options.singleFolder {
      // As many as asked for: whole rows are a grid's.
      let layout = SampleGenerator.Layout(
        count: options.count ?? layout.count, columns: 1, conditions: layout.conditions)
      if options.showsReals {
        let reals = generator.reals(layout, of: try trained.openDataset())
        _ = try writeSingles(reals, to: folder, named: "real", scale: scale)
      }
      return try writeSingles(generator.images(layout), to: folder, scale: scale)
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
    rows: Int, conditions: [ConditionValues], scale: Int
  ) throws -> String {
    let steps = options.steps
    let interpolation = NoiseInterpolation(steps: steps, isSpherical: options.isSpherical)
    let images = try generator.images(
      count: rows * steps,
      conditions: conditions.flatMap { Array(repeating: $0, count: steps) },
      noise: { interpolation.fill($0, $1, noise: generator.fillNoise) })
    if let folder = options.singleFolder {
      return try writeSingles(images, to: folder, scale: scale)
    }
    let labels =
      conditions.isEmpty ? [] : (0..<rows).map { conditions[$0 % conditions.count].heading }
    return try write(
      generator.grid(of: images, columns: steps, scale: scale, rowLabels: labels),
      suffix: "-interpolations")
  }

  private var title: String {
    trained.configuration.name + (trained.iteration.map { ", iteration \($0)" } ?? "")
  }

  private func write(_ image: Picture, suffix: String) throws -> String {
    let path = path(suffix: suffix, extension: "png")
    try FileSystem.createDirectory(FileSystem.folder(of: path))
    try PNG.write(image, to: path)
    return path
  }

  private func writeArrays(_ format: SampleArrays.Format) throws -> String {
    let output = trained.configuration.output
    // As many as asked for: whole rows are a picture's.
    let layout = SampleGenerator.Layout(
      count: options.count ?? output.samples, columns: 1,
      conditions: conditions ?? generator.classConditions)
    return try SampleArrays(
      generator, layout, arrays: trained.arrays(), communicator: communicator
    ).write(to: path(suffix: "", extension: format.rawValue), format).joined(separator: "\n")
  }

  /// The file that was asked for, else one in the run's `samples`.
  private func path(suffix: String, extension type: String) -> String {
    if let output = options.output { return output }
    guard let run = trained.run, let iteration = trained.iteration else {
      return "samples\(suffix).\(type)"
    }
    return "\(run.samples)/\(CheckpointStore.name(step: iteration))\(suffix).\(type)"
  }

  /// Writes `image0000.png` and on.
  private func writeSingles(
    _ images: [Float], to folder: String, named name: String = "image", scale: Int
  ) throws -> String {
    try FileSystem.createDirectory(folder)
    let size = trained.model.generator.outputShape.elementCount
    for (number, first) in stride(from: 0, to: images.count, by: size).enumerated() {
      let image = generator.grid(
        of: Array(images[first..<first + size]), columns: 1, scale: scale, padding: 0)
      try PNG.write(image, to: "\(folder)/\(name)\(number.padded(to: 4)).png")
    }
    return folder
  }
}
