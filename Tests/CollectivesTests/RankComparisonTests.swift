import Collectives
import TestSupport
import Testing

/// Who differs from most, and what such ranks are called.
@Suite struct RankComparisonTests {
  @Test func theMajorityIsRight() {
    #expect(RankComparison([7, 7, 7]).isSame)
    let first = RankComparison([1, 7, 7, 7])
    #expect(first.odd == [0] && first.reference == 1)
    let two = RankComparison(["a", "b", "a", "c"])
    #expect(two.odd == [1, 3] && two.reference == 0)
    // Of two ranks neither is in the majority: rank 0 counts.
    let tie = RankComparison([[2.0], [1.0]])
    #expect(tie.odd == [1] && tie.reference == 0)
  }

  @Test func ranksAreListedByHost() {
    let hosts = RankHosts(["n1", "n1", "n2", "n2", "n2", "n3"])
    #expect(hosts.name(2) == "rank 2 on n2")
    #expect(hosts.list([1]) == "rank 1 on n1")
    #expect(hosts.list([2, 3, 4]) == "ranks 2-4 on n2")
    #expect(hosts.list([0, 2, 4, 5]) == "rank 0 on n1, ranks 2, 4 on n2 and rank 5 on n3")
    let many = RankHosts((0..<7).map { "n\($0)" })
    #expect(
      many.list(Array(0..<7))
        == "rank 0 on n0, rank 1 on n1, rank 2 on n2, rank 3 on n3 and 3 more hosts")
  }

  @Test func numbersComeInRankOrder() throws {
    let found = try ThreadedCommunicator.run(ranks: 3) { communicator in
      try communicator.gather([Double(communicator.rank), 5])
    }
    #expect(found.allSatisfy { $0 == [[0, 5], [1, 5], [2, 5]] })
  }
}
