import Foundation
import Testing

extension SystemTests {
  /// `sample`, `plot` and `evaluate` on runs that `train` made.
  @Suite(.serialized) struct PictureCommandTests {
    /// One line, which names a PNG file that is there.
    private func expectPicture(
      _ outcome: Outcome, _ path: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      #expect(outcome.status == 0, "\(outcome)", sourceLocation: sourceLocation)
      #expect(outcome.output == path + "\n", "\(outcome)", sourceLocation: sourceLocation)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      #expect(bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]), sourceLocation: sourceLocation)
    }

    @Test func runsAreDrawnWithAndWithoutRanks() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let runs = ["one", "two"].map { scratch.url($0).path }
        for (seed, run) in runs.enumerated() {
          let outcome = try Program.run([
            "train", "--config", config, "--run", run, "seed=\(seed)",
          ])
          try #require(outcome.status == 0, "\(outcome)")
        }
        // Three ranks cannot share the shards of training; drawing takes one.
        for ranks in [nil, 3] as [Int?] {
          let path = "\(runs[0])/samples/step-00000012.png"
          try expectPicture(Program.run(["sample", runs[0]], ranks: ranks), path)
          let same =
            try Data(contentsOf: URL(fileURLWithPath: path))
            == Data(contentsOf: URL(fileURLWithPath: "\(runs[0])/samples/iteration-000012.png"))
          #expect(same)
          for arguments in [
            ["--columns", "w_distance,diversity"], ["--grids", "--names", "first,second"], [],
          ] {
            let picture = scratch.url("picture.png").path
            try expectPicture(
              Program.run(["plot"] + runs + ["-o", picture] + arguments, ranks: ranks), picture)
          }
          let scores = try Program.run(["evaluate", runs[0], "--samples", "50"], ranks: ranks)
          #expect(scores.status == 0, "\(scores)")
          #expect(scores.output.hasPrefix("samples      50 of seed 0, step 12\ndiversity    0."))
          #expect(scores.output.hasSuffix(" of the reals' deviation\n"), "\(scores)")
          let json = try Program.run(["evaluate", runs[0], "--json", "--seed", "3"], ranks: ranks)
          let start = "\"scores\":{\"diversity\":{\"diversity (1)\":0."
          #expect(json.output.contains(start), "\(json)")
          #expect(json.output.contains("\"samples\":1000,") && json.output.contains("\"seed\":3,"))
          try Program.run(["evaluate", runs[0], "--scores", "modeCoverage"], ranks: ranks)
            .expectOneError(["--scores: modeCoverage: the data of tiny have no modes to count"])
          try Program.run(["sample", runs[0], "--step", "7"], ranks: ranks).expectOneError([
            "has no checkpoint of step 7; there are 10, 12"
          ])
          try Program.run(["plot", scratch.url("none").path], ranks: ranks).expectOneError([
            "none/metrics.csv"
          ])
        }
      }
    }

    /// Files by the ending of their names, and pages, of runs that `train` made.
    @Test func filesForPapersAndPages() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration(hasCriticNorm: false).text)
        let runs = ["one", "two"].map { scratch.url($0).path }
        for (seed, run) in runs.enumerated() {
          let outcome = try Program.run([
            "train", "--config", config, "--run", run, "--quiet", "seed=\(seed)",
          ])
          try #require(outcome.status == 0, "\(outcome)")
          #expect(outcome.output.isEmpty && outcome.errorLines.isEmpty, "\(outcome)")
        }
        for (ending, start) in [("svg", "<svg xmlns"), ("pdf", "%PDF-1.4")] {
          let path = scratch.url("x.\(ending)").path
          for command in [["plot"] + runs, ["plot", "--grids"] + runs, ["sample", runs[0]]] {
            let outcome = try Program.run(command + ["-o", path])
            #expect(outcome.status == 0 && outcome.output == path + "\n", "\(outcome)")
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            #expect(bytes.starts(with: Array(start.utf8)) && bytes.count > 1000, "\(command)")
          }
          let preview = try Program.run(["data", "preview", "--config", config, "-o", path])
          #expect(preview.output.hasPrefix(path + ": "), "\(preview)")
        }
        for command in [
          ["plot"] + runs + ["-o", "x.gif"], ["sample", runs[0], "-o", "x.gif"],
          ["evaluate", runs[0], "--neighbours", "x.gif"],
          ["evaluate", runs[0], "--scores", "histograms", "--histograms", "x.gif"],
          ["data", "preview", "--config", config, "--output", "x.gif"],
        ] {
          let outcome = try Program.run(command)
          #expect(
            outcome.status == 64
              && outcome.errors.contains(
                "x.gif: expected a picture's name that ends in .png, .svg, .pdf"),
            "\(outcome)")
        }
        let own = try String(contentsOfFile: "\(runs[0])/report.html", encoding: .utf8)
        #expect(own.contains("<span class=\"state\">done</span>"))
        let path = scratch.url("page.html").path
        for ranks in [nil, 2] as [Int?] {
          let outcome = try Program.run(["report"] + runs + ["-o", path], ranks: ranks)
          #expect(outcome.status == 0 && outcome.output == path + "\n", "\(outcome)")
        }
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.contains("<code>seed</code></th><td>0</td><td>1</td>"))
        #expect(text.contains("<mark>1</mark>") && !text.contains("http-equiv"))
        #expect(text.contains("Z, wgangp-dist 0."))
        try Program.run(["report", scratch.path]).expectOneError([
          "expected the folder of a run, found no config.yaml in it"
        ])
        let story = try Program.run(["why", runs[0], "--json"])
        #expect(story.output.contains("\"state\":\"done\"") && story.output.hasSuffix("}\n"))
      }
    }

    /// A page that is watched loads itself again, follows its run, and stays when Ctrl-C comes.
    @Test func watchedPagesFollowTheirRun() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration(hasCriticNorm: false).text)
        let run = scratch.url("run").path
        let page = "\(run)/report.html"
        let trained = try Program.run(["train", "--config", config, "--run", run, "--quiet"])
        try #require(trained.status == 0, "\(trained)")
        let job = try RunningJob(Program.command(["report", run, "--watch"], ranks: nil))
        func text() -> String { (try? String(contentsOfFile: page, encoding: .utf8)) ?? "" }
        try job.wait(for: "page that loads itself") { text().contains("http-equiv=\"refresh\"") }
        let log = "2026-01-01T00:00:00Z warning: a word of the test\n"
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(run)/run.log"))
        try file.seekToEnd()
        try file.write(contentsOf: Data(log.utf8))
        try file.close()
        try job.wait(for: "warning in the page") {
          text().contains("<li>a word of the test</li>")
        }
        for pid in job.programs { kill(pid, SIGINT) }
        let outcome = try job.finish()
        #expect(outcome.status == 0 && outcome.output.hasSuffix("\n\(page)\n"), "\(outcome)")
        #expect(!text().contains("http-equiv") && text().contains("a word of the test"))
      }
    }

    /// All that applies to images without a feature network: each rank draws and measures its part,
    /// and every bit is that of one rank.
    @Test func scoresAreTheSameOnAnyNumberOfRanks() throws {
      let names = [
        "diversity", "wasserstein", "slicedWasserstein", "marginalWasserstein", "meanDiscrepancy",
        "multiscaleSlicedWasserstein", "powerSpectrum", "nearestNeighbours", "criticGap",
      ]
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let run = scratch.url("run").path
        let trained = try Program.run(["train", "--config", config, "--run", run])
        try #require(trained.status == 0, "\(trained)")
        let picture = scratch.url("neighbours.png").path
        let options = [
          "evaluate", run, "--samples", "270", "--scores", names.joined(separator: ","),
          "evaluation.scores=[{multiscaleSlicedWasserstein: {samples: 40, projections: 32}}]",
        ]
        /// All digits of every value, and the picture; the seconds are others.
        func measure(ranks: Int?, threads: Int) throws -> (scores: String, Data) {
          let found = try Program.run(
            options + ["--json", "--neighbours", picture, "training.threads=\(threads)"],
            ranks: ranks)
          #expect(found.status == 0 && found.errorLines.isEmpty, "\(found)")
          let parts = found.output.components(separatedBy: "\"seconds\"")
          return (parts[0], try Data(contentsOf: URL(fileURLWithPath: picture)))
        }
        let expected = try measure(ranks: nil, threads: 1)
        for name in names { #expect(expected.scores.contains("\"\(name)\":{"), "\(expected)") }
        for (ranks, threads) in [(2, 2), (4, 1)] {
          let found = try measure(ranks: ranks, threads: threads)
          #expect(found == expected, "\(ranks) ranks, \(threads) threads")
        }
        let text = try Program.run(options, ranks: 2)
        #expect(text.output.contains("32 directions of seed 7, 40 samples and reals"), "\(text)")
        #expect(try Program.run(options).output == text.output)
      }
    }

    @Test func aFixedGeneratorIsNotEvaluated() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let run = scratch.url("run").path
        let outcome = try Program.run([
          "train", "--config", config, "--run", run, "training.fixedGenerator=true",
          "training.iterations=2",
        ])
        try #require(outcome.status == 0, "\(outcome)")
        try Program.run(["evaluate", run]).expectOneError([
          "evaluate: training.fixedGenerator trains no generator"
        ])
      }
    }

    @Test func contradictingOptionsAreNamed() throws {
      for (arguments, word) in [
        (["sample", "x", "--spherical"], "--spherical"),
        (["sample", "x", "--interpolations", "2", "--count", "3"], "--interpolations"),
        (["sample", "x", "--single", "y", "-o", "z.png"], "--single"),
        (["sample", "x", "--classes", "3,x"], "--classes"),
        (["sample", "x", "--steps", "1"], "--steps"),
        (["sample", "x", "--statistics", "both"], "running"),
        (["plot"], "run"), (["plot", "x", "--names", "a,b"], "--names"),
        (["plot", "x", "--grids", "--log"], "--grids"),
        (["sample", "x", "--scale", "65"], "--scale must be in 1 ... 64"),
        (["evaluate", "x", "--samples", "0"], "--samples must be in 1 ... 100000000"),
      ] {
        let outcome = try Program.run(arguments)
        #expect(outcome.status == 64, "\(outcome)")
        #expect(outcome.errors.contains(word), "\(outcome)")
      }
    }
  }
}
