import Foundation
import Synchronization

/// Threads that share the shards of a rank: a fork and join of a fixed team.
///
/// `DispatchQueue.concurrentPerform` costs 3-50 microseconds a call here; this pool's workers spin
/// for a moment and then sleep, so a training step's some hundred forks cost it little, and an idle
/// rank costs nothing. One thread runs the body itself and allocates nothing; with more, Swift
/// boxes the closure that crosses threads: one small allocation a fork.
package final class ThreadPool: Sendable {
  /// Threads that work, the calling one included.
  package let threads: Int
  private let team: Team

  /// Starts the threads beside the calling one.
  ///
  /// - Parameter threads: Threads that work, the calling one included.
  /// - Throws: `ThreadError` where the system refuses one of them.
  package init(threads: Int) throws(ThreadError) {
    precondition(threads > 0, "a pool of \(threads) threads")
    self.threads = threads
    let team = Team(threads: threads)
    self.team = team
    do throws(ThreadError) {
      for index in 1..<max(threads, 1) {
        // The worker holds the team, not the pool: the pool must be able to go, also before the
        // worker runs.
        try PosixThread.start(name: "shards \(index)", stackSize: 4 << 20) {
          team.work(as: index)
        }
      }
    } catch {
      team.stop()
      throw error
    }
  }

  deinit { team.stop() }

  /// Calls `body(index, thread)` once for each index in 0 ..< count and returns when all calls
  /// have.
  ///
  /// Thread `thread` takes neighbouring indices: index belongs to it if index * threads / count ==
  /// thread.
  package func forEach(_ count: Int, _ body: (_ index: Int, _ thread: Int) -> Void) {
    if threads == 1 || count == 1 {
      for index in 0..<count { body(index, 0) }
      return
    }
    withoutActuallyEscaping(body) { team.forEach(count, $0) }
  }
}

/// What the threads of a pool share.
private final class Team: @unchecked Sendable {
  typealias Body = (_ index: Int, _ thread: Int) -> Void

  /// How often a waiting thread looks before it gives its core away: some ten microseconds.
  private static let spins = 2000

  private let threads: Int
  private var body: Body?
  private var count = 0
  private let generation = Atomic<Int>(0)
  private let running = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private let stopping = Atomic<Bool>(false)
  private let condition = NSCondition()

  init(threads: Int) { self.threads = threads }

  /// Tells the workers to end; they let go of the team when they do.
  func stop() {
    stopping.store(true, ordering: .releasing)
    advance()
  }

  func forEach(_ count: Int, _ body: @escaping Body) {
    self.body = body
    self.count = count
    running.store(threads - 1, ordering: .relaxed)
    advance()
    share(of: 0, body)
    var spin = 0
    while running.load(ordering: .acquiring) > 0 {
      spin += 1
      if spin > Self.spins { sched_yield() }
    }
    self.body = nil
  }

  private func advance() {
    generation.add(1, ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
      condition.lock()
      condition.broadcast()
      condition.unlock()
    }
  }

  private func share(of thread: Int, _ body: Body) {
    let first = (thread * count + threads - 1) / threads
    let next = ((thread + 1) * count + threads - 1) / threads
    for index in first..<next { body(index, thread) }
  }

  /// A function of its own, so that its reference to the closure is gone when it returns: the
  /// caller of `forEach` may check that nobody holds the closure as soon as `running` is 0.
  @inline(never)
  private func takePart(as thread: Int) {
    if let body { share(of: thread, body) }
  }

  func work(as thread: Int) {
    var seen = 0
    while true {
      var spin = 0
      while generation.load(ordering: .acquiring) == seen {
        spin += 1
        if spin > Self.spins {
          condition.lock()
          sleepers.add(1, ordering: .sequentiallyConsistent)
          while generation.load(ordering: .sequentiallyConsistent) == seen { condition.wait() }
          sleepers.subtract(1, ordering: .sequentiallyConsistent)
          condition.unlock()
        }
      }
      seen += 1
      if stopping.load(ordering: .acquiring) { return }
      takePart(as: thread)
      running.subtract(1, ordering: .acquiringAndReleasing)
    }
  }
}
