import Foundation
import Testing

extension SystemTests {
  /// Weights in and out, by the commands.
  @Suite(.serialized) struct OriginTests {
    @Test func fineTuningHasTheSameBitsOnAnyRanks() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let first = scratch.url("first").path
        let trained = try Program.run(["train", "--config", config, "--run", first])
        try #require(trained.status == 0, "\(trained)")
        func tune(_ name: String, ranks: Int?, _ overrides: [String] = []) throws -> RunFolder {
          let run = RunFolder(scratch.url(name).path)
          let outcome = try Program.run(
            ["train", "--from", first, "--run", run.path, "--continue", "seed=9"] + overrides,
            ranks: ranks)
          #expect(outcome.status == 0, "\(outcome)")
          return run
        }
        let alone = try tune("alone", ranks: nil)
        let outcome = try Program.run(
          ["train", "--dry-run", "--from", first, "--run", scratch.url("dry").path])
        #expect(outcome.output.contains("weights: \(first), iteration 12\n"), "\(outcome)")
        for ranks in [1, 2, 4] {
          try tune("ranks\(ranks)", ranks: ranks).expectSame(as: alone, "\(ranks) ranks")
        }
        // Stopped on two ranks, gone on with on one by the same command line.
        let cut = try tune("cut", ranks: 2, ["training.iterations=5"])
        let resumed = try Program.run(["train", "--resume", cut.path, "training.iterations=12"])
        #expect(resumed.status == 0, "\(resumed)")
        try cut.expectSameCheckpoint(as: alone, "gone on with")
        let why = try Program.run(["why", alone.path])
        #expect(
          why.output.contains("begun with the weights of \(first) after iteration 12"), "\(why)")
        let replay = try Program.run(
          ["replay", alone.path, "--from", "0", "--to", "10"], ranks: 2)
        #expect(replay.status == 0, "\(replay)")
        #expect(replay.output.contains("step 10 agrees, bit for bit"), "\(replay)")
      }
    }

    /// Out, and in again: the same samples; and as arrays and single pictures.
    @Test func exportAndImport() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let run = scratch.url("run").path
        let trained = try Program.run(
          ["train", "--config", config, "--run", run, "training.iterations=2"])
        try #require(trained.status == 0, "\(trained)")
        let folder = scratch.url("exported").path
        let exported = try Program.run(["export", run, folder, "--pt"])
        #expect(exported.status == 0, "\(exported)")
        #expect(
          exported.output
            == [
              "generator.safetensors", "generator.pt", "critic.safetensors", "critic.pt",
              "model.py",
            ]
            .map { "\(folder)/\($0)\n" }.joined())
        let imported = scratch.url("imported").path
        let outcome = try Program.run(
          ["import", "--config", config, "--generator", "\(folder)/generator.pt"]
            + ["--critic", "\(folder)/critic.safetensors", imported])
        #expect(outcome.status == 0, "\(outcome)")
        #expect(outcome.output.contains("critic: 11 of 11 tensors"), "\(outcome)")
        for path in [run, imported] {
          let drawn = try Program.run(["sample", path, "-o", "\(path)/x.png"])
          #expect(drawn.status == 0, "\(drawn)")
        }
        let pictures = try [run, imported].map {
          try Data(contentsOf: URL(fileURLWithPath: "\($0)/x.png"))
        }
        #expect(pictures[0] == pictures[1])
        let scored = try Program.run(["evaluate", imported, "--samples", "20"])
        #expect(scored.status == 0, "\(scored)")
        let pairs = scratch.url("pairs").path
        let single = try Program.run(
          ["sample", imported, "--single", pairs, "--count", "3", "--reals"])
        #expect(single.status == 0, "\(single)")
        #expect(
          try FileManager.default.contentsOfDirectory(atPath: pairs).sorted()
            == ["image", "real"].flatMap { name in (0..<3).map { "\(name)000\($0).png" } })
        // The step of a checkpoint that belongs to no run's training.
        let arrays = try Program.run(
          ["sample", imported, "--format", "npz", "--count", "5"], ranks: 2)
        #expect(arrays.output == "\(imported)/samples/step-00000000.npz\n", "\(arrays)")
        let unfit = try Program.run(
          ["import", "--config", config, "--generator", "\(folder)/critic.pt", "\(imported)-2"],
          ranks: 2)
        #expect(unfit.status == 1 && unfit.errors.contains("tensors do not fit; --map"), "\(unfit)")
      }
    }
  }
}
