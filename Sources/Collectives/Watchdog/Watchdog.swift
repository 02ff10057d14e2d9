import Base
import Foundation
import Synchronization

/// Ends a job in which a rank does not come, or does not move while the run begins.
///
/// A thread on each rank looks at what the rank waits for. Where a wait is longer than the timeout,
/// the rank says in which exchange of which step it is, rank 0 says who is missing (who is in no
/// exchange, or has given no sign of life), and the process ends with `status`, upon which the
/// launcher ends the others. MPI itself would wait for ever.
///
/// While configuration and data are opened the others wait for as long as that takes: data may be
/// large. There, and until the first iteration, a rank is watched by itself: where it waits for
/// nobody and its threads take no time of the processor for as long as the timeout, a file system
/// does not answer. What stops the whole process (a batch system that suspends a job) is no wait.
///
/// Signs of life go from each rank to rank 0 by UDP, and back. Where a firewall stops them the end
/// comes all the same; only who is missing is not known then, and that is said.
package final class Watchdog: Sendable {
  /// The exit status: `EX_IOERR` of sysexits.h.
  package static let status: Int32 = 74

  private let stop = Atomic<Bool>(false)

  /// Starts to watch; to be called by all ranks.
  ///
  /// - Parameters:
  ///   - communicator: The ranks.
  ///   - timeout: Seconds; at least the time of twenty iterations is waited in any case.
  ///   - lastWords: Takes the reason before the end, on a thread of its own that is waited for for
  ///     a second: a file system may not answer. On rank 0, and on the others where that gives no
  ///     sign of life.
  ///   - end: What ends the process; tests take note instead.
  /// - Throws: On all ranks, where one cannot have a thread or a socket.
  package init(
    _ communicator: any Communicator, timeout: Double,
    lastWords: @escaping @Sendable (String) -> Void = { _ in },
    end: @escaping @Sendable (Int32) -> Void = { _exit($0) }
  ) throws {
    let (rank, size) = (communicator.rank, communicator.size)
    let socket = try communicator.agree { size > 1 ? try LifeSignSocket() : nil }
    let host = ProcessInfo.processInfo.hostName
    let addresses = rank == 0 ? LifeSignSocket.ownAddresses : []
    let names = try communicator.gather(
      (["\(host)", "\(socket?.port ?? 0)"] + addresses).joined(separator: " "))
    var token = UInt64.random(in: .min ... .max)
    try withUnsafeMutableBytes(of: &token) { try communicator.broadcast($0, from: 0) }
    let words = names.map { $0.split(separator: " ").map(String.init) }
    let port = words[0].count > 1 ? UInt16(words[0][1]) ?? 0 : 0
    let guardian = Guardian(
      rank: rank, hosts: words.map { $0.first ?? "?" }, timeout: timeout, token: token,
      socket: socket,
      places: rank == 0
        ? [] : words[0].dropFirst(2).compactMap { LifeSignSocket.place($0, port: port) },
      lastWords: lastWords, end: end)
    try communicator.agree {
      try PosixThread.start(name: "watchdog") { [weak self] in
        while self?.stop.load(ordering: .relaxed) == false { guardian.look() }
      }
    }
  }

  /// The share of the processor's time below which a process does not move: a lease's beat takes
  /// less, reading a megabyte a second more.
  package static let leastMotion = 1e-4

  /// Seconds of waiting after which a job has stalled.
  ///
  /// Not twenty times the slowest iteration: where a cable has held up one for four seconds, a rank
  /// that is gone would be waited for for 80.
  ///
  /// - Parameters:
  ///   - timeout: The least.
  ///   - mean: Of an iteration.
  ///   - slowest: The slowest iteration so far.
  /// - Returns: Seconds.
  package static func patience(timeout: Double, mean: Double, slowest: Double) -> Double {
    max(timeout, 20 * mean, 2 * slowest)
  }

  /// Ends to watch.
  package func cancel() { stop.store(true, ordering: .relaxed) }

  deinit { cancel() }
}

/// What the watching thread does, as `StallWatch` decides.
private final class Guardian: @unchecked Sendable {
  private let rank: Int
  private let timeout: Double
  private let token: UInt64
  private let socket: LifeSignSocket?
  private let lastWords: @Sendable (String) -> Void
  private let end: @Sendable (Int32) -> Void
  /// Where rank 0 may be reached; one place as soon as it has answered.
  private var places: [sockaddr_in]
  private var watch: StallWatch

  init(
    rank: Int, hosts: [String], timeout: Double, token: UInt64, socket: LifeSignSocket?,
    places: [sockaddr_in], lastWords: @escaping @Sendable (String) -> Void,
    end: @escaping @Sendable (Int32) -> Void
  ) {
    self.rank = rank
    self.timeout = timeout
    self.token = token
    self.socket = socket
    self.places = places
    self.lastWords = lastWords
    self.end = end
    watch = StallWatch(rank: rank, hosts: hosts, timeout: timeout, now: monotonicSeconds())
  }

  /// One look: says that this rank lives, hears who else does, and judges.
  func look() {
    let own = Activity.snapshot
    perform(
      watch.look(
        StallWatch.Moment(
          now: monotonicSeconds(), processor: ProcessorTime.exceptThisThread,
          limit: Watchdog.patience(
            timeout: timeout, mean: Activity.meanIteration, slowest: Activity.slowestIteration),
          activity: own, callName: own.isWaiting ? Activity.callName : "")))
    if let sign = watch.dueSign() {
      for place in places { socket?.send(LifeSign(token: token, sign: sign), to: place) }
    }
    let pause = min(watch.interval, 0.25)
    if let socket {
      socket.wait(pause)
      while let (sign, from) = socket.receive(token: token) {
        if let answer = watch.hear(sign) {
          socket.send(LifeSign(token: token, sign: answer), to: from)
        } else if places.count > 1 {
          places = [from]
        }
      }
    } else {
      usleep(UInt32(pause * 1e6))
    }
    perform(watch.judge())
  }

  private func perform(_ deeds: [StallWatch.Deed]) {
    for deed in deeds {
      switch deed {
      case .complain(let text): Messages.error(text, everyRank: true, isLogged: false)
      case .announce(let text, let everyRank):
        Messages.error(
          "\(text); it ends with status \(Watchdog.status), the same command with --continue goes "
            + "on from the last checkpoint", everyRank: everyRank, isLogged: false)
        leave(text)
      case .leave(let text): leave(text, after: rank)
      case .end: end(Watchdog.status)
      }
    }
  }

  /// Gives the reason to `lastWords`, and waits a second for it.
  ///
  /// - Parameters:
  ///   - text: The reason.
  ///   - turn: Of ranks that say the same the first leaves it to be found by the others.
  private func leave(_ text: String, after turn: Int = 0) {
    let isSaid = DispatchSemaphore(value: 0)
    let lastWords = lastWords
    do {
      try PosixThread.start(name: "last words") {
        usleep(UInt32(min(turn, 16) * 20_000))
        lastWords(text)
        Messages.logError(text)
        isSaid.signal()
      }
    } catch { return }
    _ = isSaid.wait(timeout: .now() + 1)
  }
}
