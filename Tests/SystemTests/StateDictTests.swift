import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// Checkpoints are what PyTorch's `load_state_dict` expects of the same `Sequential`s.
  @Suite(.serialized) struct StateDictTests {
    private static func norm(_ index: String, channels: Int) -> [String: String] {
      var tensors = ["\(index).num_batches_tracked": "I64 []"]
      for name in ["weight", "bias", "running_mean", "running_var"] {
        tensors["\(index).\(name)"] = "F32 [\(channels)]"
      }
      return tensors
    }

    @Test func namesTypesAndShapesArePyTorchs() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let run = RunFolder(scratch.url("run").path)
        let outcome = try Program.run(["train", "--config", config, "--run", run.path])
        try #require(outcome.status == 0, "\(outcome)")
        func file(_ name: String) throws -> Safetensors {
          try Safetensors(path: run.file(name, of: "latest"))
        }
        func described(_ file: Safetensors) -> [String: String] {
          file.entries.mapValues { "\($0.dtype) \($0.shape)" }
        }
        // ConvTranspose2d.weight: in, out, height, width.
        let generator = try file("generator.safetensors")
        #expect(
          described(generator)
            == [
              "0.weight": "F32 [16, 8, 7, 7]", "3.weight": "F32 [8, 4, 4, 4]",
              "6.weight": "F32 [4, 1, 4, 4]", "6.bias": "F32 [1]",
            ].merging(Self.norm("1", channels: 8)) { $1 }
            .merging(Self.norm("4", channels: 4)) { $1 })
        // Conv2d.weight: out, in, height, width. The configuration's prefix is `main`.
        let critic = try file("critic.safetensors")
        #expect(
          described(critic)
            == [
              "main.0.weight": "F32 [4, 1, 4, 4]", "main.0.bias": "F32 [4]",
              "main.2.weight": "F32 [8, 4, 4, 4]", "main.2.bias": "F32 [8]",
              "main.5.weight": "F32 [1, 8, 7, 7]", "main.5.bias": "F32 [1]",
            ].merging(Self.norm("main.3", channels: 8)) { $1 })
        // In training mode PyTorch counts every call: 12 iterations of two critic steps, which call
        // the generator once and the critic on reals, fakes and interpolates, and of a generator
        // step, which calls both once.
        for index in ["1", "4"] {
          #expect(try generator.integer("\(index).num_batches_tracked") == 12 * (2 + 1))
        }
        #expect(try critic.integer("main.3.num_batches_tracked") == 12 * (2 * 3 + 1))
      }
    }
  }

  /// `verify` against PyTorch's recording.
  @Suite(.serialized) struct VerifyTests {
    private static let fixtures = repositoryFile("Tests/VerificationTests/Fixtures")
    private static let recording = fixtures + "/fashion-width2.safetensors"
    private static let config = repositoryFile("configs/fashion-mnist-wgan-gp.yaml")

    /// The project's own recordings with their configurations, and a larger one where it is there.
    private static let recordings =
      [Files(recording), Files(fixtures + "/kinks.safetensors", fixtures + "/kinks.yaml")]
      + [Files(repositoryFile("../shared/golden/fashion.safetensors"))].filter {
        FileManager.default.fileExists(atPath: $0.recording)
      }

    struct Files: Sendable, CustomTestStringConvertible {
      var recording: String
      var config: String
      var testDescription: String { URL(fileURLWithPath: recording).lastPathComponent }

      init(_ recording: String, _ config: String = VerifyTests.config) {
        self.recording = recording
        self.config = config
      }
    }

    @Test(arguments: recordings, [nil, 2, 4])
    func recordingPasses(files: Files, ranks: Int?) throws {
      let outcome = try Program.run(
        ["verify", "--quiet", "--config", files.config, files.recording], ranks: ranks)
      #expect(outcome.status == 0, "\(outcome)")
      #expect(
        outcome.output.contains("tensors within tolerance on \(ranks ?? 1) rank"), "\(outcome)")
      let verdict = try #require(
        outcome.output.split(separator: "\n").first { $0.hasPrefix("passed: ") }, "\(outcome)")
      // The biases in front of the critic's two batch norms.
      #expect(verdict.contains(", 2 not compared"), "\(outcome)")
      let counts = verdict.split { !$0.isNumber }.prefix(2)
      #expect(counts.count == 2 && counts.first == counts.last, "\(outcome)")
    }

    /// Other losses and penalties, each with its configuration.
    @Test(
      arguments: [
        "hinge-r1", "least-squares", "wasserstein-r2-lazy", "dragan", "fastcalogan",
        "fastcalogan-regressor",
      ],
      [nil, 2, 4] as [Int?])
    func objectivePasses(name: String, ranks: Int?) throws {
      let path = "\(Self.fixtures)/objectives/\(name)"
      let outcome = try Program.run(
        ["verify", "--quiet", "--config", path + ".yaml", path + ".safetensors"], ranks: ranks)
      #expect(outcome.status == 0, "\(outcome)")
      #expect(
        outcome.output.contains("tensors within tolerance on \(ranks ?? 1) rank"), "\(outcome)")
    }

    @Test(arguments: zip(["final", "init"], [nil, 2] as [Int?]))
    func tamperedRecordingFails(part: String, ranks: Int?) throws {
      try withScratch { scratch in
        var recording = try Safetensors(path: Self.recording)
        try recording.change("\(part).critic.0.weight") { $0 + 0.01 }
        let path = try scratch.write("tampered.safetensors", recording.data)
        let outcome = try Program.run(
          ["verify", "--quiet", "--config", Self.config, path], ranks: ranks)
        #expect(outcome.status == 1, "\(outcome)")
        #expect(outcome.output.contains("\nFAILED: "), "\(outcome)")
        let failed = outcome.output.components(separatedBy: "\n").filter {
          $0.hasSuffix("  FAILED")
        }
        // An expected value is wrong by itself; a starting value spoils what follows.
        if part == "final" {
          #expect(failed.count == 1, "\(outcome)")
          #expect(failed.first?.hasPrefix("final.critic.0.weight ") == true, "\(outcome)")
        } else {
          #expect(failed.count > 1, "\(outcome)")
        }
      }
    }

    @Test(arguments: [nil, 2])
    func otherWidthIsNamed(ranks: Int?) throws {
      let outcome = try Program.run(
        ["verify", "--config", Self.config, Self.recording, "width=3"], ranks: ranks)
      try outcome.expectOneError(["init.generator.0.weight has shape", "[100, 12, 4, 4]", "width"])
    }

    @Test(arguments: [nil, 2])
    func whatIsNoRecordingIsNamed(ranks: Int?) throws {
      try withScratch { scratch in
        let path = try scratch.write("text.safetensors", "this is no recording, but it is long")
        for file in [path, scratch.url("none.safetensors").path] {
          let outcome = try Program.run(["verify", "--config", Self.config, file], ranks: ranks)
          try outcome.expectOneError([file])
        }
      }
    }
  }
}

extension Outcome {
  /// Expects an end with one line that says why, within ten seconds.
  func expectOneError(
    _ words: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(status != 0, "\(self)", sourceLocation: sourceLocation)
    #expect(seconds < 10, "\(self)", sourceLocation: sourceLocation)
    #expect(errorLines.count == 1, "\(self)", sourceLocation: sourceLocation)
    for word in words {
      #expect(
        errorLines.first?.contains(word) == true, "no '\(word)': \(self)",
        sourceLocation: sourceLocation)
    }
  }
}
