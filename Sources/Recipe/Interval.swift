import Configuration
import Training

/// Every so many epochs or iterations: `5 epochs`, `1 epoch`, `200 iterations`, `never`.
package enum Interval: Equatable, Sendable {
  case epochs(Int)
  case iterations(Int)
  case never

  init(_ section: ConfigurationReader, key: String, default text: String) throws {
    let found = try section.string(key, default: text)
    let words = found.split(separator: " ")
    if found == "never" {
      self = .never
    } else if words.count == 2, let number = Int(words[0]), number > 0,
      words[1] == "epochs" || words[1] == "epoch"
    {
      self = .epochs(number)
    } else if words.count == 2, let number = Int(words[0]), number > 0,
      words[1] == "iterations" || words[1] == "iteration"
    {
      self = .iterations(number)
    } else {
      throw section.fail(
        key, "expected such as '5 epochs', '200 iterations' or 'never', found '\(found)'")
    }
  }

  /// As a configuration writes it.
  package var text: String {
    switch self {
    case .never: "never"
    case .epochs(let number): "\(number) epoch\(number == 1 ? "" : "s")"
    case .iterations(let number): "\(number) iteration\(number == 1 ? "" : "s")"
    }
  }

  /// Whether it falls due when `iteration` iterations are done.
  ///
  /// An epoch ends with the iteration that takes its last batch.
  package func isDue(afterIteration iteration: Int, schedule: Schedule) -> Bool {
    switch self {
    case .never: return false
    case .iterations(let number): return iteration % number == 0
    case .epochs(let number):
      // Compared by quotients: an iteration may end more than one epoch.
      return schedule.epochsDone(afterIteration: iteration) / number
        > schedule.epochsDone(afterIteration: iteration - 1) / number
    }
  }
}
