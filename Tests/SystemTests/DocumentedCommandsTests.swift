import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// The command lines of README.md and docs: their commands and options are the program's, and
  /// those that end within seconds run.
  @Suite(.serialized) struct DocumentedCommandsTests {
    /// A line of code that starts the program.
    private struct Line: CustomStringConvertible {
      /// What stands behind `mpirun -n`; nil for a single process.
      var ranks: Int?
      /// The words behind the program's name.
      var words: [String]

      var description: String { words.joined(separator: " ") }
    }

    /// Lines of fenced or indented code that start the program.
    private static func lines(_ file: String) throws -> [Line] {
      let text = try String(contentsOfFile: repositoryFile(file), encoding: .utf8)
      var isCode = false
      var lines: [Line] = []
      for line in text.replacingOccurrences(of: "\\\n", with: " ").split(separator: "\n") {
        if line.hasPrefix("```") { isCode.toggle() }
        let words = words(line.prefix { $0 != "#" })
        guard isCode || line.hasPrefix("    "),
          let program = words.firstIndex(where: { isProgram($0) })
        else { continue }
        let count = words[..<program].firstIndex(of: "-n").flatMap { Int(words[$0 + 1]) }
        lines.append(Line(ranks: count, words: Array(words[(program + 1)...])))
      }
      return lines.filter { !$0.words.isEmpty }
    }

    /// The words of a line as a shell has them: what stands in quotes is one.
    private static func words(_ line: Substring) -> [String] {
      line.split(separator: "\"", omittingEmptySubsequences: false).enumerated().flatMap {
        $0.isMultiple(of: 2) ? $1.split(separator: " ").map(String.init) : [String($1)]
      }
    }

    private static func isProgram(_ word: String) -> Bool {
      word == "wgangp-dist" || word == ".build/release/wgangp-dist"
    }

    @Test(arguments: ["README.md", "docs/commands.md", "docs/paddlescience.md"])
    func commandsAndOptionsExist(file: String) throws {
      let lines = try Self.lines(file).map(\.words)
      #expect(lines.count > 1, "\(file): \(lines.count) command lines")
      var helps: [[String]: String] = [:]
      for words in lines {
        guard let first = words.first, !first.hasPrefix("-") else { continue }
        let hasSubcommand =
          (first == "data" || words.dropFirst().first == "train-classifier") && words.count > 1
          && !words[1].hasPrefix("-")
        // The help of a command that is the default of its group.
        let command =
          first == "evaluate" && !hasSubcommand
          ? ["evaluate", "run"] : Array(words.prefix(hasSubcommand ? 2 : 1))
        if helps[command] == nil {
          let outcome = try Program.run(command + ["--help"])
          #expect(outcome.status == 0, "\(file): \(words): \(outcome)")
          #expect(
            outcome.output.contains("wgangp-dist \(command.joined(separator: " "))"),
            "\(file): \(words)")
          helps[command] = outcome.output
        }
        for option in words where option.hasPrefix("--") {
          let name = option.prefix { $0 != "=" && $0 != "," && $0 != ")" }
          #expect(helps[command]?.contains(name) == true, "\(file): \(name) in \(words)")
        }
      }
    }

    // MARK: - Running them

    /// The beginnings of lines that do not run here: they download, want downloaded data, or take
    /// half a minute.
    private static let notRun = [
      "data download ", "data verify mnist", "data preview mnist", "bench --exchange ",
      "evaluate train-classifier --config",
    ]

    /// What makes a line short that would go on for minutes or hours; later options win.
    private static func additions(to words: [String]) -> [String] {
      switch words[0] {
      case "train":
        (words.contains("--dry-run") ? [] : ["--dry-run"])
          + (words.contains("--resume") || words.contains("--from") ? [] : ["width=8"])
      // The fixtures' width.
      case "import" where words.contains("configs/toy-8gaussians.yaml"): ["width=1"]
      case "bench": ["--iterations", "2", "--shares", "1", "width=2", "training.batch=16"]
      case "doctor" where words.contains("--launch"): ["width=2", "training.batch=16"]
      case "sample" where words.contains("--single"): ["--count", "20"]
      default: []
      }
    }

    /// In the documents' order, in a folder with the runs and files that they name.
    @Test func linesRun() throws {
      try withScratch { scratch in
        try Self.prepare(scratch)
        let lines = try Self.lines("README.md") + Self.lines("docs/commands.md")
        for beginning in Self.notRun {
          #expect(lines.contains { "\($0)".hasPrefix(beginning) }, "no line is \(beginning)")
        }
        var count = 0
        for line in lines where !Self.notRun.contains(where: { "\(line)".hasPrefix($0) }) {
          let words = line.words + Self.additions(to: line.words)
          let outcome = try Self.run(words, ranks: line.ranks, in: scratch)
          #expect(outcome.status == 0 && outcome.errorLines.isEmpty, "\(line): \(outcome)")
          #expect(!outcome.output.isEmpty, "\(line)")
          count += 1
        }
        #expect(count > 25, "\(count) lines")
      }
    }

    private static func run(
      _ arguments: [String], ranks: Int? = nil, in scratch: Scratch
    ) throws -> Outcome {
      try RunningJob(Program.command(arguments, ranks: ranks), in: scratch.path).finish()
    }

    /// The runs that the lines name, those of one row being the same one under several names.
    private static let runs = [
      [
        "glyphs", "penalty-10", "penalty-100", "a", "b", "steps-5", "steps-1",
        "fashion-mnist-wgan-gp", "fashion-mnist-wgan-gp-no-critic-norm",
      ],
      ["conditional"], ["gaussians25"], ["ring"], ["best"],
    ]

    private static func prepare(_ scratch: Scratch) throws {
      let files = FileManager.default
      try files.createSymbolicLink(
        atPath: scratch.url("configs").path, withDestinationPath: repositoryFile("configs"))
      try files.copyItem(
        atPath: repositoryFile("Tests/VerificationTests/Fixtures/fashion-width2.safetensors"),
        toPath: scratch.url("recording.safetensors").path)
      try ConfigurationFilesTests.writeImages("data/fashion-mnist", in: scratch)
      _ = try scratch.write("conditions.csv", "width,radius\n0.1,1\n0.2,1.5\n")
      // Steps 200 are drawn and measured; a few iterations of the default give its own generator.
      let tiny = TinyConfiguration(hasCriticNorm: false).text
      let conditional = tiny.replacingOccurrences(
        of: "layers:\n", with: "layers:\n  - labelConcat\n"
      )
      .replacingOccurrences(of: "count: 200,", with: "count: 200, classes: 10,")
      for (names, arguments) in zip(
        runs,
        [
          [try scratch.write("tiny.yaml", tiny), "training.iterations=200"],
          [try scratch.write("conditional.yaml", conditional), "training.iterations=2"],
          ["configs/toy-25gaussians.yaml", "training.iterations=2", "width=2"],
          ["configs/toy-ring.yaml", "training.iterations=2", "width=2"],
          [
            "tiny.yaml", "training.iterations=2", "evaluation.every=1 iteration",
            "evaluation.best={score: diversity, prefer: highest}",
          ],
        ])
      {
        try train("runs/\(names[0])", arguments, scratch)
        for name in names.dropFirst() {
          try files.copyItem(
            at: scratch.url("runs/\(names[0])"), to: scratch.url("runs/\(name)"))
        }
      }
      try train(
        "whole", ["configs/glyphs.yaml", "training.iterations=1", "training.batch=16"], scratch)
      try files.copyItem(
        atPath: RunFolder(scratch.url("whole").path).file("generator.safetensors", of: "latest"),
        toPath: scratch.url("generator.safetensors").path)
      let reals = try Self.run(
        ["sample", "runs/glyphs", "--single", "reals", "--count", "20", "--seed", "9"], in: scratch)
      try #require(reals.status == 0, "\(reals)")
      for (name, fixture) in [("reals.npy", "big-endian.npy"), ("generated.npz", "stored.npz")] {
        try files.copyItem(
          atPath: repositoryFile("Tests/DatasetsTests/Fixtures/numpy/\(fixture)"),
          toPath: scratch.url(name).path)
      }
      let exported = try Self.run(["export", "whole", ".", "--pt"], in: scratch)
      try #require(exported.status == 0, "\(exported)")
      for name in ["generator", "discriminator"] {
        try files.copyItem(
          atPath: repositoryFile("Tests/ConversionTests/Fixtures/toy-\(name).pdparams"),
          toPath: scratch.url("model_\(name)_toy_8gaussians.pdparams").path)
      }
    }

    private static func train(
      _ run: String, _ arguments: [String], _ scratch: Scratch
    ) throws {
      let outcome = try Self.run(
        ["train", "--run", run, "--config", arguments[0]]
          + ["output.checkpointEvery=100 iterations", "evaluation.every=never"]
          + arguments.dropFirst(), in: scratch)
      try #require(outcome.status == 0, "\(outcome)")
    }

    // MARK: - Printed examples

    /// README shows what `describe` prints.
    ///
    /// Memory is a little less where kernels are AVX2's.
    @Test func describePrintsWhatIsShown() throws {
      let text = try String(contentsOfFile: repositoryFile("README.md"), encoding: .utf8)
      let config = "configs/fashion-mnist-wgan-gp.yaml"
      let start = try #require(
        text.range(of: "`wgangp-dist describe --config \(config)` prints\n\n```\n"))
      let end = try #require(text.range(of: "\n```", range: start.upperBound..<text.endIndex))
      let outcome = try Program.run(["describe", "--config", repositoryFile(config)])
      let shown = text[start.upperBound..<end.lowerBound].components(separatedBy: "\n")
      let printed = outcome.output.components(separatedBy: "\n").dropLast()
      #expect(shown.count == printed.count && shown.count > 30, "\(outcome)")
      var isMemory = false
      for (shown, printed) in zip(shown, printed) {
        isMemory = isMemory || shown.hasPrefix("memory")
        let label = { (line: String) in line.components(separatedBy: "  ")[0] }
        #expect(isMemory ? label(shown) == label(printed) : shown == printed)
      }
    }
  }
}
