import Foundation
import Testing

extension SystemTests {
  /// Runs that are computed again, gone back, or looked at after their end.
  @Suite(.serialized) struct ReplayTests {
    private func trained(
      _ scratch: Scratch, _ overrides: [String] = []
    ) throws -> (RunFolder, Outcome) {
      let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
      let run = RunFolder(scratch.url("run").path)
      let outcome = try Program.run(["train", "--config", config, "--run", run.path] + overrides)
      return (run, outcome)
    }

    @Test func aReplayHasTheSameBits() throws {
      try withScratch { scratch in
        let (run, outcome) = try trained(scratch, ["checks.hashEvery=1 iterations"])
        try #require(outcome.status == 0, "\(outcome)")
        for (ranks, first) in [(nil, 0), (2, 10), (4, 0)] as [(Int?, Int)] {
          let replay = try Program.run(
            ["replay", run.path, "--from", "\(first)", "--to", "12"], ranks: ranks)
          #expect(replay.status == 0, "\(replay)")
          #expect(
            replay.output.contains(
              "iterations \(first + 1) to 12: \(12 - first) rows of metrics.csv compared, with "
                + "hashes"), "\(replay)")
          #expect(replay.output.contains("step 12 agrees, bit for bit"), "\(replay)")
        }
        let missing = try Program.run(["replay", run.path, "--from", "3", "--to", "12"], ranks: 2)
        try missing.expectOneError(["has no checkpoint of step 3; there are "])
      }
    }

    /// A row and a checkpoint that are not what the run computes.
    @Test func differencesAreFound() throws {
      try withScratch { scratch in
        let (run, _) = try trained(scratch, ["checks.hashEvery=1 iterations"])
        let path = "\(run.path)/metrics.csv"
        var lines = try String(contentsOfFile: path, encoding: .utf8).components(separatedBy: "\n")
        var fields = lines[11].components(separatedBy: ",")
        try #require(fields[0] == "11")
        fields[fields.count - 2] = "17"
        lines[11] = fields.joined(separator: ",")
        try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        let replay = try Program.run(["replay", run.path, "--from", "10", "--to", "12"], ranks: 2)
        try replay.expectOneError([
          "iteration 11 is the first that differs: critic_hash (crc32) is ", "metrics.csv has 17",
        ])
        // Another checkpoint under the name, with a DONE of its own.
        let other = RunFolder(scratch.url("other").path)
        let config = scratch.url("tiny.yaml").path
        let second = try Program.run(
          ["train", "--config", config, "--run", other.path, "seed=8"])
        try #require(second.status == 0)
        let files = FileManager.default
        let name = "step-00000012"
        try files.removeItem(atPath: "\(run.path)/checkpoints/\(name)")
        try files.copyItem(
          atPath: "\(other.path)/checkpoints/\(name)", toPath: "\(run.path)/checkpoints/\(name)")
        let foreign = try Program.run(["replay", run.path, "--from", "10", "--to", "12"])
        #expect(foreign.status == 1, "\(foreign)")
        #expect(
          foreign.errors.contains("the checkpoint of step 12 differs: generator.safetensors"),
          "\(foreign)")
        // One that is damaged is nothing to begin with.
        let tensors = "\(run.path)/checkpoints/step-00000010/critic.safetensors"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: tensors))
        bytes[bytes.count - 1] ^= 1
        try bytes.write(to: URL(fileURLWithPath: tensors))
        let damaged = try Program.run(["replay", run.path, "--from", "10", "--to", "12"])
        try damaged.expectOneError(["critic.safetensors: damaged: its CRC-32 is "])
      }
    }

    /// A rate that is too high by less than a factor of two: the run goes back once, and a resume
    /// keeps the lower rate.
    @Test func aRunThatDivergesGoesBack() throws {
      try withScratch { scratch in
        let line = [
          "width=4", "training.batch=16", "output.sampleEvery=never",
          "output.checkpointEvery=5 iterations", "optimizer.critic.adam.learningRate=6000",
        ]
        func train(_ name: String, _ more: [String], ranks: Int? = nil) throws -> Outcome {
          try Program.run(
            ["train", "--run", scratch.url(name).path] + line + more, ranks: ranks)
        }
        let without = try train("without", ["training.iterations=30"])
        try without.expectOneError(["critic step 3 of iteration 24: the loss is nan"])
        let straight = try train("straight", ["training.iterations=30", "--rollback", "1"])
        #expect(straight.status == 0, "\(straight)")
        #expect(
          straight.errors.contains(
            "went back to iteration 20 with 0.5 times the configured learning rates; 0 more"),
          "\(straight)")
        let half = try train("half", ["training.iterations=28", "--rollback", "1"], ranks: 2)
        #expect(half.status == 0, "\(half)")
        let resumed = try Program.run(
          ["train", "--resume", scratch.url("half").path, "training.iterations=30"], ranks: 2)
        #expect(resumed.status == 0, "\(resumed)")
        try RunFolder(scratch.url("half").path).expectSameCheckpoint(
          as: RunFolder(scratch.url("straight").path), "gone back, and resumed")
      }
    }

    @Test func whyTellsTheEnd() throws {
      try withScratch { scratch in
        let (run, outcome) = try trained(scratch)
        try #require(outcome.status == 0)
        let done = try Program.run(["why", run.path])
        #expect(done.status == 0 && done.output.contains("all 12 iterations"), "\(done)")

        let config = scratch.url("tiny.yaml").path
        let killed = RunFolder(scratch.url("killed").path)
        let job = try Program.start(
          ["train", "--config", config, "--run", killed.path, "training.iterations=100000"])
        try job.wait(for: "checkpoint") { !killed.checkpoints.isEmpty }
        let running = try Program.run(["why", killed.path])
        #expect(running.output.contains("it is running: process "), "\(running)")
        job.kill()
        let why = try Program.run(["why", killed.path], ranks: 2)
        #expect(why.status == 0, "\(why)")
        #expect(why.output.contains("ended without a word: killed"), "\(why)")
        #expect(why.output.contains("the newest whole checkpoint is of iteration "), "\(why)")
        #expect(
          why.output.contains("go on: wgangp-dist train --run \(killed.path) --continue"), "\(why)")
        let none = try Program.run(["why", scratch.path])
        try none.expectOneError(["expected the folder of a run"])
      }
    }

    /// A set of 40 pictures in IDX form.
    private func writeImages(_ scratch: Scratch, count: Int, flip: UInt8) throws {
      func word(_ value: Int) -> [UInt8] {
        [
          UInt8(value >> 24 & 255), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255),
          UInt8(value & 255),
        ]
      }
      let pixels = (0..<count * 784).map { UInt8(truncatingIfNeeded: $0 * 7) ^ flip }
      let images = word(0x803) + word(count) + word(28) + word(28) + pixels
      let labels = word(0x801) + word(count) + (0..<count).map { UInt8($0 % 10) }
      let folder = scratch.url("data")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try Data(images).write(to: folder.appendingPathComponent("train-images-idx3-ubyte"))
      try Data(labels).write(to: folder.appendingPathComponent("train-labels-idx1-ubyte"))
    }

    /// Data that were replaced between stop and resume are seen.
    @Test func otherDataAreSeen() throws {
      try withScratch { scratch in
        try writeImages(scratch, count: 40, flip: 0)
        let data = "data={source: idx, path: \(scratch.url("data").path), range: [-1, 1]}"
        let (run, outcome) = try trained(scratch, [data])
        try #require(outcome.status == 0, "\(outcome)")
        let resume = ["train", "--resume", run.path, "training.iterations=13"]
        try writeImages(scratch, count: 40, flip: 255)
        let inverted = try Program.run(resume, ranks: 2)
        try inverted.expectOneError([
          "the data are others: 40 samples with checksum ", ", were 40 samples with checksum ",
          "--accept-changes goes on nevertheless",
        ])
        try writeImages(scratch, count: 30, flip: 0)
        let fewer = try Program.run(resume)
        try fewer.expectOneError(["the data are others: 30 samples", "were 40 samples"])
        try writeImages(scratch, count: 40, flip: 0)
        let same = try Program.run(resume)
        #expect(same.status == 0, "\(same)")
      }
    }
  }
}
