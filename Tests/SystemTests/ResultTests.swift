import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// What commands print as their results: for programs, and where it cannot be written.
  @Suite(.serialized) struct ResultTests {
    /// A command that prints a result, as docs/commands.md calls it.
    private struct Case {
      let name: String
      let arguments: [String]
      var ranks: Int?
      var status: Int32 = 0
      /// Whether each line is a result.
      var hasLines = false
    }

    /// Commands with `--json` that do not run here: they want published files.
    private static let notRun = ["data download"]

    /// Every command with `--json`, on small inputs.
    ///
    /// - Parameters:
    ///   - scratch: What `prepare` has filled.
    ///   - turn: In the names of what is written: some commands refuse what is there.
    /// - Returns: One a row of the table.
    private static func cases(_ scratch: Scratch, turn: Int) -> [Case] {
      let path = { (name: String) in scratch.url(name).path }
      let new = { (name: String) in scratch.url("\(turn)-\(name)").path }
      let (config, run) = (["--config", path("tiny.yaml")], path("run"))
      let fixtures = repositoryFile("Tests/ConversionTests/Fixtures")
      let recording = repositoryFile("Tests/VerificationTests/Fixtures/fashion-width2.safetensors")
      return [
        Case(name: "evaluate", arguments: ["evaluate", run, "--samples", "16"]),
        Case(
          name: "evaluate train-classifier",
          arguments: [
            "evaluate", "train-classifier", "training.epochs=1", "data.count=200", "--output",
            new("network.yaml"),
          ]),
        Case(
          name: "verify",
          arguments: [
            "verify", "--config", repositoryFile("configs/fashion-mnist-wgan-gp.yaml"), recording,
          ]),
        Case(name: "replay", arguments: ["replay", run, "--from", "0", "--to", "2"]),
        Case(name: "why", arguments: ["why", run]),
        Case(name: "doctor", arguments: ["doctor"]),
        Case(
          name: "doctor --launch", arguments: ["doctor", "--launch"] + config, hasLines: true),
        Case(
          name: "bench",
          arguments: ["bench", "--iterations", "1", "--warmup", "0", "--shares", "1"] + config),
        Case(
          name: "bench --layers", arguments: ["bench", "--layers", "--iterations", "1"] + config),
        Case(
          name: "bench --exchange",
          arguments: ["bench", "--exchange", "--iterations", "1", "--warmup", "0"] + config,
          ranks: 2),
        Case(name: "bench --scores", arguments: ["bench", "--scores", "--score-sizes", "64,8"]),
        Case(name: "describe", arguments: ["describe"] + config),
        Case(
          name: "describe --features",
          arguments: [
            "describe", "--features", repositoryFile("configs/features/inception-fid.yaml"),
          ]),
        Case(
          name: "import",
          arguments: [
            "import", "--config", repositoryFile("configs/toy-8gaussians.yaml"), "--generator",
            fixtures + "/toy-generator.pdparams", "--map-file",
            repositoryFile("configs/weights/paddlescience-toy.map"), new("imported"), "width=1",
          ]),
        Case(
          name: "import --tensors",
          arguments: [
            "import", "--tensors", fixtures + "/tiny.pt", "--map", "^0=first",
            new("tiny.safetensors"),
          ]),
        Case(name: "export", arguments: ["export", run, new("exported")]),
        Case(
          name: "export --check", arguments: ["export", run, "--check", path("generator.onnx")]),
        Case(name: "data list", arguments: ["data", "list"]),
        Case(
          name: "data verify", arguments: ["data", "verify", "mnist", "--path", scratch.path],
          status: 1),
        Case(name: "data verify --config", arguments: ["data", "verify"] + config),
        Case(
          name: "data preview",
          arguments: ["data", "preview", "--output", new("preview.png")] + config),
      ]
    }

    private static func prepare(_ scratch: Scratch) throws {
      let config = try scratch.write("tiny.yaml", TinyConfiguration(hasCriticNorm: false).text)
      let run = scratch.url("run").path
      for arguments in [
        ["train", "--config", config, "--run", run, "training.iterations=2"],
        ["export", run, "--format", "onnx", "-o", scratch.url("generator.onnx").path],
      ] {
        let outcome = try Program.run(arguments)
        try #require(outcome.status == 0, "\(outcome)")
      }
    }

    /// The limits of `verify --json` are those of its table, and say what passes.
    @Test func limitsAreThoseOfTheTable() throws {
      struct Report: Decodable {
        struct Tensor: Decodable {
          var name: String
          var error: Double
          var limit: Double
          var passes: Bool
        }
        var tensors: [Tensor]
      }
      let command = [
        "verify", "--config", repositoryFile("configs/fashion-mnist-wgan-gp.yaml"),
        repositoryFile("Tests/VerificationTests/Fixtures/fashion-width2.safetensors"),
      ]
      let json = try Program.run(command + ["--json"])
      let tensors = try JSONDecoder().decode(Report.self, from: Data(json.output.utf8)).tensors
      let table = try Program.run(command).output.split(separator: "\n").map {
        $0.split(separator: " ").map(String.init)
      }
      #expect(tensors.count > 10, "\(json)")
      for tensor in tensors {
        let row = try #require(table.first { $0.first == tensor.name }, "\(tensor)")
        #expect(row[3] == String(format: "%.2e", tensor.limit), "\(tensor)")
        #expect(tensor.passes == (tensor.error <= tensor.limit), "\(tensor)")
      }
    }

    // MARK: - JSON

    /// A row of the table of keys.
    private struct Row {
      /// Those of the line itself that are always there, and that may be.
      let (always, sometimes): (Set<String>, Set<String>)
      /// With those of what stands under them.
      let all: Set<String>

      init(_ cells: [String]) {
        let columns = cells.map { Set(Self.words(Self.withoutBrackets($0))) }
        (always, sometimes) = (columns[0], columns[1])
        all = Set(cells.flatMap(Self.words))
      }

      /// What stands in backquotes.
      private static func words(_ text: String) -> [String] {
        text.components(separatedBy: "`").enumerated().filter { !$0.offset.isMultiple(of: 2) }
          .map(\.element)
      }

      private static func withoutBrackets(_ text: String) -> String {
        var depth = 0
        return text.filter { character in
          depth += character == "(" ? 1 : 0
          defer { depth -= character == ")" ? 1 : 0 }
          return depth == 0
        }
      }
    }

    /// The rows of docs/commands.md, by command.
    private static func rows() throws -> [String: Row] {
      let text = try String(contentsOfFile: repositoryFile("docs/commands.md"), encoding: .utf8)
      let table = text.components(separatedBy: "\n")
        .drop { $0 != "| command | keys | where there are such |" }.dropFirst(2)
        .prefix { $0.hasPrefix("|") }
      return Dictionary(
        uniqueKeysWithValues: table.map { line in
          let cells = line.components(separatedBy: "|").map {
            $0.trimmingCharacters(in: .whitespaces)
          }
          return (cells[1].replacingOccurrences(of: "`", with: ""), Row(Array(cells[2...3])))
        })
    }

    /// The keys of an object and of what stands in it, but for those that the data name.
    private static func keys(_ value: Any) -> [String] {
      if let list = value as? [Any] { return list.flatMap(keys) }
      return (value as? [String: Any] ?? [:]).flatMap { key, value in
        ["scores", "options", "fits"].contains(key) ? [key] : [key] + keys(value)
      }
    }

    /// Standard output is JSON and nothing else, and the documented keys are the printed ones.
    @Test func keysAreTheDocumentedOnes() throws {
      let rows = try Self.rows()
      try withScratch { scratch in
        try Self.prepare(scratch)
        let cases = Self.cases(scratch, turn: 0)
        #expect(Set(cases.map(\.name) + Self.notRun) == Set(rows.keys))
        for row in cases {
          let outcome = try Program.run(row.arguments + ["--json"], ranks: row.ranks)
          #expect(outcome.status == row.status, "\(row.name): \(outcome)")
          let lines = outcome.output.split(separator: "\n")
          #expect(row.hasLines ? lines.count > 1 : lines.count == 1, "\(row.name): \(outcome)")
          let expected = try #require(rows[row.name])
          for line in lines {
            let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
            let objects = try #require(
              value as? [[String: Any]] ?? (value as? [String: Any]).map { [$0] })
            #expect(!objects.isEmpty, "\(row.name)")
            for object in objects {
              let found = Set(object.keys)
              #expect(found.isSuperset(of: expected.always), "\(row.name): \(found)")
              #expect(
                found.isSubset(of: expected.always.union(expected.sometimes)),
                "\(row.name): \(found)")
              #expect(expected.all.isSuperset(of: Self.keys(object)), "\(row.name): \(line)")
            }
          }
        }
      }
    }

    /// The table names every command that has the option, and no other.
    @Test func theTableIsComplete() throws {
      let groups = ["evaluate": ["run", "train-classifier"], "data": Self.dataCommands]
      let commands = Program.commands.flatMap { command in
        groups[command]?.map { [command, $0] } ?? [[command]]
      }
      let options = try commands.filter {
        try Program.run($0 + ["--help"]).output.contains("--json")
      }
      let named = Set(try Self.rows().keys.map { $0.components(separatedBy: " --")[0] })
      #expect(
        named
          == Set(
            options.map { $0.joined(separator: " ").replacingOccurrences(of: " run", with: "") }))
    }

    private static let dataCommands = ["list", "download", "verify", "preview"]

    /// Details of a command whose standard output is a program's go elsewhere.
    @Test func detailsAreNoPartOfTheResult() throws {
      try withScratch { scratch in
        try Self.prepare(scratch)
        let outcome = try Program.run(
          ["evaluate", scratch.url("run").path, "--samples", "16", "--json", "--verbose"])
        #expect(outcome.status == 0, "\(outcome)")
        #expect(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) is [String: Any])
        #expect(outcome.errors.contains("reads \(scratch.path)/run/checkpoints/"), "\(outcome)")
      }
    }

    // MARK: - Where it cannot be written

    /// On a full disk: one line, and no status of success.
    @Test func aLostResultIsAnError() throws {
      try withScratch { scratch in
        try Self.prepare(scratch)
        let run = scratch.url("run").path
        let others = [
          ["--help"], ["--version"], ["train", "--help"],
          ["--generate-completion-script", "bash"], ["plot", run, "-o", run + "/p.png"],
          ["report", run], ["sample", run],
          ["train", "--dry-run", "--resume", run, "training.iterations=3"],
        ]
        // What mpirun prints for its ranks is its own.
        let cases = Self.cases(scratch, turn: 1).filter { $0.ranks == nil }.map(\.arguments)
        for arguments in cases + others {
          let outcome = try Self.run(arguments, "> /dev/full")
          #expect(outcome.status == 1, "\(arguments): \(outcome)")
          #expect(outcome.errorLines.count == 1, "\(arguments): \(outcome)")
        }
      }
    }

    /// The result of `train` is its folder: progress that nobody reads ends nothing.
    @Test func lostProgressIsNoError() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration(hasCriticNorm: false).text)
        let run = RunFolder(scratch.url("run").path)
        let outcome = try Self.run(
          ["train", "--config", config, "--run", run.path, "training.iterations=2"],
          "> /dev/full")
        #expect(outcome.status == 0 && outcome.errorLines.isEmpty, "\(outcome)")
        #expect(run.latest == "step-00000002")
      }
    }

    private static func run(_ arguments: [String], _ redirection: String) throws -> Outcome {
      let script = "exec \"$@\" \(redirection)"
      return try RunningJob(["bash", "-c", script, "bash", Program.path] + arguments).finish()
    }
  }
}
