import Configuration
import Training

/// Every so many epochs, iterations or minutes: `5 epochs`, `1 epoch`, `200 iterations`,
/// `10 minutes`, `never`.
package enum Interval: Equatable, Sendable {
  case epochs(Int)
  case iterations(Int)
  /// Of time on rank 0's clock: for what changes no bit.
  case minutes(Int)
  case never

  /// - Throws: `ConfigurationError` where the text is no interval, or one of time where that is not
  ///   allowed.
  init(
    _ section: ConfigurationReader, key: String, default text: String, allowsTime: Bool = false
  ) throws {
    let found = try section.string(key, default: text)
    let words = found.split(separator: " ")
    let number = words.count == 2 ? Int(words[0]).flatMap { $0 > 0 ? $0 : nil } : nil
    switch (number, words.last) {
    case (nil, "never") where words.count == 1: self = .never
    case (let number?, "epochs"), (let number?, "epoch"): self = .epochs(number)
    case (let number?, "iterations"), (let number?, "iteration"): self = .iterations(number)
    case (let number?, "minutes") where allowsTime, (let number?, "minute") where allowsTime:
      self = .minutes(number)
    default:
      throw section.fail(
        key,
        "expected such as '5 epochs', '200 iterations'\(allowsTime ? ", '10 minutes'" : "") or "
          + "'never', found '\(found)'")
    }
  }

  /// As a configuration writes it.
  package var text: String {
    switch self {
    case .never: "never"
    case .epochs(let number): "\(number) epoch\(number == 1 ? "" : "s")"
    case .iterations(let number): "\(number) iteration\(number == 1 ? "" : "s")"
    case .minutes(let number): "\(number) minute\(number == 1 ? "" : "s")"
    }
  }

  /// The length of an interval of time, nil for all others.
  package var seconds: Double? {
    if case .minutes(let number) = self { Double(number) * 60 } else { nil }
  }

  /// Whether it falls due when `iteration` iterations are done.
  ///
  /// An epoch ends with the iteration that takes its last batch. One of time never does: see
  /// `seconds`.
  package func isDue(afterIteration iteration: Int, schedule: Schedule) -> Bool {
    switch self {
    case .never, .minutes: return false
    case .iterations(let number): return iteration % number == 0
    case .epochs(let number):
      // Compared by quotients: an iteration may end more than one epoch.
      return schedule.epochsDone(afterIteration: iteration) / number
        > schedule.epochsDone(afterIteration: iteration - 1) / number
    }
  }
}
