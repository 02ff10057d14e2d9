import Base
import Foundation

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
}
