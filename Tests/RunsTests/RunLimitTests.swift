import Base
import Runs
import Testing

@Suite struct RunLimitTests {
  @Test(
    arguments: [
      ("90", 90), ("90s", 90), ("3h50m", 13_800), ("1d2h", 93_600), ("3:50:00", 13_800),
      ("50:00", 3000), ("1-02:00:00", 93_600), ("1-12", 129_600), ("10m", 600),
    ] as [(String, Double)])
  func durations(text: String, seconds: Double) throws {
    #expect(try RunLimit.seconds(text) == seconds)
  }

  @Test(
    arguments: ["", "soon", "0", "-5", "3h50", "h", "1:2:3:4", "1--2", "٣h", "1.5h", "9999999999"])
  func noDurations(text: String) {
    #expect(throws: (any Error).self) { try RunLimit.seconds(text) }
  }

  @Test func slurmTellsTheEnd() throws {
    let limit = try #require(
      RunLimit.current(nil, environment: ["SLURM_JOB_END_TIME": "1100"], now: 1000))
    #expect(abs(limit.end - monotonicSeconds() - 100) < 5)
    for environment in [[:], ["SLURM_JOB_END_TIME": "900"], ["SLURM_JOB_END_TIME": "never"]] {
      #expect(RunLimit.current(nil, environment: environment, now: 1000) == nil)
    }
    // The command line's word goes before.
    let own = try #require(
      RunLimit.current(10, environment: ["SLURM_JOB_END_TIME": "1100"], now: 1000))
    #expect(own.end - monotonicSeconds() < 11)
  }

  /// Twice the slowest iteration and checkpoint, and two seconds.
  @Test func theMarginIsMeasured() {
    var limit = RunLimit(end: 100)
    #expect(!limit.isOver(checkpointSeconds: 1, checkpointBytes: 0, now: 95.9))
    #expect(limit.isOver(checkpointSeconds: 1, checkpointBytes: 0, now: 96))
    limit.observe(iterationSeconds: 5)
    limit.observe(iterationSeconds: 3)
    #expect(!limit.isOver(checkpointSeconds: 1, checkpointBytes: 0, now: 85.9))
    #expect(limit.isOver(checkpointSeconds: 1, checkpointBytes: 0, now: 86))
    // Before the first checkpoint, from its size.
    #expect(limit.isOver(checkpointSeconds: 0, checkpointBytes: 200_000_000, now: 68))
    #expect(!limit.isOver(checkpointSeconds: 0, checkpointBytes: 200_000_000, now: 67.9))
  }
}
