import Base
import Configuration

/// How much higher the critic scores the reals that it is trained on than reals that it never sees.
///
/// Overfitting, as Gulrajani et al. 2017 (arXiv:1704.00028, section 5.4) find it:
///
///     W of training = mean C(training reals) - mean C(samples), W held out likewise
///     gap = W of training - W held out
///
/// Of a critic that takes packs they are means over packs. The gap of one that generalizes is near
/// 0, whatever W is. The critic computes as in evaluation: batch norm takes running statistics, and
/// nothing is augmented. Reals held out are those of the data set's
/// other split (MNIST's and CIFAR-10's test images for a run on the training images), fresh ones of
/// data that the program draws, what `data.heldOut` names of arrays; folders of images have none.
package struct CriticGap: Score {
  package static let name = "criticGap"
  package static let isDefault = false
  package static let needsCritic = true
  package let columns = [
    "w_training (score)", "w_held_out (score)", "critic_gap (score)",
  ]
  package let wantedSamples = (training: 1000, evaluation: 10_000)

  package init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws {}

  package static func refusal(of subject: ScoreSubject) -> String? {
    if let refusal = subject.refusalWithoutGenerator { return refusal }
    return subject.source.heldOut == nil
      ? "the data of \(subject.name) have no part that is not trained on (of arrays data.heldOut "
        + "names one)" : nil
  }

  package func measure(_ input: ScoreInput) throws -> [Double] {
    guard let scores = input.criticScores else {
      throw Fault(
        "criticGap: the critic is not at hand", advice: "give a run's folder or a checkpoint's")
    }
    let means = try [ScoreInput.CriticSet.samples, .training, .heldOut].map { set in
      let found = try scores(set)
      return found.reduce(0) { $0 + Double($1) } / Double(found.count)
    }
    return [means[1] - means[0], means[2] - means[0], means[1] - means[2]]
  }

  package func summary(_ values: [Double]) -> String { "critic gap \(scoreText(values[2]))" }

  package func report(_ values: [Double], _ setting: ScoreSetting) -> [String] {
    [
      reportLine(
        "critic gap",
        "\(scoreText(values[2])) (W \(scoreText(values[0])) of training, \(scoreText(values[1])) "
          + "held out; \(setting.samples) samples and as many reals of each)")
    ]
  }
}
