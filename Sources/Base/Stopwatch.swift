import Foundation

/// Seconds since the machine started, unaffected by changes of the date.
package func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// The seconds that `body` takes.
package func secondsTaken(by body: () throws -> Void) rethrows -> Double {
  let begin = monotonicSeconds()
  try body()
  return monotonicSeconds() - begin
}
