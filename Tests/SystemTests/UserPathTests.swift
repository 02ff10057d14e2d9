import Foundation
import Testing

extension SystemTests {
  /// Paths as users give them, and output that cannot be written.
  @Suite(.serialized) struct UserPathTests {
    /// `~` in quotes or behind `=` comes to the program.
    @Test func tildeIsTheHome() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let home = scratch.url("home").path
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        func run(_ arguments: [String]) throws -> Outcome {
          try Program.run(arguments, environment: ["HOME": home])
        }
        let train = ["train", "--config", config, "training.iterations=1"]
        for arguments in [["--run", "~/a"], ["--run=~/b"], ["output.directory=~/c"]] {
          let outcome = try run(train + arguments)
          #expect(outcome.status == 0, "\(outcome)")
        }
        let sample = try run(["sample", "~/a", "-o", "~/d/e.png"])
        #expect(sample.output == "\(home)/d/e.png\n", "\(sample)")
        #expect(
          try FileManager.default.contentsOfDirectory(atPath: home).sorted() == [
            "a", "b", "c", "d",
          ])
        #expect(FileManager.default.fileExists(atPath: "\(home)/c/tiny/config.yaml"))
        try run(train + ["--run", "~nobody/x"]).expectOneError(
          ["~nobody/x: the homes of other users are not looked up"])
      }
    }

    /// A full disk under a command's result is its failure; a reader that has gone is none.
    @Test func resultsThatCannotBeWritten() throws {
      func describe(_ redirection: String) throws -> Outcome {
        let script = "set -o pipefail; \"$@\" \(redirection)"
        return try RunningJob(["bash", "-c", script, "bash", Program.path, "describe"]).finish()
      }
      for redirection in ["> /dev/full", "--json > /dev/full"] {
        let outcome = try describe(redirection)
        #expect(outcome.status == 1, "\(outcome)")
        #expect(
          outcome.errorLines.first?.hasPrefix(
            "wgangp-dist: error: standard output cannot be written") == true, "\(outcome)")
      }
      #expect(try describe("| true").errorLines.isEmpty)
      #expect(try describe(">&-").status == 0)
    }

    /// The commands for data need no networks in the file.
    @Test func dataAlone() throws {
      try withScratch { scratch in
        let config = try scratch.write("data.yaml", "data: {source: glyphs, count: 30}\n")
        let picture = scratch.url("picture.png").path
        for command in [["verify"], ["preview", "--output", picture]] {
          let outcome = try Program.run(["data"] + command + ["--config", config])
          #expect(outcome.status == 0, "\(outcome)")
        }
        #expect(FileManager.default.fileExists(atPath: picture))
        try Program.run(["data", "verify", "--config", config, "data.cuont=3"]).expectOneError(
          ["data.cuont"])
      }
    }
  }
}
