import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// Runs on arrays: neither the format nor the number of ranks changes a bit.
  @Suite(.serialized) struct ArrayRunTests {
    private let configuration = """
      name: arrays
      seed: 7
      data:
        source: array
        path: x.npy
        transforms:
        - add: {value: 0.5}
        - log
        - standardize: {per: feature}
        threshold: 3
      generator:
        latent: 3
        layers:
        - linear: {outputs: 8}
        - relu
        - linear: {outputs: 4}
      critic:
        layers:
        - linear: {outputs: 8}
        - leakyReLU
        - linear: {outputs: 1}
      objective: {loss: wasserstein, gradientPenalty: {weight: 10}}
      optimizer:
        generator: {adam: {learningRate: 1.0e-3, beta1: 0.5, beta2: 0.9}}
        critic: {adam: {learningRate: 1.0e-3, beta1: 0.5, beta2: 0.9}}
      training: {batch: 4, shards: 4, criticSteps: 2, lastBatch: keep, iterations: 6}
      output: {checkpointEvery: never, sampleEvery: 3 iterations, samples: 8}
      evaluation: {scores: [diversity, slicedWasserstein], samples: 6}

      """

    private func fixture(_ name: String) -> String {
      repositoryFile("Tests/DatasetsTests/Fixtures/arrays/\(name)")
    }

    /// File and field of the same numbers in each format.
    private let sources: [(file: String, samples: String?)] = [
      ("x-big.npy", nil), ("x.npz", "x"), ("x-deflated.npz", "x"), ("contiguous.h5", "x"),
      ("gzip.h5", "x"), ("x.csv", "[a, \"b \\\"b\\\"\", c, d]"),
    ]

    private func train(
      _ scratch: Scratch, _ name: String, _ source: (file: String, samples: String?), ranks: Int?
    ) throws -> RunFolder {
      let config = try scratch.write("arrays.yaml", configuration)
      let path = scratch.url(name).path
      let field = source.samples.map { ["data.samples=\($0)"] } ?? []
      let outcome = try Program.run(
        ["train", "--config", config, "--run", path, "data.path=\(fixture(source.file))"] + field,
        ranks: ranks)
      try #require(outcome.status == 0, "\(source) on \(ranks ?? 0): \(outcome)")
      return RunFolder(path)
    }

    @Test func formatsAndRanksTrainTheSame() throws {
      try withScratch { scratch in
        let reference = try train(scratch, "reference", sources[0], ranks: nil)
        let expected = try reference.contents(of: "checkpoints/latest")
        let metrics = try reference.metrics()
        #expect(expected.count == 5 && metrics.count == 7)
        for (number, source) in sources.enumerated() {
          let run = try train(scratch, "run-\(number)", source, ranks: [1, 2, 4][number % 3])
          let found = try run.contents(of: "checkpoints/latest")
          for name in ["critic", "generator", "optimizer"] {
            let isSame = found["\(name).safetensors"] == expected["\(name).safetensors"]
            #expect(isSame, "\(source): \(name)")
          }
          #expect(try run.metrics() == metrics, "\(source)")
          // The checksum is of the numbers.
          #expect(try checksum(found) == checksum(expected), "\(source)")
        }
        let held = try train(scratch, "held", sources[4], ranks: 4)
        let isSame =
          try held.contents(of: "checkpoints/latest")["critic.safetensors"]
          == expected["critic.safetensors"]
        #expect(isSame, "chunks on 4 ranks")
        try samplesAreTheSame(reference, scratch)
      }
    }

    private func checksum(_ checkpoint: [String: Data]) throws -> String {
      struct State: Decodable {
        struct Data: Decodable { var checksum: String }
        var data: Data
      }
      return try JSONDecoder().decode(State.self, from: #require(checkpoint["state.json"])).data
        .checksum
    }

    /// Without the data: layout and statistics are the run's own.
    private func samplesAreTheSame(_ run: RunFolder, _ scratch: Scratch) throws {
      for format in ["hdf5", "npz", "npy", "csv"] {
        func sample(_ ranks: Int?) throws -> Data {
          let path = scratch.url("samples-\(ranks ?? 0).\(format)").path
          let outcome = try Program.run(
            [
              "sample", run.path, "--count", "203", "--format", format, "-o", path,
              "data.path=nowhere.npy",
            ], ranks: ranks)
          try #require(outcome.status == 0, "\(format) on \(ranks ?? 0): \(outcome)")
          return try Data(contentsOf: URL(fileURLWithPath: path))
        }
        let alone = try sample(nil)
        for ranks in [1, 3] {
          let isSame = try sample(ranks) == alone
          #expect(isSame, "\(format) on \(ranks) ranks")
        }
        guard format == "csv" else { continue }
        let lines = String(decoding: alone, as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 204 && lines[0] == "samples_0,samples_1,samples_2,samples_3")
        let values = lines.dropFirst().flatMap {
          $0.split(separator: ",").compactMap { Double($0) }
        }
        // In the file's units, but for what is below the threshold.
        #expect(values.count == 4 * 203 && values.allSatisfy { $0 == 0 || $0 >= 3 })
        #expect(values.contains { $0 > 5 })
      }
    }

    /// Conditions have their fields' names, and are asked for and written in the file's units.
    @Test func conditionsAreInTheFilesUnits() throws {
      try withScratch { scratch in
        let text =
          configuration
          .replacingOccurrences(of: "  layers:\n", with: "  layers:\n  - conditionConcat\n")
          .replacingOccurrences(
            of: "  path: x.npy\n",
            with: "  path: x.npy\n  condition: {fields: energy.npy, transforms: [log]}\n")
        let config = try scratch.write("conditional.yaml", text)
        let data = "data.path=\(fixture("x.npy"))"
        let run = scratch.url("run").path
        let trained = try Program.run(["train", "--config", config, "--run", run, data], ranks: 2)
        try #require(trained.status == 0, "\(trained)")
        func sample(_ arguments: [String], ranks: Int?) throws -> String {
          let path = scratch.url("samples.csv").path
          let outcome = try Program.run(
            ["sample", run, "--count", "50", "--format", "csv", "-o", path] + arguments,
            ranks: ranks)
          try #require(outcome.status == 0, "\(arguments) on \(ranks ?? 0): \(outcome)")
          return try String(contentsOfFile: path, encoding: .utf8)
        }
        func energies(_ table: String) -> [Double] {
          table.split(separator: "\n").dropFirst().compactMap { line in
            line.split(separator: ",").first.flatMap { Double($0) }
          }
        }
        // Without the data.
        let asked = try sample(
          ["--condition", "energy.npy=4", "--condition", "16", "data.path=nowhere.npy"], ranks: nil)
        #expect(asked.hasPrefix("energy.npy,samples_0,samples_1,samples_2,samples_3\n"))
        let found = energies(asked)
        #expect(found.count == 50)
        for (row, energy) in found.enumerated() {
          let expected = row.isMultiple(of: 2) ? 4.0 : 16
          #expect(abs(energy / expected - 1) < 1e-5, "\(energy)")
        }
        // Those of the data: 1, 2, 4 to 32.
        let plain = try sample([data], ranks: nil)
        #expect(Set(energies(plain).map { $0.rounded() }).isSubset(of: [1, 2, 4, 8, 16, 32]))
        #expect(Set(energies(plain)).count > 1)
        #expect(try sample([data], ranks: 3) == plain)
      }
    }

    /// The critic's gap is measured on rows that are not trained on, and the same by `evaluate`.
    @Test func someRowsAreHeldOut() throws {
      try withScratch { scratch in
        let text = configuration.replacingOccurrences(
          of: "scores: [diversity, slicedWasserstein], samples: 6",
          with: "scores: [criticGap], samples: 4, every: 3 iterations")
        let config = try scratch.write("arrays.yaml", text)
        let run = scratch.url("run").path
        let rows = ["data.rows=[0, 4]", "data.heldOut={rows: [4, 6]}"]
        let trained = try Program.run(
          ["train", "--config", config, "--run", run, "data.path=\(fixture("x.npy"))"] + rows,
          ranks: 2)
        try #require(trained.status == 0, "\(trained)")
        let table = try String(contentsOfFile: "\(run)/evaluation.csv", encoding: .utf8)
        let last = try #require(table.split(separator: "\n").last).split(separator: ",")
        let outcome = try Program.run(
          ["evaluate", run, "--scores", "criticGap", "--samples", "4", "--json"])
        #expect(outcome.status == 0, "\(outcome)")
        struct Scores: Decodable { var scores: [String: [String: Double]] }
        let json = Data(outcome.output.utf8)
        let scores = try JSONDecoder().decode(Scores.self, from: json).scores["criticGap"] ?? [:]
        let columns = ["w_training (score)", "w_held_out (score)", "critic_gap (score)"]
        #expect(columns.allSatisfy { table.contains($0) }, "\(table)")
        // The columns behind iteration and epoch have nine digits.
        for (column, text) in zip(columns, last.dropFirst(2)) {
          let (found, expected) = (scores[column] ?? .nan, Double(text) ?? .nan)
          #expect(abs(found - expected) < 1e-8, "\(column): \(found), \(expected)")
        }
        #expect(abs(scores[columns[2]] ?? 0) > 1e-6, "\(outcome)")
        // A copy of the rows that are trained on.
        let copy = scratch.url("copy.npy").path
        try FileManager.default.copyItem(atPath: fixture("x.npy"), toPath: copy)
        let same = try Program.run([
          "evaluate", run, "--scores", "criticGap", "--samples", "4",
          "data.heldOut={path: \(copy), rows: [0, 4]}",
        ])
        #expect(same.output.contains("critic gap   0 (W"), "\(same)")
        let none = try Program.run(["evaluate", run, "--scores", "criticGap", "data.heldOut=null"])
        #expect(none.status != 0, "\(none)")
      }
    }

    /// Arrays that are no pictures are no reason to fail.
    @Test func nothingIsDrawnOfVectors() throws {
      try withScratch { scratch in
        let config = try scratch.write("arrays.yaml", configuration)
        let data = ["--config", config, "data.path=\(fixture("x.npy"))"]
        let picture = scratch.url("x.png").path
        let preview = try Program.run(["data", "preview", "--output", picture] + data)
        #expect(preview.status == 0 && preview.output.contains("none is drawn"), "\(preview)")
        let verify = try Program.run(["data", "verify"] + data)
        #expect(verify.output.contains("6 samples of 4x1x1"), "\(verify)")
        let energy = try Program.run(["data", "verify"] + data + ["data.condition=energy.npy"])
        #expect(energy.output.contains("condition 0: 1.0 to 32.0"), "\(energy)")
        let bad = try Program.run(["data", "verify"] + data + ["data.shape=[5]"])
        #expect(bad.status == 1 && bad.errors.contains("data.shape=[5]: found [5]"), "\(bad)")
      }
    }
  }
}
