import Base
import Foundation

/// What a watchdog decides, told of times and signs of life: it asks no clock and ends nothing.
package struct StallWatch {
  /// What is to be done after a decision.
  package enum Deed: Equatable, Sendable {
    /// Says on this rank that it waits too long.
    case complain(String)
    /// Says why the job ends, and leaves that to be found; on rank 0 alone or on any.
    case announce(String, everyRank: Bool)
    /// Leaves the reason to be found, where no rank before this one has.
    case leave(String)
    /// Ends the process.
    case end
  }

  /// A sign of life: what the watchdog of one rank tells that of another.
  package struct Sign: Sendable {
    /// Who gives it.
    package var rank: UInt32
    /// 1 where the sender has waited too long, else 0.
    package var isStalled: UInt32
    package var activity: Activity.Snapshot

    package init(rank: Int = 0, isStalled: Bool = false, activity: Activity.Snapshot = .init()) {
      self.rank = UInt32(rank)
      self.isStalled = isStalled ? 1 : 0
      self.activity = activity
    }
  }

  /// How things stand on this rank.
  package struct Moment: Sendable {
    /// On `monotonicSeconds()`.
    package var now: Double
    /// Seconds of the processor that this rank has taken, without the watchdog's thread.
    package var processor: Double
    /// Seconds of waiting that are too long: `Watchdog.patience`.
    package var limit: Double
    package var activity: Activity.Snapshot
    /// What it waits for.
    package var callName: String

    package init(
      now: Double, processor: Double, limit: Double, activity: Activity.Snapshot,
      callName: String = ""
    ) {
      self.now = now
      self.processor = processor
      self.limit = limit
      self.activity = activity
      self.callName = callName
    }
  }

  private struct Peer {
    var activity = Activity.Snapshot()
    /// On `monotonicSeconds()`; nil before the first.
    var lastSeen: Double?
  }

  /// Intervals without a sign of life after which a rank is said to give none.
  private static let missedSigns = 4.0
  /// Less of the processor's time is no motion, however short the look.
  private static let leastSeconds = 1e-3

  /// Seconds between two signs of life.
  package let interval: Double
  /// Whether this rank waits for too long.
  package private(set) var isStalled = false
  private var nextSign: Double
  private var isAnyStalled = false
  private let rank: Int
  private let hosts: [String]
  /// On rank 0 all ranks, elsewhere rank 0 alone.
  private var peers: [Peer]
  private let begin: Double
  private var moment: Moment
  private var stalledSince: Double?
  /// Looks since then.
  private var stalledLooks = 0
  /// Those whose last sign said that they wait for too long.
  private var stalledPeers: Set<Int> = []
  private var hasSpoken = false
  /// When this process began to run, or was last stopped as a whole and went on.
  private var runningSince: Double
  /// When the process last moved, and the seconds of the processor that it had taken.
  private var motion: (at: Double, processor: Double)

  /// - Parameters:
  ///   - rank: This rank.
  ///   - hosts: Of all ranks.
  ///   - timeout: What `Watchdog` was given.
  ///   - now: When it begins, on `monotonicSeconds()`.
  package init(rank: Int, hosts: [String], timeout: Double, now: Double) {
    self.rank = rank
    self.hosts = hosts
    interval = min(5, max(0.1, timeout / 20))
    peers = [Peer](repeating: Peer(), count: rank == 0 ? hosts.count : 1)
    begin = now
    nextSign = now
    moment = Moment(now: now, processor: 0, limit: timeout, activity: Activity.Snapshot())
    runningSince = now
    motion = (now, 0)
  }

  /// Looks at this rank by itself.
  package mutating func look(_ moment: Moment) -> [Deed] {
    let (own, now) = (moment.activity, moment.now)
    // Whoever has not looked for so long has been stopped itself.
    if now - self.moment.now > moment.limit / 2 {
      runningSince = now
      motion.at = now
    }
    self.moment = moment
    isStalled = !own.isOpening && min(own.waitingSeconds, now - runningSince) > moment.limit
    isAnyStalled = isStalled
    return requireMotion()
  }

  /// Ends the process where the run begins and nothing has moved for so long.
  private mutating func requireMotion() -> [Deed] {
    let seconds = moment.now - motion.at
    // Less than before: a child that was counted is gone.
    let taken = abs(moment.processor - motion.processor)
    guard moment.activity.isBeginning, !moment.activity.isWaiting,
      taken < max(Self.leastSeconds, Watchdog.leastMotion * seconds)
    else {
      motion = (moment.now, moment.processor)
      return []
    }
    guard seconds > moment.limit else { return [] }
    let text =
      "the job has stalled; missing: rank \(rank) on \(hosts[rank]): has not moved for "
      + "\(Self.text(seconds)) in \(moment.activity.place), perhaps a file system does not answer"
    return [.announce(text, everyRank: true), .end]
  }

  /// The sign that this rank owes rank 0 at the time of the last look: one an interval.
  ///
  /// - Returns: nil between two of them, and on rank 0, which answers only.
  package mutating func dueSign() -> Sign? {
    guard rank != 0, moment.now >= nextSign else { return nil }
    nextSign = moment.now + interval
    return Sign(rank: rank, isStalled: isStalled, activity: moment.activity)
  }

  /// Takes note of another rank's sign, at the time of the last look.
  ///
  /// - Parameter sign: Ranks other than 0 hear rank 0 only.
  /// - Returns: Rank 0's answer, by which the others see that it lives. That it stalls is no part
  ///   of it: who waits too long says so itself.
  package mutating func hear(_ sign: Sign) -> Sign? {
    let index = rank == 0 ? Int(sign.rank) : 0
    guard index < peers.count else { return nil }
    peers[index] = Peer(activity: sign.activity, lastSeen: moment.now)
    if sign.isStalled != 0 {
      isAnyStalled = true
      stalledPeers.insert(index)
    } else {
      stalledPeers.remove(index)
    }
    return rank == 0 ? Sign(rank: 0, activity: moment.activity) : nil
  }

  /// Decides upon the last look and what was heard since.
  package mutating func judge() -> [Deed] {
    let now = moment.now
    guard isAnyStalled else {
      // Of others, rank 0 hears only now and then; on a machine that is too busy, seldom.
      let patience = stalledPeers.isEmpty ? 3 * interval : moment.limit
      if let since = stalledSince, rank != 0 || now - since > patience { stalledSince = nil }
      return []
    }
    let since = stalledSince ?? now
    stalledLooks = stalledSince == nil ? 1 : stalledLooks + 1
    stalledSince = since
    var deeds: [Deed] = []
    if isStalled && !hasSpoken {
      hasSpoken = true
      deeds.append(.complain(complaint))
    }
    // A moment for the others' lines, and for their signs to reach rank 0, who names the missing.
    let grace = max(1, 2 * interval)
    guard now - since >= (rank == 0 ? grace : 2 * grace) else { return deeds }
    // Where this thread gets its turn seldom, rank 0 has heard of it once or never so far.
    guard rank == 0 || stalledLooks > 2 else { return deeds }
    if rank == 0 {
      deeds.append(.announce(verdict, everyRank: false))
    } else if let silence = silence(of: 0, peers[0]) {
      deeds.append(.leave("the job has stalled; missing: \(silence)"))
    }
    return deeds + [.end]
  }

  private var complaint: String {
    let silence = rank == 0 ? nil : silence(of: 0, peers[0])
    let own = moment.activity
    return "rank \(rank) on \(hosts[rank]) has waited \(Self.text(own.waitingSeconds)) in "
      + "\(moment.callName), wait \(own.waits) of \(own.place)"
      + (silence.map { "; \($0)" } ?? "")
  }

  /// Who does not come.
  private var verdict: String {
    var missing: [String] = []
    if !moment.activity.isWaiting {
      missing.append("rank 0 on \(hosts[0]): alive, in \(moment.activity.place)")
    }
    for (rank, peer) in peers.enumerated().dropFirst() {
      if let silence = silence(of: rank, peer) {
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
  private func silence(of rank: Int, _ peer: Peer) -> String? {
    guard let lastSeen = peer.lastSeen else {
      return "rank \(rank) on \(hosts[rank]): nothing heard in \(Self.text(moment.now - begin)), "
        + "perhaps because UDP does not pass between the machines"
    }
    let seconds = moment.now - lastSeen
    guard seconds > Self.missedSigns * interval else { return nil }
    return "rank \(rank) on \(hosts[rank]): no sign of life for \(Self.text(seconds)), last seen "
      + "in \(peer.activity.place)"
  }

  private static func text(_ seconds: Double) -> String {
    seconds < 10 ? String(format: "%.1f s", seconds) : "\(Int(seconds)) s"
  }
}
