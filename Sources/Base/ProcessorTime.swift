import Foundation
import Synchronization

/// Seconds that the processor has worked.
package enum ProcessorTime {
  private static let children = Mutex(Set<pid_t>())

  /// For this process, all its threads together.
  package static var process: Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }

  /// For the thread that asks.
  package static var thread: Double { seconds(CLOCK_THREAD_CPUTIME_ID) }

  /// For the child processes that this one waits for; less again as soon as one of them is gone.
  package static var waitedFor: Double {
    children.withLock { $0.reduce(0) { $0 + seconds(ofChild: $1) } }
  }

  /// For what the asking thread looks on at: all other threads of this process, and the children
  /// that they wait for.
  package static var exceptThisThread: Double { process - thread + waitedFor }

  /// Counts a child's time as this process's while `body` runs, which waits for it and must leave
  /// it to the caller to reap.
  package static func counting<Result>(child: pid_t, _ body: () throws -> Result) rethrows
    -> Result
  {
    children.withLock { _ = $0.insert(child) }
    defer { children.withLock { _ = $0.remove(child) } }
    return try body()
  }

  private static func seconds(ofChild child: pid_t) -> Double {
    var clock = clockid_t()
    return clock_getcpuclockid(child, &clock) == 0 ? seconds(clock) : 0
  }

  /// 0 for a clock that there is not.
  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    guard clock_gettime(clock, &time) == 0 else { return 0 }
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
