import Base
import Configuration
import Foundation
import Training

/// When a job has to be over, and how long before that training has to stop.
///
/// The margin is measured on the run itself: the iteration that is under way, the one that a look
/// comes too late for, and the checkpoint. Twice the slowest of each so far, since the next may be
/// slower than any before.
package struct RunLimit: Sendable {
  /// On `monotonicSeconds()`.
  package let end: Double
  private var slowestIteration = 0.0

  /// Seconds for what cannot be measured: the last pictures, the processes' end.
  private static let ending = 2.0
  /// Bytes a second that the first checkpoint is assumed to be written with.
  private static let assumedRate = 20e6

  package init(end: Double) { self.end = end }

  /// The limit of a job.
  ///
  /// - Parameters:
  ///   - limit: As the command line says it; nil for what the batch system says.
  ///   - environment: Of the process: `SLURM_JOB_END_TIME`, seconds since 1970, as Slurm sets it.
  ///   - now: Seconds since 1970.
  /// - Returns: nil where there is none.
  package static func current(
    _ limit: Double?,
    environment: [String: String] = ProcessInfo.processInfo.environment,
    now: Double = Date().timeIntervalSince1970
  ) -> RunLimit? {
    // Counted from here, the start of MPI behind us is a part of the margin.
    if let limit { return RunLimit(end: monotonicSeconds() + limit) }
    guard let end = environment["SLURM_JOB_END_TIME"].flatMap(Double.init), end > now else {
      return nil
    }
    return RunLimit(end: monotonicSeconds() + end - now)
  }

  /// Takes note of an iteration's seconds.
  package mutating func observe(iterationSeconds: Double) {
    slowestIteration = max(slowestIteration, iterationSeconds)
  }

  /// Whether there is no time left for another iteration and a checkpoint.
  ///
  /// - Parameters:
  ///   - checkpointSeconds: Of the slowest so far; 0 before the first.
  ///   - checkpointBytes: Of one.
  ///   - now: On `monotonicSeconds()`.
  /// - Returns: Whether to stop now.
  package func isOver(
    checkpointSeconds: Double, checkpointBytes: Int, now: Double = monotonicSeconds()
  ) -> Bool {
    let checkpoint =
      checkpointSeconds > 0 ? checkpointSeconds : Double(checkpointBytes) / Self.assumedRate
    return now + 2 * (slowestIteration + checkpoint) + Self.ending >= end
  }

  /// Seconds in a text as batch systems write them.
  ///
  /// - Parameter text: `3h50m`, `90s`, `1d2h`, `3:50:00`, `50:00`, `1-02:00:00` or seconds.
  /// - Returns: Seconds.
  /// - Throws: `TrainingError` for any other text, and for no time at all.
  package static func seconds(_ text: String) throws -> Double {
    let found = colons(text) ?? units(text)
    guard let found, found > 0, found < 1e9 else {
      throw TrainingError(
        "--time-limit \(quotedIfNeeded(text)): expected such as 3h50m, 90s, 3:50:00, 1-12:00:00 "
          + "or seconds")
    }
    return found
  }

  /// `1-02:03:04`, `03:04`, `90`.
  private static func colons(_ text: String) -> Double? {
    let halves = text.split(separator: "-", omittingEmptySubsequences: false)
    guard halves.count <= 2, let clock = halves.last else { return nil }
    let days = halves.count == 2 ? Int(halves[0]) : 0
    let fields = clock.split(separator: ":", omittingEmptySubsequences: false)
    guard let days, 1...3 ~= fields.count, text.allSatisfy(\.isASCII) else { return nil }
    var seconds = 0
    // Behind days come hours first: 1-12 is a day and a half.
    let missing = halves.count == 2 ? 3 - fields.count : 0
    for field in fields + [Substring](repeating: "0", count: missing) {
      guard field.allSatisfy(\.isNumber), let number = Int(field), number < 1_000_000_000 else {
        return nil
      }
      seconds = seconds * 60 + number
    }
    return Double(days) * 86_400 + Double(seconds)
  }

  /// `1d3h50m20s`.
  private static func units(_ text: String) -> Double? {
    let units: [Character: Double] = ["d": 86_400, "h": 3600, "m": 60, "s": 1]
    var (total, digits) = (0.0, "")
    for character in text {
      if character.isASCII && character.isNumber {
        digits.append(character)
      } else if let unit = units[character], let number = Double(digits) {
        total += number * unit
        digits = ""
      } else {
        return nil
      }
    }
    return digits.isEmpty && !text.isEmpty ? total : nil
  }
}
