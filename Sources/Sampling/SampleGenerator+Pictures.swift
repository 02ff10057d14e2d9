import Base
import Datasets
import Reports

extension SampleGenerator {
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
}
