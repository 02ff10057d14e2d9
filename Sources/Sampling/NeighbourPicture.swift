import Base
import Collectives
import Reports
import Scores

/// Samples beside the training images that are most like them, pixel by pixel.
extension TrainedModel {
  /// How many stand in the picture.
  private static let (rows, neighbours) = (10, 6)

  /// A row for each of the first 10 samples: the sample, then its 6 nearest training images, the
  /// nearest first.
  ///
  /// - Parameters:
  ///   - seed: Of the samples' noise; nil for the run's.
  ///   - communicator: All ranks, which call this together with the same model.
  /// - Returns: The drawing, on all ranks.
  /// - Throws: On all ranks, where there are no images, or fewer than 6.
  package func neighbourPicture(
    seed: UInt64? = nil, communicator: any Communicator
  ) throws -> Canvas {
    let generator = SampleGenerator(model, configuration, seed: seed, dataset: openDataset)
    guard generator.isDrawable, !generator.isPlanar else {
      throw Fault(
        "--neighbours: samples of shape \(model.generator.outputShape) have no picture; expected "
          + "images of 1 or 3 channels")
    }
    let team = try communicator.agree { try ScoreTeam(communicator) }
    let training = generator.wholeSet(try communicator.agree(openDataset))
    guard training.count >= Self.neighbours else {
      throw Fault("--neighbours: takes \(Self.neighbours) training images, found \(training.count)")
    }
    let layout = try communicator.agree { try generator.plainLayout(count: Self.rows) }
    let samples = try generator.sampleSet(layout).values(team)
    let size = training.shape.elementCount
    let found = try Neighbours.search(
      Vectors(samples, dimension: size), in: training, count: Self.neighbours, team)
    var images: [Float] = []
    for (row, neighbours) in found.enumerated() {
      images += samples[row * size..<(row + 1) * size]
      for neighbour in neighbours {
        images += try training.items(neighbour.index..<neighbour.index + 1)
      }
    }
    return generator.grid(
      of: images, columns: 1 + Self.neighbours, scale: configuration.output.scale,
      headings: ["sample"] + (1...Self.neighbours).map(String.init))
  }
}
