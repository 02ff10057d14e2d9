import Foundation
import Testing

extension SystemTests {
  /// What the program says beside its results: who says it, and what happens where nobody reads it.
  @Suite(.serialized) struct MessageTests {
    static let launches: [Int?] = [nil, 2]

    /// One line, whole, from one rank; the status is every rank's.
    @Test(arguments: launches) func wrongUseIsToldOnce(ranks: Int?) throws {
      let alone = try Program.run(["train", "--confg", "x.yaml"])
      let outcome = try Program.run(["train", "--confg", "x.yaml"], ranks: ranks)
      #expect(outcome.status == 64, "\(outcome)")
      #expect(outcome.errorLines.count == 1, "\(outcome)")
      #expect(
        alone.errors == "wgangp-dist: error: unknown option '--confg'; did you mean '--config'? "
          + "wgangp-dist train --help lists the options\n", "\(alone)")
      // mpirun says something of its own behind it.
      #expect(outcome.errors.contains(alone.errors), "\(outcome)")
      // The rank that has nothing to say waits to be ended; it must not be waited for.
      #expect(outcome.seconds < 4, "\(outcome)")
    }

    @Test(
      arguments: [
        (["trian"], "unexpected argument 'trian'; wgangp-dist --help"),
        (["sample"], "missing expected argument '<path>'; wgangp-dist sample --help"),
        (
          ["data", "--foo"],
          "unknown option '--foo'; did you mean '--json'? wgangp-dist data list --help"
        ),
        (
          ["evaluate", "--own"],
          "expected a run's folder or a checkpoint's, or --reals and --samples; wgangp-dist "
            + "evaluate run --help"
        ),
        (
          ["train", "--quiet", "--verbose"],
          "--quiet and --verbose: expected one of them; wgangp-dist train --help"
        ),
        (
          ["sample", "x", "--format", "y"],
          "the value 'y' is invalid for '--format <npz|npy|hdf5|csv>'; expected one of "
            + "'npz', 'npy', 'hdf5' or 'csv'; wgangp-dist sample --help"
        ),
      ] as [([String], String)])
    func wrongUseIsOneLine(arguments: [String], text: String) throws {
      let outcome = try Program.run(arguments)
      #expect(outcome.status == 64 && outcome.output.isEmpty, "\(outcome)")
      #expect(outcome.errors == "wgangp-dist: error: \(text) lists the options\n")
    }

    // MARK: - How much is told, and where

    private static func train(_ scratch: Scratch, _ name: String) throws -> [String] {
      let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
      return [
        "train", "--config", config, "--run", scratch.url(name).path, "training.iterations=3",
      ]
    }

    /// Lines of a log without their times.
    private static func log(_ url: URL) throws -> [String] {
      try String(contentsOf: url, encoding: .utf8).components(separatedBy: "\n").dropLast().map {
        #expect($0.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ .+/#) != nil, "\($0)")
        return String($0.dropFirst(21))
      }
    }

    /// The log has what the terminal has, from one rank, and with `--quiet` what it has not.
    @Test(arguments: launches) func logHasAllThatIsTold(ranks: Int?) throws {
      try withScratch { scratch in
        let log = scratch.url("logs/a.log")
        let told = try Program.run(
          Self.train(scratch, "told") + ["--log", log.path], ranks: ranks)
        #expect(told.status == 0, "\(told)")
        let first = try Self.log(log)
        #expect(first.first?.contains(" train --config ") == true, "\(first)")
        let shown = (told.output + told.errors).split(whereSeparator: \.isNewline).map(String.init)
        #expect(shown.count > 5)
        for line in shown where !line.hasPrefix("epoch ") {
          #expect(first.filter { $0 == line }.count == 1, "\(line): \(first)")
        }
        #expect(first.contains { $0.hasPrefix("epoch 1/1 it 3/3 ") }, "\(first)")
        #expect(first.contains { $0.hasPrefix("wgangp-dist: warning: the critic has") })

        let quiet = try Program.run(
          Self.train(scratch, "quiet") + ["--quiet", "--log", log.path], ranks: ranks)
        #expect(quiet.status == 0 && quiet.output.isEmpty, "\(quiet)")
        let both = try Self.log(log)
        #expect(Array(both.prefix(first.count)) == first)
        let second = both.dropFirst(first.count)
        #expect(second.contains { $0.hasPrefix("done: 3 iterations") }, "\(second)")
        #expect(second.contains { $0.hasPrefix("epoch 1/1 it 3/3 ") }, "\(second)")

        let failed = try Program.run(
          Self.train(scratch, "told") + ["--log", log.path], ranks: ranks)
        #expect(failed.status == 1, "\(failed)")
        #expect(try Self.log(log).last == failed.errorLines.first)
      }
    }

    /// No folder, and no room: one warning, and the same run.
    @Test(
      arguments: [
        (
          "/proc/none/a.log",
          "/proc/none: cannot create the folder: No such file or directory; nothing is logged there"
        ),
        (
          "/dev/full",
          "/dev/full: cannot write: No space left on device; what cannot be logged is lost"
        ),
      ])
    func aLostLogEndsNothing(path: String, warning: String) throws {
      try withScratch { scratch in
        let usual = try Program.run(Self.train(scratch, "usual"))
        let outcome = try Program.run(Self.train(scratch, "run") + ["--log", path])
        #expect(outcome.status == 0, "\(outcome)")
        let lines = { (outcome: Outcome) in outcome.errors.components(separatedBy: "\n") }
        let added = lines(outcome).filter { !lines(usual).contains($0) }
        #expect(added == ["wgangp-dist: warning: \(warning)"], "\(outcome)")
        #expect(lines(outcome).count == lines(usual).count + 1, "\(outcome)")
        try RunFolder(scratch.url("run").path).expectSame(
          as: RunFolder(scratch.url("usual").path), path)
      }
    }

    /// The path stands in the warning as a whole, and the advice, which is about runs, does not.
    @Test func aLostLogIsNamedWhole() throws {
      try withScratch { scratch in
        let log = scratch.url("a; b.log").path
        try FileManager.default.createSymbolicLink(atPath: log, withDestinationPath: "/dev/full")
        let outcome = try Program.run(Self.train(scratch, "run") + ["--log", log])
        #expect(outcome.status == 0, "\(outcome)")
        let warning =
          "wgangp-dist: warning: \(log): cannot write: No space left on device; what cannot be "
          + "logged is lost\n"
        #expect(outcome.errors.contains(warning), "\(outcome)")
      }
    }

    @Test(arguments: launches) func verboseTellsWhatAFaultNeeds(ranks: Int?) throws {
      try withScratch { scratch in
        let train = try Self.train(scratch, "run")
        let outcome = try Program.run(train + ["--verbose"], ranks: ranks)
        #expect(outcome.status == 0, "\(outcome)")
        let lines = outcome.output.split(whereSeparator: \.isNewline).map(String.init)
        let run = scratch.url("run").path
        for beginning in [
          "kernels: AVX", "exchange: ", "reads \(scratch.path)/tiny.yaml", "memory: ",
          "shards: \(8 / (ranks ?? 1)) of 8 a rank", "checkpoints: \(run)/checkpoints, ",
          "wrote \(run)/checkpoints/step-00000003 in ", "wrote \(run)/samples/",
        ] {
          #expect(lines.contains { $0.hasPrefix(beginning) }, "\(beginning): \(outcome)")
        }
        #expect(lines.filter { $0.hasPrefix("rank ") }.count == ranks ?? 1, "\(outcome)")
        for iteration in 0...3 {
          #expect(
            lines.filter { $0.hasPrefix("epoch 1/1 it \(iteration)/3") }.count == 1, "\(outcome)")
        }
      }
    }

    @Test func loadedLibrariesAreDetails() throws {
      try withScratch { scratch in
        let outcome = try Program.run(
          [
            "bench", "--layers", "--iterations", "1", "--verbose", "--log", scratch.url("l").path,
            "width=2",
          ])
        #expect(outcome.status == 0, "\(outcome)")
        #expect(
          outcome.output.contains("loads libopenblas.so.0, for bench --layers and most scores\n"))
        // The result is logged too.
        #expect(try Self.log(scratch.url("l")).contains { $0.hasPrefix("layer ") })
      }
    }

    /// Neither in files nor under mpirun, which gives its ranks a terminal.
    @Test(arguments: launches) func nothingIsColoured(ranks: Int?) throws {
      try withScratch { scratch in
        let outcome = try Program.run(
          Self.train(scratch, "run"), ranks: ranks,
          environment: ["TERM": "xterm-256color", "CLICOLOR_FORCE": "1", "FORCE_COLOR": "1"])
        #expect(outcome.status == 0, "\(outcome)")
        #expect(!(outcome.output + outcome.errors).contains("\u{1B}"), "\(outcome)")
      }
    }

    // MARK: - Who says it, and to whom

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
  }
}
