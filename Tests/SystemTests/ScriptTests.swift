import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// Scripts are sound: they parse, and start.
  @Suite(.serialized) struct ScriptTests {
    /// The paths of files below a folder of the project whose names end so.
    private static func files(_ folder: String, _ suffix: String) throws -> [String] {
      let path = repositoryFile(folder)
      return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        .filter { $0.hasSuffix(suffix) }.map { "\(path)/\($0)" }
    }

    private static func hasCommand(_ name: String) -> Bool {
      let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
      return path.split(separator: ":").contains {
        FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
      }
    }

    @Test func shellScriptsParse() throws {
      let scripts =
        try Self.files("launch", ".sh") + Self.files("launch", ".sbatch")
        + Self.files("benchmarks", ".sh") + Self.files("Tests/cluster", ".sh")
        + Self.files("docs", ".sh") + Self.files("docs/course", ".sh")
        + [repositoryFile(".ci/run")]
      #expect(scripts.count >= 19, "\(scripts)")
      for script in scripts {
        let outcome = try RunningJob(["bash", "-n", script]).finish()
        #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(script): \(outcome)")
        #expect(FileManager.default.isExecutableFile(atPath: script), "\(script)")
      }
    }

    @Test(.enabled(if: hasCommand("python3"), "python3 is missing"))
    func pythonScriptsParseAndHelp() throws {
      let scripts = try Self.files("benchmarks", ".py")
      #expect(scripts.count >= 8, "\(scripts)")
      try withScratch { scratch in
        for script in scripts {
          // The compiled file goes elsewhere: the folder may not be ours.
          let compiled = scratch.url("compiled.pyc").path
          let compile = "import py_compile, sys; py_compile.compile(*sys.argv[1:], doraise=True)"
          let outcome = try RunningJob(["python3", "-c", compile, script, compiled]).finish()
          #expect(outcome.status == 0, "\(script): \(outcome)")
          let lines = try String(contentsOfFile: script, encoding: .utf8).split(separator: "\n")
          // A module without a command line, or one that PyTorch's users start.
          guard lines.contains(where: { $0.contains("__main__") }),
            !lines.contains(where: { $0 == "import torch" || $0.hasPrefix("import pytorch_") })
          else { continue }
          let help = try RunningJob(["python3", "-B", script, "--help"]).finish()
          #expect(help.status == 0 && help.output.hasPrefix("usage: "), "\(script): \(help)")
        }
      }
    }

    @Test func setupFindsThisMachineComplete() throws {
      let outcome = try RunningJob(["bash", repositoryFile("launch/setup.sh")]).finish()
      #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome)")
    }

    /// In a PATH of its own: without `apt-get`, and `pkg-config` knows all libraries but one.
    @Test(
      arguments: [
        ([], "mpirun libpng"), (["mpirun"], "libpng"), (["mpirun", "libpng"], nil),
      ] as [([String], String?)])
    func setupNamesWhatIsMissing(there: [String], missing: String?) throws {
      try withScratch { scratch in
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        for tool in ["bash", "paste", "id"] {
          let place = path.split(separator: ":").map { "\($0)/\(tool)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
          try FileManager.default.createSymbolicLink(
            atPath: scratch.url(tool).path, withDestinationPath: try #require(place))
        }
        // Given all names at once it fails too where one is missing.
        let lacks = there.contains("libpng") ? "none" : "libpng"
        let shell = "#!\(scratch.url("bash").path)\n"
        let scripts = ["swift": "", "pkg-config": "[[ \" $* \" != *\" \(lacks) \"* ]]\n"]
        for (name, script) in scripts.merging(
          there.contains("mpirun") ? ["mpirun": ""] : [:], uniquingKeysWith: { $1 })
        {
          let file = try scratch.write(name, shell + script)
          try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
        }
        let outcome = try RunningJob([
          "PATH=\(scratch.path)", "bash", repositoryFile("launch/setup.sh"),
        ]).finish()
        guard let missing else {
          return #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome)")
        }
        #expect(outcome.status == 1, "\(outcome)")
        #expect(
          outcome.errors.hasPrefix("setup: missing: \(missing). Install them; "), "\(outcome)")
      }
    }

    /// A line before and behind it; a terminal sees the build itself, anything else only why it
    /// failed.
    @Test(.enabled(if: hasCommand("script"), "script is missing"))
    func buildsAreShown() throws {
      try withScratch { scratch in
        let swift = try scratch.write("swift", "#!/bin/bash\necho \"at work: $*\"; exit $STATUS\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: swift)
        let build = try scratch.write(
          "local.sh",
          "set -euo pipefail; source \(repositoryFile("launch/build.sh")); show_build -c release\n")
        func show(_ status: Int, terminal: Bool, environment: [String] = []) throws -> Outcome {
          try RunningJob(
            ["env", "-u", "NO_COLOR", "PATH=\(scratch.path):/usr/bin:/bin", "STATUS=\(status)"]
              + environment
              + (terminal ? ["script", "-qec", "bash \(build)", "/dev/null"] : ["bash", build])
          ).finish()
        }
        let begin = "local: builds the program: some five minutes the first time on two cores, "
        for status in 0...1 {
          let quiet = try show(status, terminal: false)
          #expect(quiet.status == Int32(status) && quiet.errors.hasPrefix(begin), "\(quiet)")
          #expect(quiet.errors.contains("at work: ") == (status == 1), "\(quiet)")
          #expect(quiet.errors.hasSuffix(" s\n") == (status == 0), "\(quiet)")
          let seen = try show(status, terminal: true)
          #expect(seen.status == Int32(status) && seen.output.hasPrefix(begin), "\(seen)")
          #expect(seen.output.contains("at work: build -c release\r\n"), "\(seen)")
          #expect(seen.output.contains("local: built in ") == (status == 0), "\(seen)")
        }
        let plain = try show(0, terminal: true, environment: ["NO_COLOR=1"])
        #expect(plain.output.contains("at work: build -c release --no-color-diagnostics\r"))
      }
    }

    /// What README says of the time is what scripts and help say.
    @Test func timesAgree() throws {
      func text(_ file: String) throws -> String {
        try String(contentsOfFile: repositoryFile(file), encoding: .utf8)
      }
      let readme = try text("README.md")
      #expect(readme.contains("Half a minute of training on two cores, after some five minutes of"))
      #expect(try text("launch/build.sh").contains("build_time='some five minutes'"))
      for script in ["local", "install", "package"] {
        #expect(try text("launch/\(script).sh").contains("Expected time: some five minutes"))
      }
      #expect(try Program.run(["--help"]).output.contains("the default run, half a minute"))
      let tests =
        "eighteen minutes on two cores from a clean clone: eleven of builds, seven of tests"
      #expect(readme.contains(tests))
      #expect(try text("launch/test.sh").contains(tests))
    }

    /// More ranks than cores are free and yield; one that fills a core stays there.
    @Test func launcherKnowsTheCores() throws {
      func words(_ arguments: [String]) throws -> Outcome {
        try RunningJob([repositoryFile("launch/launcher.sh")] + arguments).finish()
      }
      let cores = Int(
        try RunningJob(["nproc"]).finish().output.trimmingCharacters(in: .whitespacesAndNewlines))
      let many = try #require(cores) + 1
      let start = { (ranks: Int) in "mpirun\n-n\n\(ranks)\n--oversubscribe\n--bind-to\n" }
      for arguments in [["1", "1"], ["\(many - 1)"]] {
        let outcome = try words(arguments)
        #expect(outcome.output == start(Int(arguments[0]) ?? 0) + "core:overload-allowed\n")
      }
      let yields = "none\n--mca\nmpi_yield_when_idle\n1\n"
      #expect(try words(["\(many)"]).output == start(many) + yields)
      #expect(try words(["1", "\(many)"]).output == start(1) + yields)
      for arguments in [[], ["0"], ["2", "x"]] {
        let outcome = try words(arguments)
        #expect(outcome.status == 1 && outcome.errors.hasPrefix("launcher: expected RANKS"))
      }
    }

    /// What a killed mpirun has left goes at the next start, but nothing of one that lives.
    @Test func leftoversOfLaunchersAreRemoved() throws {
      try withScratch { scratch in
        // No process has this number: the kernel's limit is 2^22.
        let (dead, living) = ("pid.20000000", "pid.\(getpid())")
        for host in ["${HOSTNAME%%.*}", "elsewhere"] {
          let made = try RunningJob([
            "bash", "-c", "mkdir -p \(scratch.path)/ompi.\(host).$UID/{\(dead),\(living)}/0",
          ]).finish()
          try #require(made.status == 0, "\(made)")
        }
        let outcome = try RunningJob([
          "env", "TMPDIR=\(scratch.path)", "bash", "-c",
          "source \(repositoryFile("launch/launcher.sh")); run_ranks true",
        ]).finish()
        #expect(outcome.status == 0, "\(outcome)")
        let files = FileManager.default
        for folder in try files.contentsOfDirectory(atPath: scratch.path) {
          let left = try files.contentsOfDirectory(atPath: scratch.url(folder).path).sorted()
          #expect(left == (folder.contains("elsewhere") ? [dead, living] : [living]).sorted())
        }
      }
    }

    /// A job script trains to the end.
    ///
    /// Called again, it finds nothing to do. An error is not retried.
    @Test func hostsTrainsAndGoesOn() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration(hasCriticNorm: false).text)
        func hosts(_ arguments: [String]) throws -> Outcome {
          try RunningJob(
            [
              "env", "HOSTFILE=", "RANKS=2", "PROGRAM=\(Program.path)",
              "RUN=\(scratch.url("run").path)", repositoryFile("launch/hosts.sh"),
            ] + arguments
          ).finish()
        }
        for _ in 0..<2 {
          let outcome = try hosts(["--config", config])
          #expect(outcome.status == 0, "\(outcome)")
          #expect(outcome.errors.hasSuffix("run is done\n"), "\(outcome)")
        }
        let wrong = try hosts(["--config", scratch.url("none.yaml").path])
        #expect(wrong.status == 1, "\(wrong)")
        #expect(wrong.errors.hasSuffix("status 1: an error, not started again\n"), "\(wrong)")
        // mpirun's paragraphs are left out, the program's line is there.
        #expect(!wrong.errors.contains("Primary job"), "\(wrong)")
        #expect(wrong.errors.contains("none.yaml"), "\(wrong)")
      }
    }

    /// The rules of a further start.
    ///
    /// No status below 128 but 75, and none without a new checkpoint after `RETRIES`.
    @Test func jobStartsAgainWhileItGetsOn() throws {
      try withScratch { scratch in
        let run = scratch.url("run").path
        try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
        func finish(_ status: Int) throws -> Outcome {
          let text =
            "source launch/job.sh; RUN=\(run) RETRIES=2 status=\(status); finish echo again"
          return try RunningJob(
            ["bash", "-c", "cd \(repositoryFile(".")) && { \(text); }"]
          ).finish()
        }
        for (status, ends, again) in [
          (0, 0, ""), (1, 1, ""), (75, 75, "again\n"), (137, 75, "again\n"), (205, 205, ""),
        ] {
          let outcome = try finish(status)
          #expect(outcome.status == ends && outcome.output == again, "\(status): \(outcome)")
        }
        let checkpoints = run + "/checkpoints"
        try FileManager.default.createDirectory(
          atPath: checkpoints, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
          atPath: checkpoints + "/latest", withDestinationPath: "step-1")
        #expect(try finish(205).output == "again\n")
      }
    }

    /// So is a job that has stalled.
    @Test func stalledJobsStartAgain() throws {
      try withScratch { scratch in
        let run = try scratch.write("run/config.yaml", "")
        let text = "RUN=$(dirname \(run)) status=74; finish echo again"
        let outcome = try RunningJob(
          ["bash", "-c", "cd \(repositoryFile(".")) && { source launch/job.sh; \(text); }"]
        ).finish()
        #expect(outcome.status == 75 && outcome.output == "again\n", "\(outcome)")
      }
    }

    /// What a job script hands to the program: the time that is left, where it is known, and the
    /// threads.
    @Test(
      arguments: [
        ("1 ''", "--continue a=1"), ("1 90", "--continue --time-limit 90 a=1"),
        ("2 ''", "--continue training.threads=2 a=1"),
      ])
    func jobsKnowTheirEnd(words: String, expected: String) throws {
      try withScratch { scratch in
        let program = try scratch.write("program", "#!/bin/bash\necho \"$*\"\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        let text =
          "source launch/job.sh; launcher=(env); RUN=r PROGRAM=\(program); train_run \(words) a=1; "
          + "echo $status"
        let outcome = try RunningJob(
          ["bash", "-c", "cd \(repositoryFile(".")) && { \(text); }"]
        ).finish()
        #expect(outcome.output == "train --run r \(expected)\n0\n", "\(outcome)")
      }
    }

    /// One small study with all it writes, and again from its results.
    @Test(.enabled(if: hasCommand("python3"), "python3 is missing"))
    func scalingWritesTableAndResults() throws {
      try withScratch { scratch in
        func scaling(_ arguments: [String]) throws -> Outcome {
          let script = repositoryFile("benchmarks/scaling.py")
          return try RunningJob(
            [
              "python3", "-B", script, "--program", Program.path, "--results",
              scratch.url("results").path,
            ] + arguments
          ).finish()
        }
        let config = try scratch.write("tiny.yaml", TinyConfiguration(hasCriticNorm: false).text)
        let job = ["--config", config, "--rounds", "1", "--iterations", "1", "--warmup", "0"]
        let outcome = try scaling(
          job + [
            "--shares", "1", "--ranks", "1,2", "--batches", "none", "--widths", "2", "--sizes", "8",
          ])
        #expect(outcome.status == 0, "\(outcome)")
        // A head, its rule and the rows: of 2 ranks only where they have a core each.
        let table = { (outcome: Outcome) in
          outcome.output.split(separator: "\n").filter { $0.hasPrefix("| ") }
        }
        let counts = [3 * 2 + 2 + 2, 3 * 2 + 2 + 4]
        #expect(counts.contains(table(outcome).count), "\(outcome)")
        let results = scratch.url("results/scaling.json")
        let data = try JSONSerialization.jsonObject(with: Data(contentsOf: results))
        let points = try #require((data as? [String: Any])?["points"] as? [[String: Any]])
        let axes = points.compactMap { $0["axis"] as? String }
        #expect(Array(axes.prefix(2)) == ["ranks", "ranks"])
        let again = try scaling(["--from", results.path, "--name", "again"])
        #expect(again.status == 0, "\(again)")
        #expect(table(again) == table(outcome))

        let wrong = try scaling(job + ["--ranks", "3"])
        #expect(wrong.status == 1 && wrong.errors.contains("3 ranks"), "\(wrong)")
        #expect(wrong.errors.contains("expected from 1, 2, 4, 8"), "\(wrong)")
        let failing = try scaling(job + ["--ranks", "1", "--launcher", "false {ranks}"])
        #expect(failing.status == 1 && failing.errors.contains("false 1 "), "\(failing)")
      }
    }
  }
}
