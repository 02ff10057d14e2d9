import Base
import Collectives
import Testing

extension StallWatch {
  fileprivate mutating func hear(
    from sender: Int, _ activity: Activity.Snapshot, isStalled: Bool
  ) {
    _ = hear(Sign(rank: sender, isStalled: isStalled, activity: activity))
  }
}

/// What a watchdog decides, at times that the tests make up.
@Suite struct StallWatchTests {
  /// A watch with a timeout of 10 s, so an interval of 0.5 s and a grace of 1 s, and its clock.
  private struct Bench {
    var watch: StallWatch
    var now = 100.0
    var processor = 1.0
    var limit = 10.0

    init(rank: Int = 0, ranks: Int = 3) {
      watch = StallWatch(
        rank: rank, hosts: (0..<ranks).map { "host\($0)" }, timeout: 10, now: 100)
    }

    /// Looks and judges after so many seconds.
    mutating func look(
      after seconds: Double, _ activity: Activity.Snapshot, moving: Double = 0
    ) -> [StallWatch.Deed] {
      lookOnly(after: seconds, activity, moving: moving) + watch.judge()
    }

    mutating func lookOnly(
      after seconds: Double, _ activity: Activity.Snapshot, moving: Double = 0
    ) -> [StallWatch.Deed] {
      now += seconds
      processor += moving
      return watch.look(
        StallWatch.Moment(
          now: now, processor: processor, limit: limit, activity: activity,
          callName: "MPI_Waitall"))
    }

    /// Looks every second until something is decided; after how many, and what.
    mutating func first(
      within seconds: Int, _ activity: (_ second: Int) -> Activity.Snapshot, moving: Double = 0,
      hearing: (_ second: Int, inout StallWatch) -> Void = { _, _ in }
    ) -> (second: Int, deeds: [StallWatch.Deed])? {
      for second in 1...seconds {
        var deeds = lookOnly(after: 1, activity(second), moving: moving)
        hearing(second, &watch)
        deeds += watch.judge()
        if !deeds.isEmpty { return (second, deeds) }
      }
      return nil
    }
  }

  private static func at(
    _ phase: Activity.Phase, iteration: UInt32 = 0, step: UInt32 = 0, waiting: Double = -1
  ) -> Activity.Snapshot {
    var found = Activity.Snapshot()
    found.phase = phase.rawValue
    found.iteration = iteration
    found.step = step
    found.waits = 4
    found.waitingSeconds = waiting
    return found
  }

  /// Waiting in critic step 2 of iteration 7 since second 0.
  private static func waiting(_ second: Int) -> Activity.Snapshot {
    at(.criticStep, iteration: 7, step: 2, waiting: Double(second))
  }

  // MARK: - Starts

  @Test(arguments: [Activity.Phase.opening, .starting])
  func aStartThatStandsStillEnds(phase: Activity.Phase) {
    var bench = Bench(rank: 1)
    let own = Self.at(phase)
    // The first look finds what the processor took before.
    let found = bench.first(within: 30, { _ in own })
    #expect(found?.second == 12)
    #expect(
      found?.deeds == [
        .announce(
          "the job has stalled; missing: rank 1 on host1: has not moved for 11 s in \(own.place), "
            + "perhaps a file system does not answer", everyRank: true),
        .end,
      ])
  }

  @Test func motionCountsAnew() {
    var bench = Bench()
    let own = Self.at(.opening)
    #expect(bench.first(within: 9, { _ in own }) == nil)
    #expect(bench.look(after: 1, own, moving: 0.5).isEmpty)
    #expect(bench.first(within: 10, { _ in own }) == nil)
    #expect(bench.look(after: 1, own).count == 2)
  }

  /// A lease's beat is no motion, reading a megabyte a second is.
  @Test func littleMotion() {
    var beats = Bench()
    beats.limit = 100
    let least = Watchdog.leastMotion
    #expect(beats.first(within: 110, { _ in Self.at(.opening) }, moving: 0.9 * least) != nil)
    var reads = Bench()
    reads.limit = 100
    #expect(reads.first(within: 300, { _ in Self.at(.opening) }, moving: 1.1 * least) == nil)
    // Nor is less than a millisecond, with a short timeout.
    var short = Bench()
    short.limit = 3
    #expect(short.first(within: 6, { _ in Self.at(.opening) }, moving: 2 * least) != nil)
  }

  /// A child that was counted is gone, and its time with it.
  @Test func lessTimeThanBeforeIsMotion() {
    var bench = Bench()
    let own = Self.at(.opening)
    #expect(bench.look(after: 1, own, moving: 60).isEmpty)
    #expect(bench.first(within: 9, { _ in own }) == nil)
    #expect(bench.look(after: 1, own, moving: -60).isEmpty)
    #expect(bench.first(within: 10, { _ in own }) == nil)
  }

  /// A batch system that suspends a job stops all of it, this thread too.
  @Test(arguments: [5.1, 3600]) func aSuspendedStartCountsAnew(seconds: Double) {
    var bench = Bench()
    let own = Self.at(.opening)
    #expect(bench.first(within: 8, { _ in own }) == nil)
    #expect(bench.look(after: seconds, own).isEmpty)
    #expect(bench.first(within: 10, { _ in own }) == nil)
    #expect(bench.look(after: 1, own) != [])
  }

  /// Neither does it count anew for what a busy machine takes.
  @Test func aLateLookIsNoSuspension() {
    var bench = Bench()
    let own = Self.at(.opening)
    #expect(bench.first(within: 8, { _ in own }) == nil)
    #expect(bench.look(after: 4.9, own) != [])
  }

  /// The others wait for as long as rank 0 reads data.
  @Test func whoWaitsWhileDataAreOpenedIsNotStalled() {
    var bench = Bench(rank: 1)
    let found = bench.first(within: 3000, { Self.at(.opening, waiting: Double($0)) })
    #expect(found == nil && !bench.watch.isStalled)
  }

  /// Who stops the terminal's output does not lose the run.
  @Test func onlyAStartIsWatchedByItself() {
    for phase in [Activity.Phase.criticStep, .checkpoint, .pictures] {
      var bench = Bench()
      #expect(bench.first(within: 300, { _ in Self.at(phase, iteration: 1) }) == nil)
    }
  }

  // MARK: - Waits

  @Test func whoWaitsTooLongSaysSoOnceAndEnds() {
    var bench = Bench(rank: 1)
    for second in 1...10 {
      #expect(bench.look(after: 1, Self.waiting(second)).isEmpty)
      #expect(!bench.watch.isStalled)
    }
    let complaint =
      "rank 1 on host1 has waited 11 s in MPI_Waitall, wait 4 of critic step 2 of iteration 7"
    let zero = "rank 0 on host0: nothing heard in 11 s, perhaps because UDP does not pass between "
    #expect(
      bench.look(after: 1, Self.waiting(11))
        == [.complain("\(complaint); \(zero)the machines")])
    #expect(bench.watch.isStalled)
    // Rank 0's verdict comes first.
    #expect(bench.look(after: 1, Self.waiting(12)) == [])
    #expect(
      bench.look(after: 1, Self.waiting(13)) == [
        .leave(
          "the job has stalled; missing: rank 0 on host0: nothing heard in 13 s, perhaps because "
            + "UDP does not pass between the machines"), .end,
      ])
  }

  /// Rank 0, where it lives, has left the reason.
  @Test func theOthersLeaveItToRankZero() {
    var bench = Bench(rank: 2)
    var deeds: [StallWatch.Deed] = []
    for second in 1...13 {
      deeds += bench.lookOnly(after: 1, Self.waiting(second))
      bench.watch.hear(from: 0, Self.waiting(second), isStalled: false)
      deeds += bench.watch.judge()
    }
    #expect(
      deeds == [
        .complain(
          "rank 2 on host2 has waited 11 s in MPI_Waitall, wait 4 of critic step 2 of iteration 7"),
        .end,
      ])
  }

  /// A wait during which the job was suspended begins behind it.
  @Test func aSuspendedWaitCountsAnew() {
    var bench = Bench()
    #expect(bench.first(within: 8, Self.waiting) == nil)
    #expect(bench.look(after: 3600, Self.waiting(3608)).isEmpty)
    #expect(bench.first(within: 10, { Self.waiting(3608 + $0) }) == nil)
    #expect(!bench.watch.isStalled)
    #expect(bench.look(after: 1, Self.waiting(3619)) != [])
  }

  // MARK: - Who is named

  /// Rank 0's line, after it has heard of a stall for so long that it speaks.
  private func verdict(
    ranks: Int, of zero: (Int) -> Activity.Snapshot = StallWatchTests.waiting,
    hearing: (_ second: Int, inout StallWatch) -> Void
  ) -> String? {
    var bench = Bench(ranks: ranks)
    for second in 1...40 {
      var deeds = bench.lookOnly(after: 1, zero(second))
      hearing(second, &bench.watch)
      deeds += bench.watch.judge()
      for case .announce(let text, let everyRank) in deeds {
        #expect(!everyRank && deeds.last == .end)
        return text
      }
    }
    return nil
  }

  @Test func theMissingAreNamed() {
    // Rank 1 waits and says so, rank 2 computes, rank 3 falls silent, rank 4 was never heard.
    let text = verdict(ranks: 5) { second, watch in
      watch.hear(from: 1, Self.waiting(second), isStalled: second > 10)
      watch.hear(from: 2, Self.at(.generatorStep, iteration: 6), isStalled: false)
      // The interval is 0.5 s, so four of them are over by second 12.
      if second <= 9 {
        watch.hear(from: 3, Self.at(.scores, iteration: 6), isStalled: false)
      }
    }
    #expect(
      text == "the job has stalled; missing: rank 2 on host2: alive, in the generator step of "
        + "iteration 6; rank 3 on host3: no sign of life for 3.0 s, last seen in the scores after "
        + "iteration 6; rank 4 on host4: nothing heard in 12 s, perhaps because UDP does not pass "
        + "between the machines")
  }

  /// Four intervals without a sign may pass.
  @Test func aSignMayBeLate() {
    let text = verdict(ranks: 2) { second, watch in
      if second <= 10 { watch.hear(from: 1, Self.waiting(second), isStalled: false) }
    }
    #expect(
      text == "the job has stalled; missing: nobody, all ranks are alive and wait for each other "
        + "or for a file system")
  }

  /// More may not.
  @Test func aSignThatIsTooLateIsMissed() {
    var bench = Bench(ranks: 2)
    for second in 1...11 {
      _ = bench.lookOnly(after: 1, Self.waiting(second))
      bench.watch.hear(from: 1, Self.waiting(second), isStalled: false)
    }
    #expect(bench.watch.judge().count == 1)
    #expect(
      bench.look(after: 2.25, Self.waiting(13)).first
        == .announce(
          "the job has stalled; missing: rank 1 on host1: no sign of life for 2.2 s, last seen in "
            + "critic step 2 of iteration 7", everyRank: false))
  }

  /// Rank 0 itself may be who does not come.
  @Test func rankZeroIsNamed() {
    let text = verdict(
      ranks: 2, of: { _ in Self.at(.pictures, iteration: 3) },
      hearing: { second, watch in
        watch.hear(from: 1, Self.waiting(second), isStalled: second > 10)
      })
    #expect(
      text
        == "the job has stalled; missing: rank 0 on host0: alive, in the pictures after iteration 3"
    )
  }

  @Test func eightAreNamedAndTheRestCounted() {
    let text = verdict(ranks: 12) { _, watch in
      for rank in 1..<12 {
        watch.hear(from: rank, Self.at(.criticStep, iteration: 2, step: 1), isStalled: false)
      }
    }
    #expect(text?.contains("; rank 8 on host8: alive") == true)
    #expect(text?.contains("rank 9 on") == false)
    #expect(text?.hasSuffix("in critic step 1 of iteration 2; and 3 more") == true, "\(text ?? "")")
  }

  // MARK: - Stalls that end

  /// The others say so at their next sign only: rank 0 keeps it in mind for three intervals.
  @Test func rankZeroHearsNowAndThen() {
    var bench = Bench()
    func look(saying isStalled: Bool?) -> [StallWatch.Deed] {
      let deeds = bench.lookOnly(after: 0.25, Self.at(.criticStep, iteration: 1, step: 1))
      if let isStalled { bench.watch.hear(from: 1, Self.waiting(11), isStalled: isStalled) }
      return deeds + bench.watch.judge()
    }
    // A sign every second look: a second after the first the grace is over.
    var looks = 1
    while look(saying: looks % 2 == 1 ? true : nil).isEmpty && looks < 20 { looks += 1 }
    #expect(looks == 5)
  }

  /// On a machine that is too busy for the watching threads, signs are late.
  @Test func rankZeroKeepsItInMindUntilItHearsOtherwise() {
    var bench = Bench()
    func look(saying isStalled: Bool?) -> [StallWatch.Deed] {
      let deeds = bench.lookOnly(after: 0.25, Self.at(.scores, iteration: 1))
      if let isStalled { bench.watch.hear(from: 1, Self.waiting(11), isStalled: isStalled) }
      return deeds + bench.watch.judge()
    }
    #expect(look(saying: true).isEmpty)
    for _ in 0..<10 { #expect(look(saying: nil).isEmpty) }
    #expect(look(saying: true).last == .end)
  }

  /// Two seconds are over then, but not rank 0's.
  @Test func whoLooksSeldomLooksThreeTimes() {
    var bench = Bench(rank: 1)
    #expect(bench.first(within: 10, Self.waiting) == nil)
    #expect(bench.look(after: 1, Self.waiting(11)).count == 1)
    #expect(bench.look(after: 4, Self.waiting(15)).isEmpty)
    #expect(bench.look(after: 4, Self.waiting(19)).last == .end)
  }

  @Test func aStallThatHasEndedIsForgotten() {
    var bench = Bench()
    func look(saying isStalled: Bool) -> [StallWatch.Deed] {
      let deeds = bench.lookOnly(after: 0.25, Self.at(.criticStep, iteration: 1, step: 1))
      bench.watch.hear(from: 1, Self.waiting(11), isStalled: isStalled)
      return deeds + bench.watch.judge()
    }
    for _ in 0..<3 { #expect(look(saying: true).isEmpty) }
    // 0.5 s of stall, and as much of peace as rank 0 has to see.
    for _ in 0..<8 { #expect(look(saying: false).isEmpty) }
    for _ in 0..<4 { #expect(look(saying: true).isEmpty) }
    #expect(look(saying: true).last == .end)
    // The others know their own wait at once.
    var other = Bench(rank: 1)
    #expect(other.first(within: 10, Self.waiting) == nil)
    #expect(other.look(after: 1, Self.waiting(11)).count == 1)
    #expect(other.look(after: 1, Self.waiting(0)).isEmpty)
    #expect(other.look(after: 1, Self.waiting(11)).isEmpty)
    #expect(other.look(after: 1, Self.waiting(12)).isEmpty)
    #expect(other.look(after: 1, Self.waiting(13)).last == .end)
  }

  /// What is heard from nobody of this job is not kept.
  @Test func otherNumbersAreNoRanks() {
    var bench = Bench(ranks: 2)
    #expect(bench.lookOnly(after: 1, Self.at(.criticStep, iteration: 1)).isEmpty)
    bench.watch.hear(from: 2, Self.waiting(11), isStalled: true)
    #expect(bench.watch.judge().isEmpty)
    #expect(bench.look(after: 2, Self.at(.criticStep, iteration: 1)).isEmpty)
  }

  // MARK: - Signs of life

  @Test func signsComeEverySoOften() {
    let intervals = [0.5, 10, 600].map {
      StallWatch(rank: 0, hosts: ["a"], timeout: $0, now: 0).interval
    }
    #expect(intervals == [0.1, 0.5, 5])
    var bench = Bench(rank: 1)
    var times: [Double] = []
    for _ in 0..<20 {
      _ = bench.lookOnly(after: 0.25, Self.at(.criticStep, iteration: 1))
      if bench.watch.dueSign() != nil { times.append(bench.now - 100) }
      let second = bench.watch.dueSign()
      #expect(second == nil, "twice at one look")
    }
    #expect(times == (0..<10).map { 0.25 + 0.5 * Double($0) })
  }

  @Test func aSignSaysWhoWhereAndWhetherItWaitsTooLong() throws {
    var bench = Bench(rank: 2)
    for second in 1...12 {
      _ = bench.lookOnly(after: 1, Self.waiting(second))
      let due = bench.watch.dueSign()
      let sign = try #require(due)
      #expect(sign.rank == 2)
      #expect(sign.isStalled == (second > 10 ? 1 : 0))
      #expect(sign.activity.waitingSeconds == Double(second))
    }
  }

  /// Rank 0 sends by itself nothing, and answers the ranks that there are.
  @Test func rankZeroAnswers() throws {
    var zero = Bench(ranks: 2)
    for second in 1...12 { _ = zero.lookOnly(after: 1, Self.waiting(second)) }
    #expect(zero.watch.isStalled)
    let due = zero.watch.dueSign()
    #expect(due == nil)
    let heard = zero.watch.hear(StallWatch.Sign(rank: 1))
    let answer = try #require(heard)
    #expect(answer.rank == 0 && answer.isStalled == 0 && answer.activity.waitingSeconds == 12)
    let toNobody = zero.watch.hear(StallWatch.Sign(rank: 2))
    #expect(toNobody == nil)
    var other = Bench(rank: 1, ranks: 2)
    _ = other.lookOnly(after: 1, Self.waiting(1))
    let back = other.watch.hear(answer)
    #expect(back == nil)
  }

  /// Rank 0 hears by a sign alone that another waits for it, and that is its end.
  @Test func aSignBringsTheStallToRankZero() {
    var zero = Bench(ranks: 2)
    var other = Bench(rank: 1, ranks: 2)
    var deeds: [StallWatch.Deed] = []
    for second in 1...14 where deeds.isEmpty {
      _ = other.lookOnly(after: 1, Self.waiting(second))
      _ = zero.lookOnly(after: 1, Self.at(.checkpoint, iteration: 6))
      if let sign = other.watch.dueSign() { _ = zero.watch.hear(sign) }
      deeds = zero.watch.judge()
    }
    #expect(
      deeds == [
        .announce(
          "the job has stalled; missing: rank 0 on host0: alive, in the checkpoint after iteration "
            + "6", everyRank: false), .end,
      ])
  }
}
