import Foundation
import Testing

extension SystemTests {
  /// What `train` would refuse `train --dry-run` refuses, and nothing is left behind.
  @Suite(.serialized) struct DryRunTests {
    private func withTiny(_ body: (_ config: String, _ scratch: Scratch) throws -> Void) throws {
      try withScratch { try body(try $0.write("tiny.yaml", TinyConfiguration().text), $0) }
    }

    private func names(_ folder: String) throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    @Test(arguments: [nil, 2] as [Int?]) func trainsAndWritesNothing(ranks: Int?) throws {
      try withTiny { config, scratch in
        let outcome = try Program.run(
          ["train", "--dry-run", "--config", config, "output.directory=\(scratch.path)/runs"],
          ranks: ranks)
        #expect(outcome.status == 0, "\(outcome)")
        let lines = outcome.output.components(separatedBy: "\n").filter { !$0.isEmpty }
        #expect(lines.first?.hasPrefix("tiny: 200 samples of glyphs") == true, "\(outcome)")
        #expect(lines.contains("run folder: \(scratch.path)/runs/tiny"), "\(outcome)")
        #expect(
          lines.last
            == "dry run: all checks passed; 12 of 12 iterations would be trained, nothing has been "
            + "trained or written", "\(outcome)")
        #expect(try names(scratch.path) == ["tiny.yaml"])
      }
    }

    @Test func refusesWhatTrainingRefuses() throws {
      try withTiny { config, scratch in
        let folder = scratch.url("run").path
        _ = try scratch.write("run/config.yaml", "name: other\n")
        let taken = try Program.run(["train", "--dry-run", "--config", config, "--run", folder])
        try taken.expectOneError(["\(folder): holds a run already"])
        let file = try scratch.write("file", "")
        let inTheWay = try Program.run(
          ["train", "--dry-run", "--config", config, "--run", "\(file)/run"])
        try inTheWay.expectOneError(["\(file): cannot create the folder: Not a directory"])
        let missing = try Program.run(
          ["train", "--dry-run", "--config", config, "data={source: idx, path: \(folder)}"])
        try missing.expectOneError([folder])
        let ranks = try Program.run(["train", "--dry-run", "--config", config], ranks: 3)
        #expect(ranks.status != 0, "\(ranks)")
      }
    }

    @Test(arguments: [nil, 2] as [Int?]) func readsTheCheckpointToGoOnFrom(ranks: Int?) throws {
      try withTiny { config, scratch in
        let folder = scratch.url("run").path
        let trained = try Program.run(
          ["train", "--config", config, "--run", folder, "training.iterations=4"])
        #expect(trained.status == 0, "\(trained)")
        let text = try String(contentsOfFile: "\(folder)/config.yaml", encoding: .utf8)
        let before = try names("\(folder)/checkpoints")
        let arguments = ["train", "--dry-run", "--resume", folder, "training.iterations=6"]
        let outcome = try Program.run(arguments, ranks: ranks)
        #expect(outcome.status == 0, "\(outcome)")
        #expect(outcome.output.contains("going on after iteration 4\n"), "\(outcome)")
        #expect(outcome.output.contains("2 of 6 iterations would be trained"), "\(outcome)")
        #expect(try names("\(folder)/checkpoints") == before)
        #expect(try String(contentsOfFile: "\(folder)/config.yaml", encoding: .utf8) == text)
        let run = RunFolder(folder)
        let checkpoint = try #require(run.latest)
        let generator = URL(fileURLWithPath: run.file("generator.safetensors", of: checkpoint))
        try Data([1, 2, 3]).write(to: generator)
        let damaged = try Program.run(arguments, ranks: ranks)
        try damaged.expectOneError(["has no whole checkpoint to go on from"])
      }
    }
  }
}
