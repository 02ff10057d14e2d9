import Benchmarks
import Collectives
import TestSupport
import Testing

@Suite struct ScoreBenchmarkTests {
  @Test func everyRankHasTheSlowestOnesTimes() throws {
    let found = try ThreadedCommunicator.run(ranks: 2) { communicator in
      try ScoreBenchmark(samples: 30, features: 6, communicator: communicator, threads: 2).run()
    }
    #expect(found[0].map(\.name) == ["fid", "kid", "prdc", "wasserstein"])
    #expect(found[0].allSatisfy { $0.seconds > 0 && $0.seconds < 60 })
    #expect(found[0].map(\.seconds) == found[1].map(\.seconds))
    #expect(found[0].allSatisfy { $0.processorSeconds > 0 })
    #expect(found[0][0].work == "30 samples and reals of 6 features")
  }
}
