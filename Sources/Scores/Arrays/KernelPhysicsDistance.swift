import Base
import Configuration
import LinearAlgebra

/// The kernel distance of declared quantities.
///
/// Kansal et al. 2022, arXiv:2211.10295, as `jetnet.evaluation.kpd` computes it: features are over
/// the reals' greatest |value|; of `batches` pairs of batches, drawn with replacement, the squared
/// maximum mean discrepancy with the kernel k(x, y) = (x y / d + 1)^4 of d features by the unbiased
/// estimator that `KernelDistance` has; the median, and as its error half of what lies between the
/// quantiles 0.16275 and 0.83725.
package struct KernelPhysicsDistance: Score {
  package static let name = "kpd"
  package static let isDefault = false
  package let columns = ["kpd (1)", "kpd_error (1)"]
  package let wantedSamples = (training: 5000, evaluation: 50_000)
  private let features: PhysicsFeatures
  private let batches: Int
  private let batchSize: Int

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {
    features = try PhysicsFeatures(options, subject)
    batches = try options.integer("batches", default: 10, in: 1...100_000)
    batchSize = try options.integer("batchSize", default: 5000, in: 2...50_000)
  }

  package static func refusal(of subject: ScoreSubject) -> String? {
    subject.refusalWithoutQuantities
  }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    let sets = try features.features(input)
    let drawn = DrawnRows(seed: input.seed)
    let found = try Self.distances(
      sets.samples, sets.reals, batches: batches, size: batchSize, input.team
    ) { drawn($0, of: $1 ? sets.reals.count : sets.samples.count, number: $2, isReal: $1) }
    return Self.summarized(found)
  }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    [
      reportLine(
        "KPD",
        "\(scoreText(values[0])) +- \(scoreText(values[1])) (\(features.quantities.count) "
          + "quantities, \(batches) batches of \(batchSize), seed \(setting.seed); "
          + "\(setting.counts))")
    ]
  }

  /// The distance of each pair of batches; a slice is a pair.
  ///
  /// - Parameters:
  ///   - samples: Normalized.
  ///   - reals: Normalized.
  ///   - batches: Pairs.
  ///   - size: Of a batch.
  ///   - team: All ranks.
  ///   - draw: Rows of a batch: how many, whether of the reals, and the batch's number.
  /// - Returns: The distances; NaN where features are not finite.
  /// - Throws: On all ranks, where OpenBLAS is missing.
  package static func distances(
    _ samples: FeatureRows, _ reals: FeatureRows, batches: Int, size: Int, _ team: ScoreTeam,
    draw: (_ count: Int, _ isReal: Bool, _ number: Int) -> [Int]
  ) throws -> [Double] {
    guard samples.areFinite, reals.areFinite else {
      return Array(repeating: .nan, count: batches)
    }
    let blas = try team.communicator.agree { try OpenBLAS.load() }
    return try team.gather(Array(repeating: 1, count: batches)) { slice, output in
      output[0] = PolynomialKernel(degree: 4).discrepancy(
        samples.gather(draw(size, false, slice)), reals.gather(draw(size, true, slice)),
        size: size, dimension: reals.dimension, blas)
    }
  }

  /// Median and error of some values.
  package static func summarized(_ values: [Double]) -> [Double] {
    guard values.allSatisfy(\.isFinite) else { return [.nan, .nan] }
    let sorted = values.sorted()
    let low = Statistics.quantile(sorted, 0.16275)
    let high = Statistics.quantile(sorted, 0.83725)
    return [Statistics.quantile(sorted, 0.5), (high - low) / 2]
  }
}
