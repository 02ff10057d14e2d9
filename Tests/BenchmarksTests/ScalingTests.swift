import Benchmarks
import Collectives
import Configuration
import Foundation
import Recipe
import RunSupport
import Runs
import TestSupport
import Testing
import Training

/// What `bench --scaling` plans and makes of its results, and the shares that `bench` tells apart.
@Suite struct ScalingTests {
  static func plan(
    _ request: ScalingPlan.Request = .init(), batch: Int = 64, shards: Int = 8, width: Int? = 16,
    cores: Int = 2
  ) throws -> ScalingPlan {
    try ScalingPlan(request, batch: batch, shards: shards, width: width, cores: cores)
  }

  @Test func defaultsVaryOneThingAtATime() throws {
    let plan = try Self.plan()
    let values = ScalingAxis.allCases.map { axis in
      plan.points.filter { $0.axis == axis }.map { [$0.job.ranks, $0.value] }
    }
    #expect(values[0] == [[1, 1], [2, 2], [4, 4], [8, 8]])
    #expect(values[1] == [1, 2].flatMap { ranks in [16, 32, 64, 128].map { [ranks, $0] } })
    #expect(values[2] == [1, 2].flatMap { ranks in [4, 8, 16].map { [ranks, $0] } })
    #expect(values[3] == [1, 2].flatMap { ranks in [16, 32, 64].map { [ranks, $0] } })
    // The configuration as it is belongs to three axes and runs once a number of ranks.
    #expect(plan.jobs.filter { $0.overrides.isEmpty && $0.imageSize == nil }.count == 4)
    #expect(plan.jobs.count == 4 + 2 * 3 + 2 * 2 + 2 * 3)
    #expect(plan.jobs.contains(ScalingJob(ranks: 2, overrides: ["training.batch=16"])))
    #expect(plan.jobs.contains(ScalingJob(ranks: 1, overrides: ["width=4"])))
    #expect(plan.jobs.contains(ScalingJob(ranks: 2, imageSize: 64)))
  }

  @Test func requestsAreTaken() throws {
    var request = ScalingPlan.Request()
    request.ranks = [6, 3]
    request.batches = []
    request.imageSizes = [24]
    let plan = try Self.plan(request, shards: 6, width: nil, cores: 4)
    #expect(plan.points.map(\.value) == [3, 6, 24, 24])
    #expect(plan.points.map(\.job.ranks) == [3, 6, 1, 3])
    // One core: nothing but 1 rank beside the axis of ranks; a tiny batch stays above the shards.
    let small = try Self.plan(batch: 12, cores: 1)
    #expect(small.points.filter { $0.axis == .batch }.map(\.value) == [12, 24])
    #expect(small.points.filter { $0.axis != .ranks }.allSatisfy { $0.job.ranks == 1 })
  }

  @Test func whatCannotBeIsRefused() {
    func message(_ change: (inout ScalingPlan.Request) -> Void, width: Int? = 16) -> String {
      var request = ScalingPlan.Request()
      change(&request)
      do {
        _ = try Self.plan(request, width: width)
        return ""
      } catch { return "\(error)" }
    }
    #expect(message { $0.ranks = [1, 3] }.contains("3 ranks") == true)
    #expect(message { $0.ranks = [1, 3] }.contains("1, 2, 4, 8"))
    #expect(message { $0.batches = [64, 7] }.contains("7 is below training.shards = 8"))
    #expect(message({ $0.widths = [8] }, width: nil).contains("no 'width'"))
    #expect(message { $0.ranks = [1, 8] }.isEmpty)
  }

  static func result(
    ranks: Int = 1, batch: Int = 64, seconds: Double, shares: [Double]? = [0.8, 0.15, 0.05]
  ) throws -> BenchmarkResult {
    let partsOfTime =
      shares.map {
        "\"computeShare\": \($0[0]), \"exchangeShare\": \($0[1]), \"waitingShare\": \($0[2]),"
      } ?? ""
    let json = """
      {"name": "tiny", "ranks": \(ranks), "threads": 1, "shards": 8, "batch": \(batch), "width": 16,
       "image": "1x28x28", "iterations": 2, "medianSeconds": \(seconds),
       "minSeconds": \(seconds * 0.5),
       "maxSeconds": \(seconds * 2), "imagesPerSecond": \(Double(batch) / seconds),
       "directGFLOPPerSecond": \(10 / seconds), "directGFLOPPerIteration": 10,
       "collectiveShare": 0.2,
       \(partsOfTime)
       "exchanges": [], "exchange": "flat", "peakMegabytesPerRank": \(100 + seconds),
       "kernels": "AVX2", "mpi": "none"}
      """
    return try JSONDecoder().decode(BenchmarkResult.self, from: Data(json.utf8))
  }

  static func results(_ points: [(ScalingAxis, Int, BenchmarkResult)]) -> ScalingResults {
    ScalingResults(
      environment: RunEnvironment(version: "0", threads: 1, communicator: SoloCommunicator()),
      cores: 2,
      points: points.map {
        .init(axis: $0.0, value: $0.1, roundSeconds: [$0.2.medianSeconds], result: $0.2)
      })
  }

  @Test func roundsAreCombinedByMedians() throws {
    let combined = BenchmarkResult.combined([
      try Self.result(seconds: 4, shares: [0.7, 0.1, 0.2]),
      try Self.result(seconds: 1, shares: [0.5, 0.3, 0.2]),
      try Self.result(seconds: 2, shares: [0.9, 0.05, 0.05]),
    ])
    #expect(combined.medianSeconds == 2 && combined.minSeconds == 0.5 && combined.maxSeconds == 8)
    #expect(combined.imagesPerSecond == 32 && combined.directGFLOPPerSecond == 5)
    #expect(combined.peakMegabytesPerRank == 104 && combined.iterations == 6)
    #expect(combined.exchangeShare == 0.1 && combined.waitingShare == 0.2)
    #expect(abs((combined.computeShare ?? 0) - 0.7) < 1e-12)
    let two = BenchmarkResult.combined([
      try Self.result(seconds: 1, shares: nil), try Self.result(seconds: 3, shares: nil),
    ])
    #expect(two.medianSeconds == 2 && two.imagesPerSecond == 32 && two.computeShare == nil)
  }

  @Test func tablesHaveARowAPoint() throws {
    let results = Self.results([
      (.ranks, 2, try Self.result(ranks: 2, seconds: 0.5)),
      (.ranks, 1, try Self.result(seconds: 0.8, shares: [1, 0, 0])),
      (.batch, 128, try Self.result(batch: 128, seconds: 1.6, shares: nil)),
    ])
    let lines = results.markdown.components(separatedBy: "\n")
    #expect(lines.count == 2 + 4 + 1 + 2 + 3)
    #expect(lines[0] == "By ranks (tiny, 1x28x28, width 16, batch 64):")
    #expect(
      lines[4] == "| 1 | 0.8000 | 0.4000 | 1.6000 | 80.0 | 12.5 | 1.00 | 100.0 | 0.0 | 0.0 | 101 |")
    #expect(
      lines[5] == "| 2 | 0.5000 | 0.2500 | 1.0000 | 128.0 | 20.0 | 1.60 | 80.0 | 15.0 | 5.0 | 100 |"
    )
    #expect(lines[7] == "By batch (tiny, 1x28x28, width 16):")
    #expect(
      lines[11] == "| 128 | 1 | 1.6000 | 0.8000 | 3.2000 | 80.0 | 6.2 | 1.00 |  |  |  | 102 |")
    // Every row has as many cells as its head.
    for group in [lines[2...5], lines[9...11]] {
      #expect(Set(group.map { $0.count { $0 == "|" } }).count == 1)
    }
    #expect(try results.plot().height > 2 * 200)
  }

  @Test func resultsAreReadBack() throws {
    let path = NSTemporaryDirectory() + "scaling-\(UUID().uuidString).json"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let results = Self.results([(.ranks, 1, try Self.result(seconds: 0.8))])
    try results.json.write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try ScalingResults(path: path).markdown == results.markdown)
    try "{\"points\": 3}".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(throws: TrainingError.self) { try ScalingResults(path: path) }
    do { _ = try ScalingResults(path: path) } catch {
      #expect("\(error)".hasPrefix(path) && !"\(error)".contains("\n"))
    }
  }

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
      #expect(calls(.gather) == 2 * (3 + 1) + 6 + 1 + (ranks > 1 ? 3 : 0))
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
