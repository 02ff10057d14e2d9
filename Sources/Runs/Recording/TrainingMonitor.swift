import Training

/// Watches a run for the failures that GANs are known for, and says each in a line when it begins
/// and when it is over.
///
/// Losses are watched through their moving averages, m = 0.98 m + 0.02 x, from iteration 50 on. A
/// failure is over when it was not seen for 50 iterations, and said again only then.
package struct TrainingMonitor {
  /// A failure, with the section of docs/troubleshooting.md that has its causes and remedies.
  private enum Failure: String {
    case criticWins = "critic-wins"
    case explosion = "w-grows"
    case vanishing = "gradient-vanishes"
    case collapse = "samples-alike"
  }

  /// Mean probabilities of fakes and reals beyond which the critic tells them apart nearly without
  /// error; smoothed labels hold a loss above 0, but not these.
  static let wonProbabilities = (fake: 0.02, real: 0.8)
  /// An explosion: the loss's average exceeds that many times its smallest since iteration 50, and
  /// `explodedLoss`.
  static let explosionFactor = 30.0
  static let explodedLoss = 30.0
  /// Beyond these it has exploded before iteration 50: critics of data in the usual ranges give
  /// some hundreds, and (|g| - 1)^2 is 10^4 where the critic is a hundred times too steep.
  static let (largestLoss, largestPenalty) = (1e6, 1e4)
  /// A generator gradient's average below this share of its largest.
  static let vanishedShare = 1e-4
  /// Deviation of samples over that of reals.
  static let collapsedDiversity = 0.1
  /// Iterations before which a generator is nearly as it was drawn: its samples are all grey, which
  /// is no collapse.
  static let firstIteration = 50

  /// Iterations without a failure after which it is over.
  static let patience = 50

  private let hasProbabilities: Bool
  private let penaltyWeight: Double
  private var count = 0
  private var loss = 0.0
  private var realScore = 0.0
  private var fakeScore = 0.0
  private var magnitude = 0.0
  private var penalty = 0.0
  private var smallestMagnitude = Double.infinity
  private var gradient = 0.0
  private var largestGradient = 0.0
  /// Those that are there, with the iterations since they were last seen.
  private var present: [Failure: Int] = [:]

  package init(_ objective: Objective) {
    hasProbabilities = objective.loss.reportsProbabilities
    penaltyWeight = objective.penalty?.weight ?? 0
  }

  /// Takes an iteration's losses.
  ///
  /// - Returns: What begins to go wrong, and what no longer does.
  package mutating func observe(_ critic: CriticLosses, _ generator: GeneratorLosses) -> [Change] {
    count += 1
    let share = count == 1 ? 1 : 0.02
    loss += share * (critic.loss - loss)
    realScore += share * (critic.realScore - realScore)
    fakeScore += share * (critic.fakeScore - fakeScore)
    magnitude += share * (abs(critic.loss) - magnitude)
    penalty += share * (critic.penalty - penalty)
    gradient += share * (generator.gradientNorm - gradient)
    guard count >= Self.firstIteration else { return [] }
    // What the messages say: they are made only when they are needed.
    let (loss, gradient) = (loss, gradient)
    smallestMagnitude = min(smallestMagnitude, magnitude)
    largestGradient = max(largestGradient, gradient)
    let largest = largestGradient
    let (real, fake) = (realScore, fakeScore)
    let isExploded =
      magnitude > Self.largestLoss || penalty > Self.largestPenalty * penaltyWeight
      || (magnitude > Self.explodedLoss && magnitude > Self.explosionFactor * smallestMagnitude)
    return [
      note(
        .criticWins,
        hasProbabilities && fake < Self.wonProbabilities.fake && real > Self.wonProbabilities.real,
        "the critic's loss is near its least (\(Self.short(loss))): it gives reals "
          + "\(Self.short(real)) and fakes \(Self.short(fake)), and little is left for the "
          + "generator to learn from; lower the critic's learning rate, smooth its labels, or take "
          + "a Wasserstein loss",
        over: "the critic no longer tells reals (\(Self.short(real))) from fakes "
          + "(\(Self.short(fake))) nearly without error"),
      note(
        .explosion, isExploded,
        "the critic's loss explodes (\(Self.short(loss))): lower the learning rates, or take norm "
          + "layers out of the critic",
        over: "the critic's loss no longer explodes (\(Self.short(loss)))"),
      note(
        .vanishing, gradient < Self.vanishedShare * largestGradient,
        "the generator's gradient vanishes (norm \(Self.short(gradient)), it was "
          + "\(Self.short(largest))): it no longer learns",
        over: "the generator's gradient is back (norm \(Self.short(gradient)))"),
    ].compactMap { $0 }
  }

  /// What a failure's being watched tells: that it begins, or that it is over.
  package enum Change: Equatable, Sendable {
    case begins(String)
    case ends(String)
  }

  /// Takes the deviation of samples over that of as many reals, the score `diversity`.
  ///
  /// - Parameters:
  ///   - diversity: The share.
  ///   - iteration: Iterations done: an untrained generator has not collapsed.
  /// - Returns: Whether a collapse begins or is over.
  package mutating func observe(diversity: Double, iteration: Int) -> Change? {
    guard iteration >= Self.firstIteration else { return nil }
    let deviation = "their deviation is \(Self.short(diversity)) of the reals'"
    return note(
      .collapse, diversity < Self.collapsedDiversity,
      "the samples are nearly all the same (\(deviation)): the generator has collapsed",
      over: "the samples are no longer all the same (\(deviation))", patience: 1)
  }

  private mutating func note(
    _ failure: Failure, _ isThere: Bool, _ text: @autoclosure () -> String,
    over: @autoclosure () -> String, patience: Int = Self.patience
  ) -> Change? {
    if isThere {
      guard present.updateValue(0, forKey: failure) == nil else { return nil }
      return .begins("\(text()): docs/troubleshooting.md#\(failure.rawValue)")
    }
    guard let unseen = present[failure] else { return nil }
    present[failure] = unseen + 1 < patience ? unseen + 1 : nil
    return unseen + 1 < patience ? nil : .ends(over())
  }

  private static func short(_ value: Double) -> String {
    let rounded = (value * 1e4).rounded() / 1e4
    return rounded == 0 ? "\(value)" : "\(rounded)"
  }
}
