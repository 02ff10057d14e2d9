import Base
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
    /// Which of a run's checkpoints; nil for the newest.
    package var iteration: Int?
    /// The picture's file; nil for a name in the run's `samples`.
    package var output: String?
    /// A folder for one picture a sample, instead of a grid.
    package var singleFolder: String?
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
    /// The classes to draw, of a conditional model; nil for the first 20 at most.
    package var classes: [Int]?
    package var showsAllClasses = false
    /// Whether as many reals stand beside the samples.
    package var showsReals = false

    package init() {}
  }

  private let options: Options
  private let trained: TrainedModel
  private let generator: SampleGenerator
  private let classes: [Int]?
  /// What the user should know beside the result.
  package var notes: [String] { trained.notes }

  /// Reads the checkpoint.
  ///
  /// - Parameters:
  ///   - path: As of `TrainedModel`.
  ///   - options: What to draw.
  /// - Throws: Where there is no checkpoint, or it is of another configuration.
  package init(_ path: String, _ options: Options) throws {
    self.options = options
    trained = try TrainedModel(
      path, iteration: options.iteration, configurationFile: options.configuration,
      overrides: options.overrides, usesAverage: options.usesAverage,
      needsCritic: { SampleGenerator($1, $0).isPlanar })
    generator = SampleGenerator(
      trained.model, trained.configuration, seed: options.seed, statistics: options.statistics)
    classes = options.showsAllClasses ? Array(0..<generator.classes) : options.classes
    guard let classes else { return }
    guard generator.classes > 0 else {
      throw TrainingError("--classes: the generator of \(trained.configuration.name) takes none")
    }
    if let unknown = classes.first(where: { !(0..<generator.classes).contains($0) }) {
      throw TrainingError(
        "--classes: found \(unknown), expected classes in 0 ... \(generator.classes - 1)")
    }
  }

  /// Draws and writes.
  ///
  /// - Returns: The file's path, or with `singleFolder` the folder's.
  /// - Throws: Where samples have no picture or not the one asked for, and where writing fails.
  package func run() throws -> String {
    guard generator.isDrawable else {
      throw TrainingError(
        "generator.layers: samples of shape \(trained.model.generator.outputShape) have no "
          + "picture; expected 1 or 3 channels of pixels, or points of the plane")
    }
    let output = trained.configuration.output
    let scale = options.scale ?? output.scale
    let layout = generator.layout(
      count: options.count ?? output.samples, columns: options.columns ?? output.columns,
      classes: classes)
    if generator.isPlanar {
      guard options.singleFolder == nil, options.interpolations == nil else {
        throw TrainingError(
          "samples are points of the plane: they are drawn over the critic's contours, neither one "
            + "by one nor as interpolations")
      }
      let plot = try generator.contour(
        title: title, reals: generator.reals(layout, of: trained.openDataset()),
        samples: generator.images(layout))
      return try write(plot.render(), suffix: "")
    }
    if let rows = options.interpolations {
      return try drawInterpolations(rows: rows, classes: layout.classes, scale: scale)
    }
    let images = try generator.images(layout)
    if let folder = options.singleFolder {
      return try writeSingles(images, to: folder, scale: scale)
    }
    if options.showsReals {
      let picture = generator.realsBesideSamples(
        images, layout, scale: scale, dataset: try trained.openDataset())
      return try write(picture, suffix: "-and-reals")
    }
    return try write(
      generator.grid(
        of: images, columns: layout.columns, scale: scale, headings: layout.headings), suffix: "")
  }

  /// Rows between noise vectors; of a conditional model each of a class, one after the other.
  private func drawInterpolations(rows: Int, classes: [Int], scale: Int) throws -> String {
    let steps = options.steps
    let interpolation = NoiseInterpolation(steps: steps, isSpherical: options.isSpherical)
    let images = try generator.images(
      count: rows * steps,
      label: { classes.isEmpty ? 0 : classes[$0 / steps % classes.count] },
      noise: { interpolation.fill($0, $1, noise: generator.fillNoise) })
    if let folder = options.singleFolder {
      return try writeSingles(images, to: folder, scale: scale)
    }
    let labels = classes.isEmpty ? [] : (0..<rows).map { "\(classes[$0 % classes.count])" }
    return try write(
      generator.grid(of: images, columns: steps, scale: scale, rowLabels: labels),
      suffix: "-interpolations")
  }

  private var title: String {
    trained.configuration.name + (trained.iteration.map { ", iteration \($0)" } ?? "")
  }

  private func write(_ image: Picture, suffix: String) throws -> String {
    var path = options.output ?? "samples\(suffix).png"
    if options.output == nil, let run = trained.run, let iteration = trained.iteration {
      path = "\(run.samples)/\(CheckpointStore.name(step: iteration))\(suffix).png"
    }
    try FileSystem.createDirectory(FileSystem.folder(of: path))
    try PNG.write(image, to: path)
    return path
  }

  /// Writes `image0000.png` and on.
  private func writeSingles(_ images: [Float], to folder: String, scale: Int) throws -> String {
    try FileSystem.createDirectory(folder)
    let size = trained.model.generator.outputShape.elementCount
    for (number, first) in stride(from: 0, to: images.count, by: size).enumerated() {
      let image = generator.grid(
        of: Array(images[first..<first + size]), columns: 1, scale: scale, padding: 0)
      try PNG.write(image, to: "\(folder)/image\(number.padded(to: 4)).png")
    }
    return folder
  }
}
