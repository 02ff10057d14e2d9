import Configuration
import Foundation
import Testing

extension SystemTests {
  /// The command line itself.
  @Suite(.serialized) struct CommandTests {
    static let launches: [Int?] = [nil, 2]

    @Test func everyCommandHelps() throws {
      let commands = Program.commands
      try #require(Set(commands).isSuperset(of: ["train", "verify", "bench"]), "\(commands)")
      for arguments in [[]] + commands.map({ [$0] }) {
        let outcome = try Program.run(arguments + ["--help"])
        #expect(outcome.status == 0, "\(outcome)")
        #expect(
          outcome.output.contains("USAGE: wgangp-dist \(arguments.joined())"), "\(outcome)")
        #expect(outcome.errors.isEmpty, "\(outcome)")
        // Meant to be below 0.5 s; the bound leaves room for a busy machine.
        #expect(outcome.seconds < 2, "\(arguments): \(outcome.seconds) s")
      }
    }

    @Test(arguments: launches) func unknownCommandsAndOptions(ranks: Int?) throws {
      for arguments in [
        ["trian"], ["train", "--confg", "x.yaml"], ["bench", "--iterations", "0"],
        ["bench", "--scaling"],
        ["bench", "--image-size", "12"],
      ] {
        let outcome = try Program.run(arguments, ranks: ranks)
        #expect(outcome.status == 64, "\(outcome)")
        #expect(outcome.errorLines.count == 1, "\(outcome)")
        #expect(outcome.seconds < 10)
      }
    }

    @Test(arguments: launches) func doctorFindsThisMachineFit(ranks: Int?) throws {
      let outcome = try Program.run(["doctor"], ranks: ranks)
      #expect(outcome.status == 0, "\(outcome)")
      let lines = outcome.output.components(separatedBy: "\n")
      func expectLine(_ start: String, _ part: String) {
        let isThere = lines.contains { $0.hasPrefix(start) && $0.contains(part) }
        #expect(isThere, "\(start)\(part): \(outcome)")
      }
      #expect(lines[0].hasPrefix("processor     ") && lines[0].count > 14, "\(outcome)")
      expectLine("vector level  x86-64-v", "needed: x86-64-v3")
      expectLine("MPI           ", ranks == nil ? "one process, no MPI" : "Open MPI")
      expectLine("kernels       AVX", "the same bits")
      expectLine("BLAS          ", "bench --layers")
      expectLine("exchange      ", ranks == nil ? "none" : "flat (all ranks are on one node)")
      // A line a rank, in their order, each with the cores it may use.
      let bindings = lines.filter { $0.hasPrefix("  rank ") }
      #expect(bindings.count == ranks ?? 1, "\(outcome)")
      for (rank, line) in bindings.enumerated() {
        #expect(line.hasPrefix("  rank \(rank) on "), "\(outcome)")
        #expect(line.contains(": cores ") && !line.hasSuffix("unknown"), "\(outcome)")
      }
      // What it advises depends on the machine; that the build's own level is there does not.
      #expect(lines.contains("nothing is missing") || lines.contains("to look at"), "\(outcome)")
      #expect(!outcome.output.contains("the processor lacks"), "\(outcome)")
      #expect(!outcome.output.contains("mpirun is not in PATH"), "\(outcome)")
    }

    @Test(arguments: launches) func benchAsJSON(ranks: Int?) throws {
      let outcome = try Program.run(
        ["bench", "--json", "--iterations", "2", "--warmup", "1", "width=4"], ranks: ranks)
      #expect(outcome.status == 0, "\(outcome)")
      let lines = outcome.output.split(separator: "\n")
      #expect(lines.count == 1, "\(outcome)")
      let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
      let result = try #require(object as? [String: Any])
      for key in [
        "medianSeconds", "minSeconds", "maxSeconds", "imagesPerSecond", "directGFLOPPerSecond",
        "directGFLOPPerIteration", "peakMegabytesPerRank",
      ] {
        let value = try #require(result[key] as? Double, "\(key): \(outcome)")
        #expect(value > 0 && value.isFinite, "\(key): \(value)")
      }
      #expect(result["ranks"] as? Int == ranks ?? 1)
      #expect(result["batch"] as? Int == 64)
      #expect(result["iterations"] as? Int == 2)
      let shares = try ["computeShare", "exchangeShare", "waitingShare"].map {
        try #require(result[$0] as? Double)
      }
      #expect(abs(shares.reduce(0, +) - 1) < 1e-6, "\(shares)")
      #expect(ranks == nil ? shares == [1, 0, 0] : shares.allSatisfy { $0 > 0 }, "\(shares)")
    }

    /// It compares every way's sums with the tree's before it times them.
    @Test(arguments: [(2, nil, 1), (4, 2, 2), (4, 3, 2)] as [(Int, Int?, Int)])
    func benchExchange(ranks: Int, ranksPerNode: Int?, nodes: Int) throws {
      let outcome = try Program.run(
        ["bench", "--exchange", "--json", "--iterations", "1", "--warmup", "0", "width=4"],
        ranks: ranks, ranksPerNode: ranksPerNode)
      #expect(outcome.status == 0, "\(outcome)")
      let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
      let result = try #require(object as? [String: Any])
      #expect(result["nodes"] as? Int == nodes)
      let exchange = try #require(result["exchange"] as? String)
      let hasTwoLevels = ranksPerNode == 2
      #expect(exchange.hasPrefix(hasTwoLevels ? "two-level" : "flat"), "\(exchange)")
      let sums = try #require(result["sums"] as? [[String: Any]])
      #expect(sums.compactMap { $0["use"] as? String } == ["critic", "generator"])
      for timing in sums + (try #require(result["gathers"] as? [[String: Any]])) {
        #expect((timing["twoLevel"] != nil) == hasTwoLevels)
        for way in ["flat", "mpi"] + (hasTwoLevels ? ["twoLevel"] : []) {
          let time = try #require(timing[way] as? [String: Double])
          #expect(try #require(time["fastest"]) > 0)
          #expect(try #require(time["median"]) >= #require(time["fastest"]))
        }
      }
      for timing in try #require(result["smallSums"] as? [[String: Any]]) {
        for way in ["gathered", "byHalves"] {
          #expect(try #require((timing[way] as? [String: Double])?["fastest"]) > 0)
        }
      }
      #expect(Set(try #require(result["fits"] as? [String: Any]).keys).contains("flat"))
      #expect(try #require(result["sumShare"] as? Double) > 0)
    }

    @Test func exchangesThatCannotBe() throws {
      let alone = try Program.run(["bench", "--exchange"])
      #expect(alone.status == 1)
      #expect(
        alone.errorLines == [
          "wgangp-dist: error: bench --exchange: expected two ranks or more, found one; start it "
            + "by mpirun -n 2"
        ], "\(alone)")
      let forced = try Program.run(
        ["bench", "--iterations", "1", "width=4", "training.exchange=twoLevel"], ranks: 2)
      #expect(forced.status == 1)
      #expect(
        forced.errorLines == [
          "wgangp-dist: error: command line: training.exchange=twoLevel: expected auto or flat, "
            + "found twoLevel: all ranks are on one node"
        ], "\(forced)")
      let pretended = try Program.run(["doctor"], ranks: 2, ranksPerNode: 0)
      #expect(pretended.status == 1)
      #expect(
        Set(pretended.errorLines) == [
          "wgangp-dist: error: WGANGP_RANKS_PER_NODE: expected a number of ranks from 1"
        ], "\(pretended)")
    }

    @Test func doctorTellsTheExchange() throws {
      let outcome = try Program.run(["doctor"], ranks: 4, ranksPerNode: 2)
      #expect(
        outcome.output.contains("exchange      two-level, 2 nodes of 2 ranks\n"), "\(outcome)")
    }

    /// Batch norm in a penalized critic: published, but not what one should train with.
    @Test(arguments: launches) func criticNormIsWarnedOfOnce(ranks: Int?) throws {
      func warnings(_ configuration: TinyConfiguration?, _ overrides: [String]) throws -> [String] {
        try withScratch { scratch in
          let config = try configuration.map {
            ["--config", try scratch.write("tiny.yaml", $0.text)]
          }
          let outcome = try Program.run(
            ["train"] + (config ?? []) + [
              "--run", scratch.url("run").path, "training.iterations=1",
            ]
              + overrides, ranks: ranks)
          #expect(outcome.status == 0, "\(outcome)")
          // Of so short a run the monitor has something to say too.
          return outcome.errors.components(separatedBy: "\n").filter {
            !$0.isEmpty && !$0.hasPrefix("wgangp-dist: warning: iteration ")
          }
        }
      }
      let lines = try warnings(TinyConfiguration(), [])
      #expect(lines.count == 2, "\(lines)")
      #expect(
        lines.first?.hasPrefix("wgangp-dist: warning: the critic has batch norm under a gradient")
          == true, "\(lines)")
      #expect(lines.last?.contains("a critic without norm") == true, "\(lines)")
      #expect(try warnings(TinyConfiguration(hasCriticNorm: false), []) == [])
      #expect(try warnings(nil, ["data.count=200", "width=4"]) == [])
    }
  }
}
