import Foundation
import Testing

extension SystemTests {
  /// Stopping and going on changes no bit.
  @Suite(.serialized) struct ResumeTests {
    private func train(
      _ scratch: Scratch, _ name: String, _ overrides: [String] = [], ranks: Int? = nil
    ) throws -> (RunFolder, Outcome) {
      let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
      let path = scratch.url(name).path
      let outcome = try Program.run(
        ["train", "--config", config, "--run", path] + overrides, ranks: ranks)
      try #require(outcome.status == 0, "\(outcome)")
      return (RunFolder(path), outcome)
    }

    private func resume(
      _ run: RunFolder, _ overrides: [String] = [], ranks: Int? = nil
    ) throws -> Outcome {
      let outcome = try Program.run(["train", "--resume", run.path] + overrides, ranks: ranks)
      #expect(outcome.status == 0, "\(outcome)")
      return outcome
    }

    /// Starts a run, waits until it is well under way, and stops it by a signal.
    ///
    /// Returns the run and the number of iterations that were done.
    private func stopped(
      _ scratch: Scratch, iterations: Int, by signal: Int32, named signalName: String, ranks: Int?
    ) throws -> (RunFolder, Int) {
      let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
      let run = RunFolder(scratch.url("stopped-by-\(signalName)").path)
      let job = try Program.start(
        ["train", "--config", config, "--run", run.path, "training.iterations=\(iterations)"],
        ranks: ranks)
      // Its 5th and 10th iteration save.
      try job.wait(for: "second checkpoint") { run.checkpoints.count >= 2 }
      job.send(signal)
      let outcome = try job.finish()
      // Others than 0: a batch script is to start it again.
      #expect(outcome.status == 75, "\(outcome)")
      let rows = try run.iterations()
      let done = try #require(rows.last)
      #expect(rows == Array(1...done))
      #expect(done < iterations, "the signal came too late to stop anything")
      #expect(run.latest == "step-" + String(format: "%08d", done))
      #expect(
        outcome.output.contains(
          "stopped by \(signalName) after iteration \(done) of \(iterations), saved; go on with: ")
          && outcome.output.contains("wgangp-dist train --run \(run.path) --continue\n"),
        "\(outcome)")
      return (run, done)
    }

    @Test func stoppedOnTwoRanksAndResumedOnFour() throws {
      try withScratch { scratch in
        let (run, done) = try stopped(
          scratch, iterations: 200, by: SIGUSR1, named: "SIGUSR1", ranks: 2)
        let outcome = try resume(run, ranks: 4)
        #expect(outcome.output.contains("going on after iteration \(done)"), "\(outcome)")
        let (straight, _) = try train(scratch, "straight", ["training.iterations=200"])
        #expect(run.latest == "step-00000200")
        try run.expectSame(as: straight, "stopped after \(done)")
        #expect(try run.iterations() == Array(1...200))
      }
    }

    @Test(arguments: [(SIGINT, "SIGINT"), (SIGTERM, "SIGTERM"), (SIGHUP, "SIGHUP")])
    func stoppedAlone(signal: Int32, name: String) throws {
      try withScratch { scratch in
        let (run, done) = try stopped(
          scratch, iterations: 100_000, by: signal, named: name, ranks: nil)
        let length = ["training.iterations=\(done + 7)"]
        _ = try resume(run, length)
        let (straight, _) = try train(scratch, "straight", length)
        try run.expectSameCheckpoint(as: straight, "stopped after \(done)")
        #expect(try run.metrics() == straight.metrics())
      }
    }

    @Test func finishedRunHasNothingToDo() throws {
      try withScratch { scratch in
        let (run, _) = try train(scratch, "run")
        let before = try run.contents(of: "checkpoints/latest")
        for ranks in [nil, 2] {
          let outcome = try resume(run, ranks: ranks)
          #expect(
            outcome.output.contains("nothing to do: all 12 iterations of \(run.path) are done"),
            "\(outcome)")
        }
        #expect(try run.contents(of: "checkpoints/latest") == before)
        #expect(try run.iterations() == Array(1...12))
      }
    }

    @Test func extendedRunIsTheLongerRun() throws {
      try withScratch { scratch in
        let (run, _) = try train(scratch, "run", ranks: 2)
        _ = try resume(run, ["training.iterations=20"])
        let (straight, _) = try train(scratch, "straight", ["training.iterations=20"])
        try run.expectSameCheckpoint(as: straight, "12 iterations, then 8")
        #expect(try run.metrics() == straight.metrics())
        // The folder tells the new length from now on.
        let outcome = try resume(run)
        #expect(outcome.output.contains("nothing to do: all 20 iterations"), "\(outcome)")
      }
    }

    /// What can befall the newest checkpoint, and a word of the warning.
    enum Damage: CaseIterable {
      case withoutDone, shortDone, truncated, flipped, missing

      var warning: String {
        switch self {
        case .withoutDone: "DONE: cannot open"
        case .shortDone: "is not in DONE"
        case .truncated: "optimizer.safetensors: has "
        case .flipped: "critic.safetensors: damaged"
        case .missing: "generator.safetensors"
        }
      }

      func apply(to run: RunFolder, _ checkpoint: String) throws {
        let files = FileManager.default
        func url(_ name: String) -> URL {
          URL(fileURLWithPath: run.file(name, of: checkpoint))
        }
        switch self {
        case .withoutDone: try files.removeItem(at: url("DONE"))
        case .shortDone:
          let text = try String(contentsOf: url("DONE"), encoding: .utf8)
          let first = text.prefix { $0 != "\n" } + "\n"
          try Data(first.utf8).write(to: url("DONE"))
        case .missing: try files.removeItem(at: url("generator.safetensors"))
        case .truncated:
          let data = try Data(contentsOf: url("optimizer.safetensors"))
          try data.dropLast(1).write(to: url("optimizer.safetensors"))
        case .flipped:
          var data = try Data(contentsOf: url("critic.safetensors"))
          data[data.count - 1] ^= 1
          try data.write(to: url("critic.safetensors"))
        }
      }
    }

    @Test(arguments: Damage.allCases)
    func damagedCheckpointFallsBack(_ damage: Damage) throws {
      try withScratch { scratch in
        let (run, _) = try train(scratch, "run")
        let (straight, _) = try train(scratch, "straight", ["training.iterations=14"])
        try damage.apply(to: run, "step-00000012")
        let outcome = try resume(run, ["training.iterations=14"], ranks: 2)
        #expect(outcome.output.contains("going on after iteration 10\n"), "\(outcome)")
        let warnings = outcome.errors.components(separatedBy: "\n").filter {
          $0.hasPrefix("wgangp-dist: warning: skipped a damaged checkpoint: ")
        }
        #expect(warnings.count == 1, "\(outcome)")
        #expect(warnings.first?.contains(damage.warning) == true, "\(outcome)")
        #expect(warnings.first?.contains("step-00000012") == true, "\(outcome)")
        try run.expectSameCheckpoint(as: straight, "\(damage)")
        #expect(try run.metrics() == straight.metrics())
      }
    }

    /// A run that goes on somewhere is refused to others, who name the process; killed, it is free.
    @Test(arguments: [nil, 2]) func aRunInUse(ranks: Int?) throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let run = RunFolder(scratch.url("run").path)
        let job = try Program.start(
          ["train", "--config", config, "--run", run.path, "training.iterations=100000"],
          ranks: ranks)
        try job.wait(for: "checkpoint") { !run.checkpoints.isEmpty }
        for arguments in [["--resume", run.path], ["--config", config, "--run", run.path]] {
          let refused = try Program.run(["train"] + arguments, ranks: ranks)
          try refused.expectOneError(["\(run.path): in use by process "])
          #expect(
            job.programs.contains { refused.errors.contains("in use by process \($0) on ") },
            "\(refused)")
        }
        job.kill()
        let length = try #require(run.checkpoints.last.flatMap { Int($0.dropFirst(5)) }) + 3
        _ = try resume(run, ["training.iterations=\(length)"], ranks: ranks)
      }
    }

    /// Runs that start together take a folder each.
    @Test func simultaneousStarts() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let jobs = try (0..<4).map { _ in
          try Program.start(
            [
              "train", "--config", config, "training.iterations=1",
              "output.directory=\(scratch.path)/runs",
            ], ranks: nil)
        }
        for job in jobs {
          let outcome = try job.finish()
          #expect(outcome.status == 0, "\(outcome)")
        }
        for name in ["tiny", "tiny-2", "tiny-3", "tiny-4"] {
          let run = RunFolder("\(scratch.path)/runs/\(name)")
          #expect(run.latest == "step-00000001", "\(name)")
          #expect(try run.iterations() == [1], "\(name)")
        }
      }
    }

    @Test func keepsTheNewestCheckpoints() throws {
      try withScratch { scratch in
        let (run, _) = try train(scratch, "run", ["output.checkpointEvery=3 iterations"])
        let folder = try FileManager.default.contentsOfDirectory(atPath: run.path + "/checkpoints")
        #expect(folder.sorted() == ["latest", "step-00000009", "step-00000012"])
        // A relative link: the run can be moved.
        #expect(run.latest == "step-00000012")
        let three = [
          "output.keep=3", "training.iterations=18", "output.checkpointEvery=2 iterations",
        ]
        _ = try resume(run, three)
        #expect(run.checkpoints == ["step-00000014", "step-00000016", "step-00000018"])
        #expect(run.latest == "step-00000018")
      }
    }
  }
}
