import Training

/// Watches a run for the failures that GANs are known for, and says each in a line when it begins.
///
/// Losses are watched through their moving averages, m = 0.98 m + 0.02 x, from iteration 50 on. A
/// failure is said again only when it had gone.
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
  /// A generator gradient's average below this share of its largest.
  static let vanishedShare = 1e-4
  /// Deviation of samples over that of reals.
  static let collapsedDiversity = 0.1
  /// Iterations before which a generator is nearly as it was drawn: its samples are all grey, which
  /// is no collapse.
  static let firstIteration = 50

  private let hasProbabilities: Bool
  private var count = 0
  private var loss = 0.0
  private var realScore = 0.0
  private var fakeScore = 0.0
  private var magnitude = 0.0
  private var smallestMagnitude = Double.infinity
  private var gradient = 0.0
  private var largestGradient = 0.0
  private var present: Set<Failure> = []

  package init(_ objective: Objective) {
    hasProbabilities = objective.loss.reportsProbabilities
  }

  /// Takes an iteration's losses.
  ///
  /// - Returns: What begins to go wrong, a line each.
  package mutating func observe(_ critic: CriticLosses, _ generator: GeneratorLosses) -> [String] {
    count += 1
    let share = count == 1 ? 1 : 0.02
    loss += share * (critic.loss - loss)
    realScore += share * (critic.realScore - realScore)
    fakeScore += share * (critic.fakeScore - fakeScore)
    magnitude += share * (abs(critic.loss) - magnitude)
    gradient += share * (generator.gradientNorm - gradient)
    guard count >= Self.firstIteration else { return [] }
    // What the messages say: they are made only when they are needed.
    let (loss, gradient) = (loss, gradient)
    smallestMagnitude = min(smallestMagnitude, magnitude)
    largestGradient = max(largestGradient, gradient)
    let largest = largestGradient
    let (real, fake) = (realScore, fakeScore)
    return [
      note(
        .criticWins,
        hasProbabilities && fake < Self.wonProbabilities.fake && real > Self.wonProbabilities.real,
        "the critic's loss is near its least (\(Self.short(loss))): it gives reals "
          + "\(Self.short(real)) and fakes \(Self.short(fake)), and little is left for the "
          + "generator to learn from; lower the critic's learning rate, smooth its labels, or take "
          + "a Wasserstein loss"),
      note(
        .explosion,
        magnitude > Self.explodedLoss && magnitude > Self.explosionFactor * smallestMagnitude,
        "the critic's loss explodes (\(Self.short(loss))): lower the learning rates, or take norm "
          + "layers out of the critic"),
      note(
        .vanishing, gradient < Self.vanishedShare * largestGradient,
        "the generator's gradient vanishes (norm \(Self.short(gradient)), it was "
          + "\(Self.short(largest))): it no longer learns"),
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
    let wasThere = present.contains(.collapse)
    let deviation = "their deviation is \(Self.short(diversity)) of the reals'"
    if let text = note(
      .collapse, diversity < Self.collapsedDiversity,
      "the samples are nearly all the same (\(deviation)): the generator has collapsed")
    {
      return .begins(text)
    }
    guard wasThere, !present.contains(.collapse) else { return nil }
    return .ends("the samples are no longer all the same (\(deviation))")
  }

  private mutating func note(
    _ failure: Failure, _ isThere: Bool, _ text: @autoclosure () -> String
  ) -> String? {
    guard isThere else {
      present.remove(failure)
      return nil
    }
    guard present.insert(failure).inserted else { return nil }
    return "\(text()): docs/troubleshooting.md#\(failure.rawValue)"
  }

  private static func short(_ value: Double) -> String {
    let rounded = (value * 1e4).rounded() / 1e4
    return rounded == 0 ? "\(value)" : "\(rounded)"
  }
}
