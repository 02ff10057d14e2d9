import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// launch/array.sh: a table of slices, of which one fails, one is stopped and goes on.
  @Suite(.serialized) struct ArrayScriptTests {
    private struct Slice: Decodable {
      var slice: Int
      var name: String
      var state: String
      var iterations: Int
      var total: Int?
      var seconds: Double
      var bestIteration: Int?
      var last: [String: Double?]
      var why: String
    }

    private func arguments(_ scratch: Scratch, _ words: [String]) -> [String] {
      [
        "env", "PROGRAM=\(Program.path)", "RUNS=\(scratch.url("runs").path)",
        repositoryFile("launch/array.sh"),
      ] + words
    }

    private func report(_ scratch: Scratch) throws -> [Slice] {
      try JSONDecoder().decode(
        [Slice].self, from: Data(contentsOf: scratch.url("runs/report.json")))
    }

    @Test func slicesFailStopAndGoOn() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration(hasCriticNorm: false).text)
        let slice = "--config \(config)"
        let table = try scratch.write(
          "slices.txt",
          """
          # A slice a line.
          \(slice) 'name=first, of "four"' seed=1 evaluation.every='6 iterations' \
          'evaluation.best={score: diversity, prefer: highest}'
          \(slice) name=wrong seed=2 training.bach=3
          \(slice) name=long training.iterations=1000000

          \(slice) name=open 'quote

          """)
        let job = try RunningJob(arguments(scratch, ["--jobs", "2", table]))
        let long = RunFolder(scratch.url("runs/4").path)
        try job.wait(for: "a few iterations of the long slice", timeout: 60) {
          let ends = ["2", "3"].map { number in
            try? String(contentsOf: scratch.url("runs/\(number).status"), encoding: .utf8)
          }
          return ends == ["0\n", "1\n"] && (try? long.iterations().count) ?? 0 > 3
        }
        job.send(SIGINT)
        let stopped = try job.finish()
        #expect(stopped.status == 1, "\(stopped)")
        let first = try report(scratch)
        #expect(first.map(\.slice) == [2, 3, 4, 6])
        #expect(first.map(\.name) == ["first, of \"four\"", "wrong", "long", ""])
        #expect(first.prefix(3).map(\.state) == ["done", "failed", "stopped"], "\(stopped)")
        #expect(["not begun", "failed"].contains(first[3].state), "\(stopped)")
        #expect(first[0].iterations == 12 && first[0].total == 12 && first[0].seconds >= 0)
        #expect(first[0].bestIteration != nil && first[0].last["diversity"] != nil)
        #expect(first[1].why.contains("training.bach=3: unknown key"), "\(first[1])")
        #expect(stopped.errors.contains("array: 3 (wrong): status 1: "), "\(stopped)")
        #expect(stopped.output.split(separator: "\n").count == 5, "\(stopped)")

        let state = try RunningJob(arguments(scratch, ["--report", "--only", "4", table])).finish()
        #expect(state.status == 75, "\(state)")
        // Another number of iterations for the rest of the slice, where it stopped and three more.
        let end = "training.iterations=\(try #require(long.iterations().last) + 3)"
        let resumed = try RunningJob(arguments(scratch, ["--only", "1,4", table, end])).finish()
        #expect(resumed.status == 0, "\(resumed)")
        #expect(try report(scratch).prefix(3).map(\.state) == ["done", "failed", "done"])
        let csv = try String(contentsOf: scratch.url("runs/report.csv"), encoding: .utf8)
        #expect(csv.contains("\n2,\"first, of \"\"four\"\"\","), "\(csv)")
        let whole = RunFolder(scratch.url("whole").path)
        let undisturbed = try Program.run(["train", "--config", config, "--run", whole.path, end])
        try #require(undisturbed.status == 0, "\(undisturbed)")
        try long.expectSameCheckpoint(as: whole, "the resumed slice")

        let quote = try RunningJob(arguments(scratch, ["--only", "6", table])).finish()
        #expect(quote.status == 1 && quote.errors.contains("quotes that do not match"), "\(quote)")
      }
    }

    /// A slice that stalls goes on at once, one that fails does not.
    @Test(arguments: [(74, "0\n", 2), (1, "1\n", 1)])
    func stalledSlicesStartAgain(status: Int, last: String, starts: Int) throws {
      try withScratch { scratch in
        // train --run FOLDER ...; the second start does all.
        let text = """
          #!/bin/bash
          mkdir -p "$3"
          echo start >>"$3/starts"
          [[ $(wc -l <"$3/starts") -ge 2 ]] || exit \(status)

          """
        let program = try scratch.write("program", text)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        let table = try scratch.write("slices.txt", "name=a\n")
        let outcome = try RunningJob([
          "env", "PROGRAM=\(program)", "RUNS=\(scratch.url("runs").path)", "BIND=none",
          repositoryFile("launch/array.sh"), table,
        ]).finish()
        let found = try String(contentsOf: scratch.url("runs/1.status"), encoding: .utf8)
        #expect(found == last, "\(outcome)")
        let lines = try String(contentsOf: scratch.url("runs/1/starts"), encoding: .utf8)
        #expect(lines.split(separator: "\n").count == starts, "\(outcome)")
      }
    }

    /// What a slice's log says by the way, behind its end.
    @Test func warningsAndTheirEndsAreNoEnds() throws {
      try withScratch { scratch in
        let table = try scratch.write("slices.txt", "name=a\n")
        _ = try scratch.write(
          "runs/1/run.log",
          """
          2026-11-29T12:00:00Z started: 1 rank
          2026-11-29T12:00:01Z stopped: by SIGINT; checkpoints took 1 s
          2026-11-29T12:00:02Z warning: iteration 7: the loss explodes
          2026-11-29T12:00:03Z recovered: iteration 99: it no longer does

          """)
        let outcome = try RunningJob(arguments(scratch, ["--report", table])).finish()
        let slices = try report(scratch)
        #expect(slices.map(\.state) == ["stopped"], "\(outcome)")
        #expect(slices.map(\.why) == ["by SIGINT"], "\(outcome)")
      }
    }

    @Test(
      arguments: [
        (["--jobs", "0", "TABLE"], 64, "found 0"), (["--only", "x", "TABLE"], 64, "--only x"),
        (["--only", "7", "TABLE"], 1, "no slice among 7"), (["none.txt"], 1, "no such file"),
        ([], 64, "no table"), (["--what", "TABLE"], 64, "--what: expected"),
      ] as [([String], Int32, String)])
    func wrongWordsAreRefused(words: [String], status: Int32, text: String) throws {
      try withScratch { scratch in
        let table = try scratch.write("slices.txt", "name=a\n# none\n")
        let outcome = try RunningJob(
          arguments(scratch, words.map { $0 == "TABLE" ? table : $0 })
        ).finish()
        #expect(outcome.status == status && outcome.errors.contains(text), "\(outcome)")
      }
    }
  }
}
