import Benchmarks
import Collectives
import Configuration
import Recipe
import RunSupport
import TestSupport
import Testing
import Training

/// The shares that `bench` tells apart, and the networks it makes itself.
@Suite struct BenchmarkTests {
  /// Layers for every size, and images of that size.
  @Test func imageSizesAreTheNetworks() throws {
    for pixels in [8, 24, 64] {
      var document = try ConfigurationDocument.imageSize(pixels)
      try document.override("width=4")
      let model = try RunConfiguration(document).makeModel(communicator: SoloCommunicator())
      #expect("\(model.generator.outputShape)" == "3x\(pixels)x\(pixels)")
      #expect(model.critic.outputShape.elementCount == 1)
    }
    #expect(!ConfigurationDocument.allowsImageSize(12) && !ConfigurationDocument.allowsImageSize(0))
  }

  /// The default system's exchanges, counted while it runs, and the shares.
  @Test(arguments: [1, 2, 4]) func sharesAddUp(ranks: Int) throws {
    let results = try ThreadedCommunicator.run(ranks: ranks) { communicator in
      var document = try ConfigurationDocument.named(nil)
      for setting in ["width=2", "training.batch=16", "training.criticSteps=2"] {
        try document.override(setting)
      }
      return try Benchmark(RunConfiguration(document), communicator: communicator)
        .run(warmUp: 0, iterations: 1, measured: 2)
    }
    for result in results {
      let shares = [result.computeShare, result.exchangeShare, result.waitingShare].map { $0 ?? -1 }
      #expect(abs(shares.reduce(0, +) - 1) < 1e-9 && shares.allSatisfy { (0...1).contains($0) })
      #expect(ranks > 1 ? shares[1] > 0 && shares[2] > 0 : shares == [1, 0, 0], "\(shares)")
      // All ranks say the same, as it is of all of them.
      #expect(result.computeShare == results[0].computeShare)
      let calls = { (kind: ExchangeTiming.Kind) in
        result.exchanges.filter { $0.kind == kind }.reduce(0) { $0 + $1.callsPerIteration }
      }
      // A critic step: three batch norms of the generator, and the losses. The generator's: those
      // forward and back. Each step: the gradient's norm, of which one rank has all parts.
      #expect(calls(.smallSum) == 2 * (3 + 1) + 6 + 1)
      #expect(calls(.gather) == (ranks > 1 ? 3 : 0))
      #expect(calls(.sum) == 3)
      #expect(result.exchanges.allSatisfy { $0.medianSeconds >= 0 && $0.bytes > 0 })
    }
  }

  @Test func nothingIsMeasuredUnlessAsked() throws {
    var document = try ConfigurationDocument.named(nil)
    for setting in ["width=2", "training.batch=16"] { try document.override(setting) }
    let result = try Benchmark(RunConfiguration(document), communicator: SoloCommunicator())
      .run(warmUp: 0, iterations: 1)
    #expect(result.computeShare == nil && result.exchangeShare == nil && result.waitingShare == nil)
    #expect(result.exchanges.isEmpty && result.width == 2 && result.image == "1x28x28")
  }
}
