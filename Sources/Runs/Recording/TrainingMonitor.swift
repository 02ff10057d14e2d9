import Training

/// Watches a run for the failures that GANs are known for, and says each in a line when it begins
/// and when it is over.
///
/// Losses are watched through their moving averages, m = 0.98 m + 0.02 x, from iteration 50 on. A
/// failure is over when what it is known by has been twice as far from it for 50 iterations, and
/// said again only then: a run that stays near a bound says nothing more.
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
  /// Deviation of samples over that of reals below which they are nearly all the same.
  static let collapsedDiversity = 0.1
  /// The deviation of samples that were not: only then is a smaller one a collapse at once.
  static let grownDiversity = 0.3
  /// Iterations after which it is one in any case.
  ///
  /// Before, samples may be grey since the generator has hardly begun: runs that end well had less
  /// than `collapsedDiversity` until iteration 60.
  static let latestGrowth = 300
  /// Iterations before which losses are those of networks as they were drawn.
  static let firstIteration = 50

  /// Iterations without a failure after which it is over.
  static let patience = 50
  /// How much further than the bound, a factor, a failure is over.
  static let relief = 2.0

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
  private var largestDiversity = 0.0
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
    let won = slack(.criticWins)
    let isWon =
      hasProbabilities && fake < won * Self.wonProbabilities.fake
      && 1 - real < won * (1 - Self.wonProbabilities.real)
    let size = slack(.explosion) * magnitude
    let isExploded =
      size > Self.largestLoss
      || slack(.explosion) * penalty > Self.largestPenalty * penaltyWeight
      || (size > Self.explodedLoss && size > Self.explosionFactor * smallestMagnitude)
    let leastGradient = slack(.vanishing) * Self.vanishedShare * largest
    return [
      note(
        .criticWins, isWon,
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
        .vanishing, gradient < leastGradient,
        "the generator's gradient vanishes (norm \(Self.short(gradient)), it was "
          + "\(Self.short(largest))): it no longer learns",
        over: "the generator's gradient is back (norm \(Self.short(gradient)))"),
    ].compactMap { $0 }
  }

  /// What a failure's being watched tells: that it begins, or that it is over.
  package enum Change: Equatable, Sendable {
    case begins(String)
    case ends(String)

    /// The line without its iteration.
    package var text: String {
      switch self {
      case .begins(let text), .ends(let text): text
      }
    }
  }

  /// Takes the deviation of samples over that of as many reals, the score `diversity`.
  ///
  /// - Parameters:
  ///   - diversity: The share.
  ///   - iteration: Iterations done: a generator that has hardly begun has not collapsed.
  /// - Returns: Whether a collapse begins or is over.
  package mutating func observe(diversity: Double, iteration: Int) -> Change? {
    largestDiversity = max(largestDiversity, diversity)
    guard largestDiversity >= Self.grownDiversity || iteration >= Self.latestGrowth else {
      return nil
    }
    let deviation = "their deviation is \(Self.short(diversity)) of the reals'"
    return note(
      .collapse, diversity < slack(.collapse) * Self.collapsedDiversity,
      "the samples are nearly all the same (\(deviation)): the generator has collapsed",
      over: "the samples are no longer all the same (\(deviation))", patience: 1)
  }

  /// The factor by which a failure's bound is moved: away from where it is over, while it is there.
  private func slack(_ failure: Failure) -> Double { present[failure] == nil ? 1 : Self.relief }

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
