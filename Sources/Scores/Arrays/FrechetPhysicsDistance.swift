import Base
import Collectives
import Configuration

/// The Frechet distance of declared quantities, for infinitely many samples.
///
/// Kansal et al. 2022, arXiv:2211.10295, as `jetnet.evaluation.fpd` computes it. Features are over
/// the reals' greatest size. For batch sizes N with 1/N at regular steps from 1 / `minSamples` to
/// 1 / `maxSamples` (whole numbers, rounded down), the mean of the Frechet distance of `batches`
/// pairs of batches, drawn with replacement, is y(N). The distance is the a of the line a + b / N
/// through the y by least squares with a and b of 0 or more (Chong and Forsyth 2020,
/// arXiv:1911.07023), and its error
///
///     sqrt(r / (n - 2) sum x^2 / (n sum x^2 - (sum x)^2)),  x = 1 / N
///
/// with the sum r of the n squared residuals.
package struct FrechetPhysicsDistance: Score {
  package static let name = "fpd"
  package static let isDefault = false
  package let columns = ["fpd (1)", "fpd_error (1)"]
  package let wantedSamples = (training: 5000, evaluation: 50_000)
  private let features: PhysicsFeatures
  private let minSamples: Int?
  private let maxSamples: Int?
  private let batches: Int
  private let points: Int

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {
    features = try PhysicsFeatures(options, subject)
    minSamples = try options.optionalInteger("minSamples", in: 2...100_000_000)
    maxSamples = try options.optionalInteger("maxSamples", in: 2...100_000_000)
    batches = try options.integer("batches", default: 20, in: 1...100_000)
    points = try options.integer("points", default: 10, in: 3...10_000)
    if let minSamples, let maxSamples, minSamples >= maxSamples {
      throw options.fail("maxSamples", "expected more than minSamples, \(minSamples)")
    }
  }

  package static func refusal(of subject: ScoreSubject) -> String? {
    subject.refusalWithoutQuantities
  }

  /// jetnet's 20,000 to 50,000; of fewer samples the same shares of them.
  private func range(_ count: Int) -> (least: Int, most: Int) {
    let most = maxSamples ?? min(50_000, count)
    return (minSamples ?? max(2, most * 2 / 5), most)
  }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    let sets = try features.features(input)
    let count = min(sets.samples.count, sets.reals.count)
    let (least, most) = range(count)
    guard least < most else {
      throw Fault("fpd: batches of \(least) to \(most) of \(count) samples; draw more")
    }
    let sizes = Self.batchSizes(from: least, to: most, points: points)
    let drawn = DrawnRows(seed: input.seed)
    let distances = try Self.distances(
      sets.samples, sets.reals, sizes: sizes, batches: batches, input.team
    ) { drawn($0, of: $1 ? sets.reals.count : sets.samples.count, number: $2, isReal: $1) }
    guard distances.allSatisfy(\.isFinite) else { return [.nan, .nan] }
    let fit = LineFit(x: sizes.map { 1 / Double($0) }, y: distances)
    return [fit.intercept, fit.interceptError]
  }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    let (least, most) = range(min(setting.samples, setting.reals))
    return [
      reportLine(
        "FPD",
        "\(scoreText(values[0])) +- \(scoreText(values[1])) (\(features.quantities.count) "
          + "quantities, \(batches) batches each of \(points) sizes from \(least) to \(most), seed "
          + "\(setting.seed); \(setting.counts))")
    ]
  }

  /// N with 1 / N at regular steps: NumPy's linspace, rounded down.
  package static func batchSizes(from least: Int, to most: Int, points: Int) -> [Int] {
    let (first, last) = (1 / Double(least), 1 / Double(most))
    let step = (last - first) / Double(points - 1)
    return (0..<points).map { index in
      Int(1 / (index == points - 1 ? last : Double(index) * step + first))
    }
  }

  /// The mean distance of each batch size; a slice is a pair of batches.
  ///
  /// - Parameters:
  ///   - samples: Normalized.
  ///   - reals: Normalized.
  ///   - sizes: Of batches.
  ///   - batches: Of each size.
  ///   - team: All ranks.
  ///   - draw: Rows of a batch: how many, whether of the reals, and the batch's number, which goes
  ///     through all sizes.
  /// - Returns: A mean a size; NaN where features are not finite.
  /// - Throws: On all ranks, where OpenBLAS is missing.
  package static func distances(
    _ samples: FeatureRows, _ reals: FeatureRows, sizes: [Int], batches: Int, _ team: ScoreTeam,
    draw: (_ count: Int, _ isReal: Bool, _ number: Int) -> [Int]
  ) throws -> [Double] {
    guard samples.areFinite, reals.areFinite else { return sizes.map { _ in .nan } }
    let count = sizes.count * batches
    let found: [Double] = try team.gather(Array(repeating: 1, count: count)) { slice, output in
      let size = sizes[slice / batches]
      let alone = try ScoreTeam(SoloCommunicator())
      let moments = try [(reals, true), (samples, false)].map { rows, isReal in
        try Moments(rows.gather(draw(size, isReal, slice)), count: size, rows.dimension)
      }
      output[0] = try FrechetDistance.distance(moments[0], moments[1], alone)
    }
    return sizes.indices.map { index in
      found[index * batches..<(index + 1) * batches].reduce(0, +) / Double(batches)
    }
  }
}

/// The line a + b x through points by least squares, with a and b of 0 or more.
package struct LineFit: Sendable, Equatable {
  package let intercept: Double
  package let slope: Double
  /// The standard error of `intercept`, from the residuals.
  package let interceptError: Double

  /// - Parameters:
  ///   - x: Three or more, not all the same.
  ///   - y: As many.
  package init(x: [Double], y: [Double]) {
    precondition(x.count == y.count && x.count > 2, "\(x.count) x and \(y.count) y")
    let count = Double(x.count)
    let (sumX, sumY) = (x.reduce(0, +), y.reduce(0, +))
    let squares = x.reduce(0) { $0 + $1 * $1 }
    let products = zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
    let (meanX, meanY) = (sumX / count, sumY / count)
    // About the means: the sums of squares nearly cancel.
    let spread = x.reduce(0) { $0 + ($1 - meanX) * ($1 - meanX) }
    let slope = zip(x, y).reduce(0) { $0 + ($1.0 - meanX) * ($1.1 - meanY) } / spread
    func residuals(_ a: Double, _ b: Double) -> Double {
      zip(x, y).reduce(0) { $0 + ($1.1 - a - b * $1.0) * ($1.1 - a - b * $1.0) }
    }
    var best = (a: meanY - slope * meanX, b: slope)
    if best.a < 0 || best.b < 0 {
      // The least squares on the edges of what is allowed.
      let edges = [(a: 0.0, b: max(0, products / squares)), (a: max(0, meanY), b: 0.0)]
      best =
        residuals(edges[0].a, edges[0].b) <= residuals(edges[1].a, edges[1].b)
        ? edges[0] : edges[1]
    }
    (intercept, self.slope) = best
    interceptError =
      (residuals(best.a, best.b) / (count - 2) * squares / (count * spread)).squareRoot()
  }
}
