import Foundation
import Testing

extension SystemTests {
  /// What the program says beside its results: who says it, and what happens where nobody reads it.
  @Suite(.serialized) struct MessageTests {
    static let launches: [Int?] = [nil, 2]

    /// One line and the usage, whole, from one rank; the status is every rank's.
    @Test(arguments: launches) func wrongUseIsToldOnce(ranks: Int?) throws {
      let alone = try Program.run(["train", "--confg", "x.yaml"])
      let outcome = try Program.run(["train", "--confg", "x.yaml"], ranks: ranks)
      #expect(outcome.status == 64, "\(outcome)")
      #expect(outcome.errorLines.count == 1, "\(outcome)")
      #expect(
        alone.errors.hasPrefix("wgangp-dist: error: Unknown option '--confg'"), "\(alone)")
      // mpirun says something of its own behind it.
      #expect(outcome.errors.contains(alone.errors), "\(outcome)")
      // The rank that has nothing to say waits to be ended; it must not be waited for.
      #expect(outcome.seconds < 4, "\(outcome)")
    }

    @Test func helpIsPrintedOnce() throws {
      let outcome = try Program.run(["train", "--help"], ranks: 2)
      #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome)")
      #expect(outcome.output.components(separatedBy: "USAGE:").count == 2, "\(outcome)")
    }

    /// A closed standard error, and one without room: the run with its warning does its work, a
    /// failing one has the same status as ever.
    @Test(arguments: ["2>&-", "2>/dev/full"]) func lostMessagesEndNothing(redirection: String)
      throws
    {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        func run(_ arguments: [String]) throws -> Outcome {
          let script = "exec \"$@\" \(redirection)"
          return try RunningJob(["bash", "-c", script, "bash", Program.path] + arguments).finish()
        }
        func train(_ name: String) throws -> (RunFolder, [String]) {
          let folder = RunFolder(scratch.url(name).path)
          return (
            folder,
            ["train", "--config", config, "--run", folder.path, "training.iterations=2"]
          )
        }
        let (expected, usual) = try train("usual")
        let (found, lost) = try train("lost")
        #expect(try Program.run(usual).errors.hasPrefix("wgangp-dist: warning: "))
        let outcome = try run(lost)
        #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome)")
        #expect(
          try found.contents(of: "checkpoints/latest")
            == expected.contents(
              of: "checkpoints/latest"))
        // Its folder is taken now.
        #expect(try run(lost).status == 1)
        #expect(try run(["train", "--confg", "x.yaml"]).status == 64)
      }
    }

    /// Ranks whose networks differ send one another messages of other lengths: the rank whose
    /// memory is too small says so, in MPI's words.
    @Test func failedCallsAreToldInMPIsWords() throws {
      let outcome = try withScratch { scratch in
        // One command line: ranks compare theirs before anything else.
        for (folder, width) in [("a", 4), ("b", 8)] {
          let text = TinyConfiguration().text
            .replacingOccurrences(of: "width: 4\n", with: "width: \(width)\n")
          _ = try scratch.write("\(folder)/tiny.yaml", text)
        }
        func bench(_ folder: String) -> [String] {
          ["-n", "1", "env", "-C", "\(scratch.path)/\(folder)", Program.path]
            + ["bench", "--config", "tiny.yaml", "--iterations", "1", "--warmup", "0"]
            + ["--shares", "0"]
        }
        return try RunningJob(Program.launcher + bench("a") + [":"] + bench("b"))
          .finish(timeout: 30)
      }
      #expect(outcome.status != 0, "\(outcome)")
      let lines = outcome.errorLines
      #expect(
        lines.contains {
          $0.hasPrefix("wgangp-dist: error: rank 0 of 2: MPI_Waitall failed: ")
            && $0.contains("MPI_ERR_TRUNCATE: message truncated")
        }, "\(outcome)")
    }
  }
}
