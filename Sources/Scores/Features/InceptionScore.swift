import Base
import Configuration
import Foundation

/// The Inception Score of class probabilities p(y | x): how sure a classifier is of each sample,
/// and how evenly classes occur.
///
/// Salimans et al. 2016, arXiv:1606.03498:
///
///     exp( mean over x of KL( p(y | x) || p(y) ) ), p(y) the mean of p(y | x) over x
///
/// of 10 splits of the samples, split k being samples k n / 10 and following: their mean, and their
/// standard deviation (over all, not less one). torch-fidelity shuffles the samples first, unless
/// it is told not to; samples here are independent of each other as they are. From 1 to the number
/// of classes; sums are in Double.
package struct InceptionScore: Score {
  package static let name = "inceptionScore"
  package static let isDefault = false
  package let columns = ["inception_score (1)", "inception_score_std (1)"]
  /// 50 000, as the paper has.
  package let wantedSamples = (training: 2000, evaluation: 50_000)
  private let network: String
  private let splits: Int

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {
    network = try subject.networkName(options)
    splits = try options.integer("splits", default: 10, in: 1...10_000)
  }

  package static func refusal(of subject: ScoreSubject) -> String? {
    subject.refusalWithoutFeatures
  }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    let (logits, classes) = try input.logits(of: network)
    let count = input.samples.count
    guard count >= splits else {
      throw Fault("inceptionScore: \(count) samples are fewer than its \(splits) splits")
    }
    let ranges = (0..<splits).map { ($0 * count / splits)..<(($0 + 1) * count / splits) }
    return Statistics.meanAndDeviation(
      try Self.scores(Vectors(logits, dimension: classes), ranges, input.team))
  }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    [
      reportLine(
        "Inception",
        "\(scoreText(values[0])), standard deviation \(scoreText(values[1])) (\(splits) splits of "
          + "\(setting.samples) samples, \(setting.name(ofNetwork: network)))")
    ]
  }

  /// The score of each split: a slice is a split.
  ///
  /// - Parameters:
  ///   - logits: Unnormalized logarithms of the samples' class probabilities.
  ///   - splits: Samples of each split.
  ///   - team: All ranks.
  /// - Returns: A score a split.
  /// - Throws: What an exchange throws.
  package static func scores(
    _ logits: Vectors, _ splits: [Range<Int>], _ team: ScoreTeam
  ) throws -> [Double] {
    try team.gather(splits.map { _ in 1 }) { split, values in
      values[0] = score(logits, splits[split])
    }
  }

  /// exp( H(y) - mean H(y | x) ): the mean divergence, written with entropies.
  private static func score(_ logits: Vectors, _ rows: Range<Int>) -> Double {
    let classes = logits.dimension
    var means = [Double](repeating: 0, count: classes)
    var ofSample = [Double](repeating: 0, count: classes)
    var certainty = 0.0
    for row in rows {
      logits.copy(row: row, to: &ofSample)
      let largest = ofSample.reduce(-Double.infinity) { max($0, $1) }
      let logarithm = largest + log(ofSample.reduce(0) { $0 + exp($1 - largest) })
      for index in 0..<classes {
        let logProbability = ofSample[index] - logarithm
        let probability = exp(logProbability)
        means[index] += probability
        // A probability of 0 has a logarithm of minus infinity, and adds nothing.
        if probability > 0 { certainty += probability * logProbability }
      }
    }
    let count = Double(rows.count)
    let evenness = means.reduce(0) { sum, total in
      total > 0 ? sum - total / count * log(total / count) : sum + (total.isNaN ? total : 0)
    }
    return exp(certainty / count + evenness)
  }
}
