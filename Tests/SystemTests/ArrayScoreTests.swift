import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// Scores of quantities of arrays: in training, of a run, and of files.
  @Suite(.serialized) struct ArrayScoreTests {
    private let configuration = """
      name: arrays
      seed: 7
      data:
        source: array
        path: PATH
        samples: [x_0, x_1, x_2, x_3]
        condition: {fields: energy, transforms: [log]}
        transforms:
        - divide: {condition: energy}
        - standardize: {per: feature}
        threshold: 0.25
      generator:
        latent: 3
        layers:
        - conditionConcat
        - linear: {outputs: 8}
        - relu
        - linear: {outputs: 4}
      critic:
        layers:
        - conditionConcat
        - linear: {outputs: 8}
        - leakyReLU
        - linear: {outputs: 1}
      objective: {loss: wasserstein, gradientPenalty: {weight: 10}}
      optimizer:
        generator: {adam: {learningRate: 1.0e-3, beta1: 0.5, beta2: 0.9}}
        critic: {adam: {learningRate: 1.0e-3, beta1: 0.5, beta2: 0.9}}
      training: {batch: 8, shards: 4, criticSteps: 2, iterations: 4}
      output: {checkpointEvery: never, sampleEvery: never}
      evaluation:
        every: 2 iterations
        samples: 60
        quantities:
        - sum: {name: total, over: energy, bins: 10, from: 0, to: 6, around: 3}
        - sum: {name: first, values: [0, 2], unit: MeV, bins: 8, scale: log}
        - centre: {name: middle, positions: [0, 1, 2, 3], bins: 12}
        - sparsity: {name: sparsity, bins: 5, from: 0, to: 1}
        scores:
        - histograms
        - fpd: {batches: 3, points: 4}
        - kpd: {batches: 3, batchSize: 40, quantities: [total, middle]}
        - classifierTest: {layers: 1, hidden: 8, epochs: 3, batch: 20}
        best: {score: histograms, column: chi2_ndf_total, prefer: lowest}

      """

    /// 120 samples of four energies.
    private func data(_ scratch: Scratch) throws -> String {
      var text = "energy,x_0,x_1,x_2,x_3\n"
      for row in 0..<120 {
        let energy = Double(1 << (row * 7 % 4))
        let values = (0..<4).map { element -> Double in
          let hash = (row * 131 + element * 37 + row * row * 17) % 101
          return energy * Double(hash + 20 * element) / 101
        }
        text += ([energy] + values).map { "\($0)" }.joined(separator: ",") + "\n"
      }
      return try scratch.write("data.csv", text)
    }

    private func train(_ scratch: Scratch, _ name: String, ranks: Int?) throws -> RunFolder {
      let data = try data(scratch)
      let config = try scratch.write(
        "arrays.yaml", configuration.replacingOccurrences(of: "PATH", with: data))
      let path = scratch.url(name).path
      let outcome = try Program.run(["train", "--config", config, "--run", path], ranks: ranks)
      try #require(outcome.status == 0, "\(ranks ?? 0) ranks: \(outcome)")
      return RunFolder(path)
    }

    /// A table without its last column, the seconds.
    private func rows(_ run: RunFolder) throws -> [Substring] {
      let text = try String(contentsOfFile: run.path + "/evaluation.csv", encoding: .utf8)
      return text.split(separator: "\n").map { $0[..<($0.lastIndex(of: ",") ?? $0.endIndex)] }
    }

    private struct Report: Decodable, Equatable {
      struct Histogram: Decodable, Equatable {
        var quantity: String
        var group: String?
        var edges: [Double]
        var reals: [Int]
        var samples: [Int]
      }
      var scores: [String: [String: Double]]
      var histograms: [Histogram]
    }

    private func evaluate(_ arguments: [String], ranks: Int?) throws -> Report {
      let outcome = try Program.run(["evaluate"] + arguments + ["--json"], ranks: ranks)
      try #require(outcome.status == 0, "\(arguments) on \(ranks ?? 0): \(outcome)")
      return try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
    }

    @Test func scoresAreTheSameOnAnyRanks() throws {
      try withScratch { scratch in
        let run = try train(scratch, "alone", ranks: nil)
        let expected = try rows(run)
        #expect(expected.count == 3 && expected[0].contains("chi2_ndf_total (1)"))
        #expect(!expected.joined().contains("nan"), "\(expected)")
        for ranks in [2, 4] {
          #expect(try rows(train(scratch, "on-\(ranks)", ranks: ranks)) == expected, "\(ranks)")
        }
        #expect(FileManager.default.fileExists(atPath: run.path + "/checkpoints/best"))
        let found = try evaluate([run.path, "--samples", "120"], ranks: nil)
        // All, and four energies.
        #expect(found.histograms.count == 4 * 5)
        #expect(found.histograms.prefix(5).map(\.group) == [nil, "1", "2", "4", "8"])
        #expect(found.scores["classifierTest"]?.count == 2)
        // Three ranks have no equal parts of the classifier's shards.
        for ranks in [2, 3] {
          #expect(try evaluate([run.path, "--samples", "120"], ranks: ranks) == found, "\(ranks)")
        }
        try filesAreTheRuns(run, found, scratch)
        try picturesAreDrawn(run, scratch)
      }
    }

    /// What `sample` writes is what was measured: as many reals as there are, in another order.
    private func filesAreTheRuns(
      _ run: RunFolder, _ expected: Report, _ scratch: Scratch
    ) throws {
      let samples = scratch.url("samples.csv").path
      let outcome = try Program.run(
        ["sample", run.path, "--count", "120", "--format", "csv", "-o", samples])
      try #require(outcome.status == 0, "\(outcome)")
      let arguments = [
        "--reals", scratch.url("data.csv").path, "--samples", samples, "--config",
        scratch.url("arrays.yaml").path, "--scores", "histograms",
      ]
      for ranks in [nil, 2] {
        let found = try evaluate(arguments, ranks: ranks)
        #expect(found.histograms == expected.histograms, "\(ranks ?? 0) ranks")
      }
    }

    private func picturesAreDrawn(_ run: RunFolder, _ scratch: Scratch) throws {
      let picture = scratch.url("histograms.png").path
      for options in [[], ["--by-condition", "total"]] {
        let drawn = try Program.run(
          ["evaluate", run.path, "--scores", "histograms", "--samples", "60", "--histograms"]
            + [picture] + options, ranks: 2)
        #expect(drawn.status == 0, "\(drawn)")
        #expect(drawn.output.contains("separation"), "\(drawn)")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: picture))
        #expect(bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) && bytes.count > 2000)
      }
      let table = try Program.run(
        [
          "evaluate", run.path, "--scores", "histograms", "--samples", "60", "--by-condition",
          "total",
        ])
      #expect(table.status == 0 && table.output.contains("\nenergy  reals"), "\(table)")
      let unknown = try Program.run(
        [
          "evaluate", run.path, "--scores", "histograms", "--histograms", picture,
          "--by-condition", "mass",
        ])
      #expect(unknown.status == 1 && unknown.errors.contains("expected total, first, middle"))
      let none = try Program.run(
        ["evaluate", run.path, "--scores", "diversity", "--histograms", picture])
      #expect(none.status == 1 && none.errors.contains("add it to --scores"), "\(none)")
    }
  }
}
