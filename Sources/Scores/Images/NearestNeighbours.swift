import Base
import Configuration

/// How near samples are to the images that the generator was trained on, pixel by pixel.
///
/// A generator that has learned images by heart gives copies. The distance of a sample is the root
/// mean squared difference to its nearest training image. The ratio is the mean of that over the
/// mean distance of as many training images to their nearest other one: about 1 or more of new
/// images, near 0 of copies. Copies that are shifted by a pixel are not found.
package struct NearestNeighbours: Score {
  package static let name = "nearestNeighbours"
  package static let isDefault = false
  package let columns = ["nn_distance (1)", "nn_ratio (1)"]
  package let wantedSamples = (training: 200, evaluation: 1000)
  private let most: Int

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {
    most = try options.integer("samples", default: 1000, in: 1...10_000)
  }

  package static func refusal(of subject: ScoreSubject) -> String? {
    subject.refusalWithoutImages
  }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    guard let training = try input.trainingSet?(), training.count > 1 else {
      throw Fault("nearestNeighbours: takes a training set of two images or more")
    }
    let dimension = training.shape.elementCount
    let samples = Vectors(try input.sampleValues(), dimension: dimension).prefix(most)
    let reals = Vectors(try input.realValues(), dimension: dimension).prefix(most)
    guard samples.areFinite else { return [.nan, .nan] }
    return try Self.values(samples, reals, training, input.team)
  }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    [
      reportLine(
        "neighbours",
        "nearest training image at \(scoreText(values[0])), \(scoreText(values[1])) of the reals' "
          + "(\(min(most, setting.samples)) samples)")
    ]
  }

  /// Distance and ratio.
  ///
  /// - Parameters:
  ///   - samples: Of the training set's shape.
  ///   - reals: Of the training set: each is its own nearest.
  ///   - training: The training set.
  ///   - team: All ranks.
  /// - Returns: Both, on all ranks.
  /// - Throws: On all ranks, where OpenBLAS is missing or an image cannot be drawn.
  package static func values(
    _ samples: Vectors, _ reals: Vectors, _ training: SampleSet, _ team: ScoreTeam
  ) throws -> [Double] {
    let found = try mean(
      Neighbours.search(samples, in: training, count: 1, team), samples.dimension)
    let usual = try mean(Neighbours.search(reals, in: training, count: 2, team), reals.dimension)
    return [found, usual > 0 ? found / usual : .nan]
  }

  /// The mean distance to the last neighbour.
  private static func mean(_ neighbours: [[Neighbours.Neighbour]], _ dimension: Int) -> Double {
    let sum = neighbours.reduce(0) { sum, found in
      sum + (found.last.map { ($0.squaredDistance / Double(dimension)).squareRoot() } ?? .nan)
    }
    return sum / Double(neighbours.count)
  }
}
