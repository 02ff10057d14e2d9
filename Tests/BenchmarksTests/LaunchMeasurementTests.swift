import Benchmarks
import Collectives
import Testing

/// How ranks of different speed are told.
@Suite struct LaunchMeasurementTests {
  private let hosts = RankHosts(["n1", "n1", "n2", "n2"])

  @Test func aSlowRankIsNamed() {
    let found = LaunchMeasurement.ranks([0.5, 0.52, 0.5, 0.8], hosts)
    #expect(
      found.value
        == "compute of an iteration 0.510 s (median); fastest rank 0 on n1 0.500 s, slowest rank 3 "
        + "on n2 0.800 s")
    #expect(
      found.notes == ["rank 3 on n2 takes 1.57 times as long as the median, and all wait for it"])
    #expect(found.obstacles.isEmpty)
  }

  @Test func ranksAlikeNeedNoNote() {
    #expect(LaunchMeasurement.ranks([0.5, 0.52, 0.5, 0.55], hosts).notes.isEmpty)
    #expect(LaunchMeasurement.ranks([0.5], RankHosts(["n1"])).value.hasPrefix("one, 0.500 s"))
  }

  /// Their median lies between them, and would hide half of the difference.
  @Test func ofTwoRanksOneIsCompared() {
    let found = LaunchMeasurement.ranks([0.5, 0.65], RankHosts(["n1", "n2"]))
    #expect(
      found.notes == ["rank 1 on n2 takes 1.30 times as long as the other, and all wait for it"])
  }
}
