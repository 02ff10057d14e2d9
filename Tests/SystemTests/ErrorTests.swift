import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// What goes wrong ends the job in seconds, with one line that says what.
  @Suite(.serialized) struct ErrorTests {
    /// A single process, and two ranks under mpirun.
    static let launches: [Int?] = [nil, 2]

    /// Runs `train` with the tiny configuration, and expects one line of error with all of `words`.
    private func expectError(
      _ overrides: [String], ranks: Int?, words: [String],
      configuration: TinyConfiguration = TinyConfiguration(),
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", configuration.text)
        let run = scratch.url("run").path
        let outcome = try Program.run(
          ["train", "--config", config, "--run", run] + overrides, ranks: ranks)
        try outcome.expectOneError(words, sourceLocation: sourceLocation)
        // A refused run leaves no folder in the way of the corrected one.
        #expect(
          !FileManager.default.fileExists(atPath: run), "\(outcome)",
          sourceLocation: sourceLocation)
      }
    }

    // MARK: - Data

    @Test(arguments: launches) func missingDataFolder(ranks: Int?) throws {
      try withScratch { scratch in
        let folder = scratch.url("digits").path
        try expectError(
          ["data={source: idx, path: \(folder)}"], ranks: ranks,
          words: ["\(folder): no such folder", "train-images-idx3-ubyte"])
      }
    }

    @Test(arguments: launches) func truncatedData(ranks: Int?) throws {
      try withScratch { scratch in
        let path = try scratch.write(
          "digits/train-images-idx3-ubyte", Self.images(count: 20).dropLast(100))
        try expectError(
          ["data={source: idx, path: \(scratch.url("digits").path)}"], ranks: ranks,
          words: ["\(path): truncated: the header says 15696 bytes, the file has 15596"])
      }
    }

    /// The first rank of a node reads for it.
    @Test func dataMissingOnOneNode() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        _ = try scratch.write("here/digits/train-images-idx3-ubyte", Self.images(count: 20))
        _ = try scratch.write("there/none", "")
        let train = [
          Program.path, "train", "--config", config, "--run", scratch.url("run").path,
          "data={source: idx, path: digits}",
        ]
        let outcome = try RunningJob(
          ["WGANGP_RANKS_PER_NODE=2"] + Program.launcher
            + ["-n", "2", "-wdir", scratch.url("here").path] + train
            + [":", "-n", "2", "-wdir", scratch.url("there").path] + train
        ).finish()
        try outcome.expectOneError(["rank 2: digits: no such folder"])
      }
    }

    /// Black images of 28 x 28 as an IDX file.
    private static func images(count: Int) -> Data {
      let sizes = [0x803, count, 28, 28].flatMap { size in
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: size >> $0) }
      }
      return Data(sizes) + Data(count: count * 28 * 28)
    }

    // MARK: - Configuration

    @Test(arguments: launches) func unknownKey(ranks: Int?) throws {
      try expectError(
        ["training.bacth=64"], ranks: ranks,
        words: ["training.bacth=64: unknown key; did you mean 'batch'?"])
    }

    /// The typo is the reason why the required key is missing: it has to be named.
    @Test(arguments: launches) func misspelledRequiredKey(ranks: Int?) throws {
      try expectError(
        [], ranks: ranks,
        words: [
          "tiny.yaml:31: training.batch: missing", "did you write 'bacth' for 'batch'?",
        ],
        configuration: TinyConfiguration(batchKey: "bacth"))
    }

    @Test(arguments: launches) func valueOutOfRange(ranks: Int?) throws {
      try expectError(
        ["training.batch=0"], ranks: ranks,
        words: ["training.batch=0: expected an integer from 1", "found 0"])
    }

    @Test(arguments: launches) func batchSmallerThanShards(ranks: Int?) throws {
      try expectError(
        ["training.batch=4"], ranks: ranks,
        words: ["training.batch=4: expected at least training.shards = 8 samples, found 4"])
    }

    @Test func batchLargerThanTheData() throws {
      try expectError(
        ["data.count=20", "training.batch=24", "training.lastBatch=drop"], ranks: 2,
        words: ["command line: training.batch=24: found 24, but the data set has 20 samples"])
    }

    @Test(arguments: launches) func missingConfiguration(ranks: Int?) throws {
      try withScratch { scratch in
        let path = scratch.url("none.yaml").path
        let outcome = try Program.run(["train", "--config", path], ranks: ranks)
        try outcome.expectOneError(["\(path): no such file"])
      }
    }

    /// Open MPI may wait for ever where ranks send one another messages of other lengths.
    @Test(arguments: [
      ["train", "--run", "run", "--config", "tiny.yaml"], ["bench", "--config", "tiny.yaml"],
      ["bench", "--exchange", "--config", "tiny.yaml"],
    ])
    func ranksWithDifferentConfigurations(arguments: [String]) throws {
      try withScratch { scratch in
        // One command line, and another file under the name on each machine.
        for width in [4, 8] {
          let text = TinyConfiguration().text
            .replacingOccurrences(of: "width: 4\n", with: "width: \(width)\n")
          _ = try scratch.write("\(width)/tiny.yaml", text)
        }
        let rank = { (width: Int) in
          ["-n", "1", "env", "-C", "\(scratch.path)/\(width)", Program.path] + arguments
        }
        let outcome = try RunningJob(Program.launcher + rank(4) + [":"] + rank(8)).finish()
        try outcome.expectOneError(["rank 1: the configuration differs from rank 0's: "])
      }
    }

    @Test(arguments: [
      [
        "Tests/VerificationTests/Fixtures/objectives/hinge-r1.yaml", "verify",
        repositoryFile("Tests/VerificationTests/Fixtures/objectives/hinge-r1.safetensors"),
      ], ["configs/classifiers/glyphs.yaml", "evaluate", "train-classifier", "--output", "c.yaml"],
    ])
    func ranksWithDifferentSeeds(words: [String]) throws {
      try withScratch { scratch in
        let text = try String(contentsOfFile: repositoryFile(words[0]), encoding: .utf8)
        for (folder, seed) in [("a", 11), ("b", 12)] {
          let other = text.replacingOccurrences(
            of: "\nseed: [0-9]+", with: "", options: .regularExpression)
          _ = try scratch.write("\(folder)/x.yaml", "\(other)\nseed: \(seed)\n")
        }
        let rank = { (folder: String) in
          ["-n", "1", "env", "-C", scratch.url(folder).path, Program.path] + words.dropFirst()
            + ["--config", "x.yaml"]
        }
        let outcome = try RunningJob(Program.launcher + rank("a") + [":"] + rank("b")).finish()
        try outcome.expectOneError([
          "rank 1: the configuration differs from rank 0's: 'seed: 12' here"
        ])
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(scratch.path)/a").count == 1)
      }
    }

    /// A relative folder is another run on each rank.
    @Test func ranksThatFindOtherRuns() throws {
      try withScratch { scratch in
        let run = try trained(scratch, name: "a/run")
        let files = FileManager.default
        for folder in ["b", "c"] {
          try files.copyItem(atPath: scratch.url("a").path, toPath: scratch.url(folder).path)
        }
        let unnamed = try RunningJob(
          ["env", "-C", scratch.url("a").path, Program.path, "evaluate", "run"]
        ).finish()
        #expect(unnamed.status == 64 && unnamed.errors.contains("; say ./run for"), "\(unnamed)")
        // Older weights under the newest name, and another configuration.
        let newest = scratch.url("b/run/checkpoints/\(try #require(run.checkpoints.last))")
        try files.removeItem(at: newest)
        try files.copyItem(
          at: scratch.url("b/run/checkpoints/\(try #require(run.checkpoints.first))"), to: newest)
        let file = scratch.url("c/run/config.yaml")
        let text = try String(contentsOf: file, encoding: .utf8)
        try text.replacingOccurrences(of: "seed: 7\n", with: "seed: 8\n")
          .write(to: file, atomically: true, encoding: .utf8)
        for (other, words) in [
          ("a", nil), ("b", "rank 1: the checkpoint differs from rank 0's: './run/checkpoints/"),
          ("c", "rank 1: the configuration differs from rank 0's: 'seed: 8' here"),
        ] as [(String, String?)] {
          let rank = { (folder: String) in
            ["-n", "1", "env", "-C", scratch.url(folder).path, Program.path, "evaluate", "./run"]
              + ["--scores", "diversity", "--samples", "64"]
          }
          let outcome = try RunningJob(Program.launcher + rank("a") + [":"] + rank(other)).finish()
          if let words { try outcome.expectOneError([words]) }
          #expect((outcome.status == 0) == (words == nil), "\(outcome)")
        }
      }
    }

    @Test func ranksThatDoNotDivideTheShards() throws {
      try expectError(
        [], ranks: 3,
        words: [
          "tiny.yaml:", "training.shards: 3 ranks cannot take equal subtrees of 8 shards",
          "1, 2, 4 or 8 ranks",
        ])
    }

    // MARK: - Run folders

    @Test(arguments: launches) func runFolderTaken(ranks: Int?) throws {
      try withScratch { scratch in
        let run = try trained(scratch)
        let before = try run.contents(of: "checkpoints/latest")
        let outcome = try Program.run(
          ["train", "--config", scratch.url("tiny.yaml").path, "--run", run.path], ranks: ranks)
        try outcome.expectOneError(["\(run.path): holds a run already", "--continue"])
        #expect(try run.contents(of: "checkpoints/latest") == before)
      }
    }

    @Test(arguments: launches) func unwritablePlace(ranks: Int?) throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let outcome = try Program.run(
          ["train", "--config", config, "output.directory=/proc/nowhere"], ranks: ranks)
        try outcome.expectOneError(["/proc/nowhere"])
      }
    }

    @Test(arguments: launches) func resumedFolderIsNoRun(ranks: Int?) throws {
      try withScratch { scratch in
        for path in [scratch.path, scratch.url("none").path] {
          let outcome = try Program.run(["train", "--resume", path], ranks: ranks)
          try outcome.expectOneError(["\(path): expected the folder of a run", "config.yaml"])
        }
      }
    }

    @Test(arguments: launches) func resumedRunHasNoCheckpoint(ranks: Int?) throws {
      try withScratch { scratch in
        let run = try trained(scratch, ["output.keep=1"])
        try FileManager.default.removeItem(atPath: run.file("DONE", of: "step-00000012"))
        let outcome = try Program.run(["train", "--resume", run.path], ranks: ranks)
        try outcome.expectOneError(["\(run.path): has no whole checkpoint"])
      }
    }

    @Test(arguments: launches) func resumedCheckpointIsTruncated(ranks: Int?) throws {
      try withScratch { scratch in
        let run = try trained(scratch, ["output.keep=1"])
        let file = URL(fileURLWithPath: run.file("generator.safetensors", of: "step-00000012"))
        try Data(contentsOf: file).prefix(1000).write(to: file)
        let outcome = try Program.run(["train", "--resume", run.path], ranks: ranks)
        try outcome.expectOneError(["\(run.path): has no whole checkpoint"])
        #expect(outcome.errors.contains("\(file.path): has 1000 bytes, DONE says"), "\(outcome)")
      }
    }

    /// A whole checkpoint, but of wider networks.
    @Test(arguments: launches) func resumedCheckpointIsForeign(ranks: Int?) throws {
      try withScratch { scratch in
        let run = try trained(scratch)
        let other = try trained(scratch, ["width=5"], name: "other")
        let files = FileManager.default
        try files.removeItem(atPath: run.file("", of: "step-00000012"))
        try files.copyItem(
          atPath: other.file("", of: "step-00000012"), toPath: run.file("", of: "step-00000012"))
        let refused = try Program.run(["train", "--resume", run.path], ranks: ranks)
        try refused.expectOneError([
          "step-00000012: config.yaml has been changed since: critic.layers.0.conv2d.channels is 4,"
        ])
        let outcome = try Program.run(
          ["train", "--resume", run.path, "--accept-changes"], ranks: ranks)
        try outcome.expectOneError([
          "step-00000012/generator.safetensors: 0.weight has shape [16, 10, 7, 7], expected "
            + "[16, 8, 7, 7]", "another configuration",
        ])
      }
    }

    @Test(arguments: launches) func resumedRunKeepsItsConfiguration(ranks: Int?) throws {
      try withScratch { scratch in
        let run = try trained(scratch)
        let outcome = try Program.run(
          ["train", "--resume", run.path, "training.batch=24"], ranks: ranks)
        try outcome.expectOneError(["training.batch=24: a resumed run keeps its configuration"])
      }
    }

    // MARK: - While training

    /// Files may not grow beyond 32 KiB: metrics and pictures fit, the optimizer's does not.
    @Test(arguments: launches) func fullDisk(ranks: Int?) throws {
      try withScratch { scratch in
        let run = try trained(scratch)
        let job = try Program.start(
          ["train", "--resume", run.path, "training.iterations=1000000"], ranks: ranks)
        try job.wait(for: "checkpoint after the resume") { run.checkpoints.last != "step-00000012" }
        // Only now: MPI makes files of its own at the start.
        try job.limitFileSize(to: 32768)
        let outcome = try job.finish(timeout: 10)
        try outcome.expectOneError(["\(run.path)/checkpoints/", "safetensors"])
        #expect(
          outcome.errorLines.first?.lowercased().contains("large") == true, "\(outcome)")
        // What was saved before is whole, and nothing half-written stays.
        let left = try FileManager.default.contentsOfDirectory(atPath: run.path + "/checkpoints")
        #expect(left.filter { $0.hasPrefix(".") } == [])
        let last = try #require(run.checkpoints.last)
        #expect(run.latest == last)
        let done = try #require(Int(last.dropFirst("step-".count)))
        let resumed = try Program.run(
          ["train", "--resume", run.path, "training.iterations=\(done + 1)"])
        #expect(resumed.status == 0, "\(resumed)")
        #expect(resumed.output.contains("going on after iteration \(done)"), "\(resumed)")
        #expect(!resumed.errors.contains("damaged"), "\(resumed)")
      }
    }

    /// No checkpoint has room: the run ends without one, and says where it wanted to write.
    @Test func fullDiskFromTheStart() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let run = RunFolder(scratch.url("run").path)
        let train = Program.command(["train", "--config", config, "--run", run.path], ranks: nil)
        let outcome = try RunningJob(["bash", "-c", "ulimit -f 8; exec \"$@\"", "bash"] + train)
          .finish()
        try outcome.expectOneError(["\(run.path)/checkpoints/", "safetensors"])
        #expect(run.checkpoints == [])
        let left = try FileManager.default.contentsOfDirectory(atPath: run.path + "/checkpoints")
        #expect(left == [])
      }
    }

    /// The generator's first step leaves nothing that a Float could hold; what was saved before the
    /// next iteration finds out stays.
    @Test(arguments: launches) func divergence(ranks: Int?) throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let run = RunFolder(scratch.url("run").path)
        let outcome = try Program.run(
          [
            "train", "--config", config, "--run", run.path,
            "optimizer.generator.adam.learningRate=1e30", "output.checkpointEvery=1 iterations",
          ], ranks: ranks)
        try outcome.expectOneError(["critic step 1 of iteration 2", "nan", "diverged"])
        #expect(run.checkpoints == ["step-00000001"])
        #expect(run.latest == "step-00000001")
        #expect(try run.iterations() == [1])
      }
    }

    @Test func divergenceInTheFirstStep() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let outcome = try Program.run(
          [
            "train", "--config", config, "--run", scratch.url("run").path,
            "optimizer.critic.adam.learningRate=1e30",
          ], ranks: 2)
        try outcome.expectOneError(["critic step 2 of iteration 1", "diverged"])
      }
    }

    /// A crash ends a rank as a kill does: no handler prints first, and waits.
    @Test(arguments: [(0, SIGKILL), (1, SIGKILL), (0, SIGABRT), (1, SIGSEGV)])
    func killedRankEndsTheJob(victim: Int, by signal: Int32) throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let run = RunFolder(scratch.url("run").path)
        let train = [
          "train", "--config", config, "--run", run.path, "training.iterations=1000000",
        ]
        // As users have it: other tests switch Swift's handler off.
        let job = try RunningJob(
          ["-u", "SWIFT_BACKTRACE"] + Program.command(train, ranks: 2))
        try job.wait(for: "second checkpoint") { run.checkpoints.count >= 2 }
        let ranks = job.programs.sorted()
        try #require(ranks.count == 2)
        let begin = DispatchTime.now().uptimeNanoseconds
        kill(ranks[victim], signal)
        let outcome = try job.finish()
        #expect(outcome.status != 0, "\(outcome)")
        #expect(Double(DispatchTime.now().uptimeNanoseconds - begin) * 1e-9 < 10, "\(outcome)")
        for rank in ranks { #expect(!isRunning(rank), "rank \(rank) lives on") }
        // The run can go on.
        let last = try #require(run.checkpoints.last.flatMap { Int($0.dropFirst(5)) })
        let resumed = try Program.run(
          ["train", "--resume", run.path, "training.iterations=\(last + 1)"])
        #expect(resumed.status == 0, "\(resumed)")
      }
    }

    /// Whether a process runs the program; what nobody has waited for yet does not.
    private func isRunning(_ pid: Int32) -> Bool {
      let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe")
      return program == Program.path
    }

    /// A finished tiny run.
    private func trained(
      _ scratch: Scratch, _ overrides: [String] = [], name: String = "run"
    ) throws -> RunFolder {
      let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
      let path = scratch.url(name).path
      let outcome = try Program.run(["train", "--config", config, "--run", path] + overrides)
      try #require(outcome.status == 0, "\(outcome)")
      return RunFolder(path)
    }
  }
}
