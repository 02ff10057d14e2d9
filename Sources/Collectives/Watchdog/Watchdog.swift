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

/// The watching thread's own state.
private final class Guardian: @unchecked Sendable {
  /// Intervals without a sign of life after which a rank is said to give none.
  private static let missedSigns = 4.0

  private struct Peer {
    var activity = Activity.Snapshot()
    /// On `monotonicSeconds()`; nil before the first.
    var lastSeen: Double?
  }

  private let rank: Int
  private let hosts: [String]
  private let timeout: Double
  private let token: UInt64
  private let socket: LifeSignSocket?
  private let lastWords: @Sendable (String) -> Void
  private let end: @Sendable (Int32) -> Void
  private let interval: Double
  /// Where rank 0 may be reached; one place as soon as it has answered.
  private var places: [sockaddr_in]
  /// On rank 0 all ranks, elsewhere rank 0 alone.
  private var peers: [Peer]
  private let begin = monotonicSeconds()
  private var nextSign = 0.0
  private var stalledSince: Double?
  private var hasSpoken = false
  private var lastLook = monotonicSeconds()
  /// When this process began to run, or was last stopped as a whole and went on.
  private var runningSince = monotonicSeconds()
  /// When the process last moved, and the seconds of the processor that it had taken.
  private var motion = (at: monotonicSeconds(), processor: 0.0)

  init(
    rank: Int, hosts: [String], timeout: Double, token: UInt64, socket: LifeSignSocket?,
    places: [sockaddr_in], lastWords: @escaping @Sendable (String) -> Void,
    end: @escaping @Sendable (Int32) -> Void
  ) {
    self.rank = rank
    self.hosts = hosts
    self.timeout = timeout
    self.token = token
    self.socket = socket
    self.places = places
    self.lastWords = lastWords
    self.end = end
    interval = min(5, max(0.1, timeout / 20))
    peers = [Peer](repeating: Peer(), count: rank == 0 ? hosts.count : 1)
  }

  /// One look: says that this rank lives, hears who else does, and judges.
  func look() {
    let own = Activity.snapshot
    let limit = Watchdog.patience(
      timeout: timeout, mean: Activity.meanIteration, slowest: Activity.slowestIteration)
    let now = monotonicSeconds()
    // Whoever has not looked for so long has been stopped itself.
    if now - lastLook > limit / 2 {
      runningSince = now
      motion.at = now
    }
    lastLook = now
    requireMotion(own, limit: limit, now: now)
    let isStalled = !own.isOpening && min(own.waitingSeconds, now - runningSince) > limit
    if now >= nextSign {
      nextSign = now + interval
      var sign = LifeSign(token: token, rank: UInt32(rank), activity: own)
      sign.isStalled = isStalled ? 1 : 0
      for place in places { socket?.send(sign, to: place) }
    }
    var isAnyStalled = isStalled
    if let socket {
      socket.wait(min(interval, 0.25))
      while let (sign, from) = socket.receive(token: token) {
        let index = rank == 0 ? Int(sign.rank) : 0
        guard index < peers.count else { continue }
        peers[index] = Peer(activity: sign.activity, lastSeen: now)
        if sign.isStalled != 0 { isAnyStalled = true }
        if rank == 0 {
          socket.send(LifeSign(token: token, activity: own), to: from)
        } else if places.count > 1 {
          places = [from]
        }
      }
    } else {
      usleep(UInt32(min(interval, 0.25) * 1e6))
    }
    judge(own, isStalled: isStalled, isAnyStalled: isAnyStalled, now: now)
  }

  /// Ends the process where the run begins and nothing has moved for so long.
  private func requireMotion(_ own: Activity.Snapshot, limit: Double, now: Double) {
    let processor = Self.processorSeconds
    let seconds = now - motion.at
    guard own.isBeginning, !own.isWaiting,
      processor - motion.processor < max(1e-3, Watchdog.leastMotion * seconds)
    else {
      motion = (now, processor)
      return
    }
    guard seconds > limit else { return }
    announce(
      "the job has stalled; missing: rank \(rank) on \(hosts[rank]): has not moved for "
        + "\(self.seconds(seconds)) in \(own.place), perhaps a file system does not answer",
      everyRank: true)
    end(Watchdog.status)
  }

  /// What this process has taken of the processor, less this thread, in seconds.
  private static var processorSeconds: Double {
    func seconds(_ clock: clockid_t) -> Double {
      var time = timespec()
      clock_gettime(clock, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
    return seconds(CLOCK_PROCESS_CPUTIME_ID) - seconds(CLOCK_THREAD_CPUTIME_ID)
  }

  private func judge(
    _ own: Activity.Snapshot, isStalled: Bool, isAnyStalled: Bool, now: Double
  ) {
    guard isAnyStalled else {
      // Of others, rank 0 hears only now and then.
      if let since = stalledSince, rank != 0 || now - since > 3 * interval { stalledSince = nil }
      return
    }
    let since = stalledSince ?? now
    stalledSince = since
    if isStalled && !hasSpoken {
      hasSpoken = true
      Messages.error(complaint(own), everyRank: true, isLogged: false)
    }
    // A moment for the others' lines, and for their signs to reach rank 0, who names the missing.
    let grace = max(1, 2 * interval)
    guard now - since >= (rank == 0 ? grace : 2 * grace) else { return }
    if rank == 0 {
      announce(verdict(own, now: now))
    } else if let silence = silence(of: 0, peers[0], now: now) {
      leave("the job has stalled; missing: \(silence)", after: rank)
    }
    end(Watchdog.status)
  }

  /// Says why the job ends, and leaves it to be found.
  private func announce(_ text: String, everyRank: Bool = false) {
    Messages.error(
      "\(text); it ends with status \(Watchdog.status), the same command with --continue goes on "
        + "from the last checkpoint", everyRank: everyRank, isLogged: false)
    leave(text)
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

  private func complaint(_ own: Activity.Snapshot) -> String {
    let silence = rank == 0 ? nil : silence(of: 0, peers[0], now: monotonicSeconds())
    return "rank \(rank) on \(hosts[rank]) has waited \(seconds(own.waitingSeconds)) in "
      + "\(Activity.callName), wait \(own.waits) of \(own.place)"
      + (silence.map { "; \($0)" } ?? "")
  }

  /// Who does not come.
  private func verdict(_ own: Activity.Snapshot, now: Double) -> String {
    var missing: [String] = []
    if !own.isWaiting { missing.append("rank 0 on \(hosts[0]): alive, in \(own.place)") }
    for (rank, peer) in peers.enumerated().dropFirst() {
      if let silence = silence(of: rank, peer, now: now) {
        missing.append(silence)
      } else if !peer.activity.isWaiting {
        missing.append("rank \(rank) on \(hosts[rank]): alive, in \(peer.activity.place)")
      }
    }
    let text =
      missing.isEmpty
      ? "nobody, all ranks are alive and wait for each other or for a file system"
      : missing.prefix(8).joined(separator: "; ")
        + (missing.count > 8 ? "; and \(missing.count - 8) more" : "")
    return "the job has stalled; missing: \(text)"
  }

  /// That a rank gives no sign of life; nil where it does.
  private func silence(of rank: Int, _ peer: Peer, now: Double) -> String? {
    guard let lastSeen = peer.lastSeen else {
      return "rank \(rank) on \(hosts[rank]): nothing heard in \(seconds(now - begin)), perhaps "
        + "because UDP does not pass between the machines"
    }
    guard now - lastSeen > Self.missedSigns * interval else { return nil }
    return "rank \(rank) on \(hosts[rank]): no sign of life for \(seconds(now - lastSeen)), last "
      + "seen in \(peer.activity.place)"
  }

  private func seconds(_ value: Double) -> String {
    value < 10 ? String(format: "%.1f s", value) : "\(Int(value)) s"
  }
}
