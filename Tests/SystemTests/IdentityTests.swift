import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// The number of ranks and threads changes no bit.
  @Suite(.serialized) struct IdentityTests {
    /// nil ranks: without mpirun.
    struct Launch: CustomStringConvertible {
      var ranks: Int?
      var threads = 1
      /// How many neighbouring ranks count as a node.
      var ranksPerNode: Int?
      /// Up to how many ranks small sums are gathered; above they go by halves.
      var gatheredRanks: Int?
      /// What the start of the log says of the exchange.
      var exchange: String?
      var description: String {
        "\(ranks.map { "mpirun -n \($0)" } ?? "no mpirun"), \(threads) threads"
          + (ranksPerNode.map { ", nodes of \($0)" } ?? "")
          + (gatheredRanks.map { ", gathered up to \($0)" } ?? "")
      }
    }

    /// Trains with one process, then with each launch, and compares everything that is written.
    private func compare(
      _ arguments: [String], launches: [Launch], latest: String,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      try withScratch { scratch in
        func train(_ launch: Launch, _ name: String) throws -> RunFolder {
          let path = scratch.url(name).path
          let outcome = try Program.run(
            ["train", "--run", path] + arguments + ["training.threads=\(launch.threads)"],
            ranks: launch.ranks, ranksPerNode: launch.ranksPerNode,
            environment: launch.gatheredRanks.map { ["WGANGP_GATHERED_RANKS": "\($0)"] } ?? [:])
          try #require(
            outcome.status == 0, "\(launch): \(outcome)", sourceLocation: sourceLocation)
          if let exchange = launch.exchange {
            let said = (outcome.output + outcome.errors).contains("exchange: \(exchange)\n")
            #expect(said, "\(launch): \(outcome)", sourceLocation: sourceLocation)
          }
          return RunFolder(path)
        }
        let reference = try train(Launch(), "reference")
        #expect(reference.latest == latest, sourceLocation: sourceLocation)
        for (number, launch) in launches.enumerated() {
          let run = try train(launch, "run-\(number)")
          try run.expectSame(as: reference, "\(launch)", sourceLocation: sourceLocation)
        }
      }
    }

    @Test func ranksAndThreadsOfEightShards() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        // The 9th of 12 iterations takes the epoch's last batch, of 8 samples.
        try compare(
          ["--config", config, "training.realBatch=fresh"],
          launches: [
            Launch(ranks: 1), Launch(ranks: 2), Launch(ranks: 4), Launch(ranks: 8),
            Launch(ranks: nil, threads: 2), Launch(ranks: nil, threads: 3),
            Launch(ranks: 2, threads: 2), Launch(ranks: 2, threads: 3),
          ],
          latest: "step-00000012")
      }
    }

    /// Exchange inside and between nodes, and what falls back to the flat one.
    @Test func twoLevels() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        try compare(
          ["--config", config],
          launches: [
            Launch(ranks: 4, ranksPerNode: 2, exchange: "two-level, 2 nodes of 2 ranks"),
            Launch(ranks: 8, ranksPerNode: 2, exchange: "two-level, 4 nodes of 2 ranks"),
            Launch(ranks: 8, ranksPerNode: 4, exchange: "two-level, 2 nodes of 4 ranks"),
            Launch(ranks: 4, ranksPerNode: 3, exchange: "flat (nodes have from 1 to 3 ranks)"),
            Launch(ranks: 4, exchange: "flat (all ranks are on one node)"),
          ],
          latest: "step-00000012")
        try compare(
          ["--config", config, "training.exchange=flat"],
          launches: [Launch(ranks: 4, ranksPerNode: 2, exchange: "flat (asked for), 2 nodes")],
          latest: "step-00000012")
      }
    }

    @Test func twoLevelsOfOddShards() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        try compare(
          ["--config", config, "training.shards=12"],
          launches: [
            Launch(ranks: 6, ranksPerNode: 2, exchange: "two-level, 3 nodes of 2 ranks"),
            Launch(
              ranks: 6, ranksPerNode: 3,
              exchange: "flat (3 ranks of a node are no whole subtree of 6 ranks)"),
          ],
          latest: "step-00000012")
      }
    }

    /// Up the reduction tree, flat and by two levels, of halves alone and of three blocks.
    @Test func smallSumsByHalves() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        try compare(
          ["--config", config],
          launches: [
            Launch(ranks: 2, gatheredRanks: 1), Launch(ranks: 8, gatheredRanks: 1),
            Launch(ranks: 8, ranksPerNode: 2, gatheredRanks: 1),
            Launch(ranks: 8, ranksPerNode: 4, gatheredRanks: 1),
          ],
          latest: "step-00000012")
        try compare(
          ["--config", config, "training.shards=12"],
          launches: [
            Launch(ranks: 3, gatheredRanks: 1), Launch(ranks: 6, ranksPerNode: 2, gatheredRanks: 1),
          ],
          latest: "step-00000012")
      }
    }

    @Test func reusedReals() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration(hasCriticNorm: false).text)
        // Batches of 24: the 9th and last of the epoch has 8.
        try compare(
          ["--config", config, "training.realBatch=reused", "training.batch=24"],
          launches: [Launch(ranks: 2), Launch(ranks: 4, threads: 2)], latest: "step-00000012")
      }
    }

    /// 12 = 3 * 4: the tree folds over three blocks.
    ///
    /// The last batch has fewer samples than there are shards, so that some of them are empty.
    @Test func oddShards() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        try compare(
          ["--config", config, "training.shards=12"],
          launches: [Launch(ranks: 3), Launch(ranks: 6), Launch(ranks: 3, threads: 3)],
          latest: "step-00000012")
      }
    }

    /// The networks and settings that the system is judged by, four channels wide.
    @Test func publishedConfiguration() throws {
      try compare(
        [
          "--config", repositoryFile("configs/fashion-mnist-wgan-gp.yaml"), "width=4",
          "data={source: glyphs, count: 200, range: [-1, 1]}", "training.batch=24",
          "training.iterations=10", "output.sampleEvery=5 iterations",
        ],
        launches: [Launch(ranks: 2), Launch(ranks: 4), Launch(ranks: 1, threads: 2)],
        latest: "step-00000010")
    }
  }
}
