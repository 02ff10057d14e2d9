import Foundation
import Testing

extension SystemTests {
  /// One command line that begins a run, goes on with it, and knows when it is done.
  @Suite(.serialized) struct ContinueTests {
    private func arguments(
      _ scratch: Scratch, _ overrides: [String] = []
    ) throws -> (RunFolder, [String]) {
      let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
      let run = RunFolder(scratch.url("run").path)
      return (run, ["train", "--config", config, "--run", run.path, "--continue"] + overrides)
    }

    /// Killed before the first checkpoint, killed after it, done: the same line each time.
    @Test(arguments: [nil, 2]) func oneLineDoesAll(ranks: Int?) throws {
      try withScratch { scratch in
        let length = ["training.iterations=300", "output.checkpointEvery=250 iterations"]
        let (run, line) = try arguments(scratch, length)
        let first = try Program.start(line, ranks: ranks)
        try first.wait(for: "a beginning") {
          FileManager.default.fileExists(atPath: run.path + "/run.log")
        }
        first.kill()
        try #require(run.checkpoints.isEmpty)

        let second = try Program.start(line, ranks: ranks)
        try second.wait(for: "checkpoint") { !run.checkpoints.isEmpty }
        second.kill()
        // All rows up to the checkpoint are there.
        #expect(try Array(run.iterations().prefix(250)) == Array(1...250))

        let third = try Program.run(line, ranks: ranks)
        #expect(third.status == 0, "\(third)")
        #expect(third.output.contains("going on after iteration 250\n"), "\(third)")
        let fourth = try Program.run(line, ranks: ranks)
        #expect(fourth.status == 0, "\(fourth)")
        #expect(fourth.output.contains("nothing to do: all 300 iterations"), "\(fourth)")

        let straight = RunFolder(scratch.url("straight").path)
        let config = scratch.url("tiny.yaml").path
        let outcome = try Program.run(
          ["train", "--config", config, "--run", straight.path] + length)
        try #require(outcome.status == 0, "\(outcome)")
        try run.expectSameCheckpoint(as: straight, "killed twice")
        #expect(try run.metrics() == straight.metrics())
        let events = try String(contentsOfFile: run.path + "/run.log", encoding: .utf8)
          .split(separator: "\n").compactMap { $0.split(separator: " ").dropFirst().first }
        #expect(events == ["started:", "started:", "resumed:", "done:", "resumed:", "done:"])
      }
    }

    /// The folder's own configuration where none is given, and another one is refused.
    @Test func theRunKeepsItsConfiguration() throws {
      try withScratch { scratch in
        let (run, line) = try arguments(scratch)
        try #require(try Program.run(line).status == 0)
        let longer = ["train", "--run", run.path, "--continue", "training.iterations=14"]
        let outcome = try Program.run(longer)
        #expect(outcome.status == 0, "\(outcome)")
        #expect(run.latest == "step-00000014")
        for ranks in [nil, 2] {
          let other = try Program.run(line + ["training.batch=16"], ranks: ranks)
          try other.expectOneError([
            "\(run.path): holds a run of another configuration: training.batch is 16, was 12;"
          ])
        }
        let alone = try Program.run(["train", "--continue"])
        #expect(alone.status == 64 && alone.errors.contains("--continue needs --run"), "\(alone)")
      }
    }

    /// A seed that is changed by hand in the run's folder is seen, as other data are.
    @Test func aChangedConfigurationIsSeen() throws {
      try withScratch { scratch in
        let (run, line) = try arguments(scratch)
        try #require(try Program.run(line).status == 0)
        let path = "\(run.path)/config.yaml"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try #require(text.contains("seed: 7\n"))
        try text.replacingOccurrences(of: "seed: 7\n", with: "seed: 8\n")
          .write(toFile: path, atomically: true, encoding: .utf8)
        let resume = ["train", "--resume", run.path, "training.iterations=14"]
        let outcome = try Program.run(resume, ranks: 2)
        try outcome.expectOneError([
          "step-00000012: config.yaml has been changed since: seed is 8, was 7; --accept-changes"
        ])
        let accepted = try Program.run(resume + ["--accept-changes"], ranks: 2)
        #expect(accepted.status == 0, "\(accepted)")
        #expect(accepted.errors.contains("warning: \(run.path)/checkpoints/"), "\(accepted)")
      }
    }

    /// Before the time is over the run is saved, and the status says that it is not done.
    @Test(arguments: [nil, 2]) func theTimeLimitStops(ranks: Int?) throws {
      try withScratch { scratch in
        let (run, line) = try arguments(scratch, ["training.iterations=100000"])
        let outcome = try Program.run(line + ["--time-limit", "4s"], ranks: ranks)
        #expect(outcome.status == 75, "\(outcome)")
        #expect(outcome.output.contains("stopped by the time limit after iteration "), "\(outcome)")
        let done = try #require(try run.iterations().last)
        #expect(run.latest == "step-" + String(format: "%08d", done))
        let wrong = try Program.run(line + ["--time-limit", "soon"], ranks: ranks)
        try wrong.expectOneError(["--time-limit soon: expected such as 3h50m"])
      }
    }

    /// A job of another machine has taken the run: this one says so, and leaves its log alone.
    @Test(arguments: [nil, 2]) func aRunThatIsTakenOverWritesNothingMore(ranks: Int?) throws {
      try withScratch { scratch in
        let (run, line) = try arguments(scratch, ["training.iterations=100000"])
        let job = try Program.start(line, ranks: ranks)
        try job.wait(for: "checkpoint") { !run.checkpoints.isEmpty }
        let log = try Data(contentsOf: URL(fileURLWithPath: run.path + "/run.log"))
        try "process 2 on far since now\ntoken: b\n"
          .write(toFile: run.path + "/lock-owner", atomically: true, encoding: .utf8)
        let outcome = try job.finish()
        #expect(outcome.status == 1, "\(outcome)")
        try outcome.expectOneError(["\(run.path): taken over by process 2 on far since now, which"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: run.path + "/run.log")) == log)
        let lock = try String(contentsOfFile: run.path + "/lock", encoding: .utf8)
        #expect(lock.contains("\nstate: held\n"), "\(lock)")
      }
    }

    /// In a container the number of a killed process is often that of the next one.
    @Test func whatADeadWriterOfTheSameNumberLeftGoes() throws {
      try withScratch { scratch in
        let (run, line) = try arguments(scratch)
        try #require(try Program.run(line).status == 0)
        let again = try RunningJob(
          ["bash", "-c", "mkdir \"$0/checkpoints/.step-00000013.tmp-$$\"; exec \"$@\"", run.path]
            + Program.command(line + ["training.iterations=14"], ranks: nil)
        ).finish()
        #expect(again.status == 0, "\(again)")
        let names = try FileManager.default.contentsOfDirectory(atPath: run.path + "/checkpoints")
        #expect(names.sorted() == ["latest", "step-00000012", "step-00000014"], "\(names)")
      }
    }

    /// A run whose folder goes away ends, and makes nothing in its place.
    @Test func theFolderGoesAway() throws {
      try withScratch { scratch in
        let (run, line) = try arguments(
          scratch, ["training.iterations=100000", "output.sampleEvery=never"])
        let job = try Program.start(line)
        try job.wait(for: "checkpoint") { !run.checkpoints.isEmpty }
        try FileManager.default.moveItem(atPath: run.path, toPath: scratch.url("moved").path)
        let outcome = try job.finish(timeout: 20)
        try outcome.expectOneError(["\(run.path): the run's folder has been deleted or moved away"])
        #expect(!FileManager.default.fileExists(atPath: run.path))
      }
    }

    // MARK: - Ranks that cannot find each other, or were asked for different things

    @Test func tasksWithoutMPIAreRefused() throws {
      try withScratch { scratch in
        let (run, line) = try arguments(scratch)
        let environment = [
          "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_JOB_ID": "7",
        ]
        let outcome = try Program.run(line, environment: environment)
        try outcome.expectOneError(["has started 2 tasks", "srun --mpi=pmix"])
        #expect(!FileManager.default.fileExists(atPath: run.path))
        // The other task is silent.
        let other = try Program.run(
          line, environment: environment.merging(["SLURM_PROCID": "1"]) { $1 })
        #expect(other.status == 1 && other.errors.isEmpty, "\(other)")
      }
    }

    @Test func ranksCompareTheirCommands() throws {
      try withScratch { scratch in
        let (run, line) = try arguments(scratch)
        let program = [Program.path]
        func start(_ first: [String], _ second: [String]) throws -> Outcome {
          try RunningJob(
            Program.launcher + ["-n", "1"] + first + [":", "-n", "1"] + second
          ).finish(timeout: 60)
        }
        let resumed = try start(program + line, program + ["train", "--resume", run.path])
        try resumed.expectOneError(["rank 1: the command line differs from rank 0's"])
        let sampled = try start(program + line, program + ["sample", run.path])
        try sampled.expectOneError(["rank 1: the command line differs", "'sample' here"])
        let nodes = try start(
          ["env", "WGANGP_RANKS_PER_NODE=1"] + program + line, program + line)
        #expect(nodes.status == 1, "\(nodes)")
        #expect(
          nodes.errors.contains("WGANGP_RANKS_PER_NODE: 1 on rank 0, not set on rank 1"), "\(nodes)"
        )
        #expect(!FileManager.default.fileExists(atPath: run.path))
      }
    }
  }
}
