import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// Images of any program, by `evaluate --reals --samples`.
  @Suite(.serialized) struct ImageFilesTests {
    private static let numpy = repositoryFile("Tests/DatasetsTests/Fixtures/numpy") + "/"

    /// The same images in two layouts and two types differ from each other as much.
    @Test(arguments: [nil, 2]) func arraysAreCompared(ranks: Int?) throws {
      for samples in ["stored.npz", "unit.npy", "fortran.npy"] {
        let outcome = try Program.run(
          ["evaluate", "--reals", Self.numpy + "nhwc.npy", "--samples", Self.numpy + samples],
          ranks: ranks)
        #expect(outcome.status == 0 && outcome.errorLines.isEmpty, "\(outcome)")
        #expect(
          outcome.output.hasPrefix("samples      4 of 3x5x6, \(Self.numpy)\(samples)"), "\(outcome)"
        )
        #expect(outcome.output.contains("diversity    1 of the reals' deviation"), "\(outcome)")
      }
    }

    /// Grey beside colour, and another name's array.
    @Test func greyCountsAsColour() throws {
      let outcome = try Program.run([
        "evaluate", "--reals", Self.numpy + "deflated.npz", "--array", "samples", "--samples",
        Self.numpy + "grey.npy", "--json",
      ])
      #expect(outcome.status == 0, "\(outcome)")
      #expect(outcome.output.contains("\"samples\":4,\"scores\":{\"diversity\""), "\(outcome)")
      #expect(!outcome.output.contains("\"seed\""), "\(outcome)")
    }

    /// `--features` names the network of scores that name none, for images as for runs.
    @Test func featuresOfANetwork() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let run = scratch.url("run").path
        try #require(
          try Program.run(["train", "--config", config, "--run", run]).status == 0)
        for (seed, folder) in [("1", "a"), ("2", "b")] {
          let drawn = try Program.run([
            "sample", run, "--single", scratch.url(folder).path, "--count", "60", "--seed", seed,
          ])
          try #require(drawn.status == 0, "\(drawn)")
        }
        let command = [
          "evaluate", "--reals", scratch.url("a").path, "--samples", scratch.url("b").path,
          "--scores", "fid,prdc", "--features",
        ]
        let outcome = try Program.run(command + ["glyphs"])
        #expect(outcome.status == 0 && outcome.errorLines.isEmpty, "\(outcome)")
        #expect(outcome.output.contains("(60 samples, 60 reals, glyphs"), "\(outcome)")
        // Its file is the same network.
        let file = repositoryFile("Sources/Recipe/Default/glyphs-network.yaml")
        #expect(try Program.run(command + [file], ranks: 2).output == outcome.output)
        // Two draws differ, and a set does not differ from itself.
        #expect(try fid(outcome) > 1e-4, "\(outcome)")
        let folder = scratch.url("a").path
        let same = try Program.run(
          ["evaluate", "--reals", folder, "--samples", folder] + command.suffix(3) + ["glyphs"])
        #expect(try abs(fid(same)) < 1e-6, "\(same)")
        #expect(same.output.contains("precision    1 (k"), "\(same)")
        try Program.run(command + ["nobody"]).expectOneError(["expected glyphs or the file of a"])
        try Program.run(command.dropLast()).expectOneError(["network"])
      }
    }

    /// The number of the line of FID.
    private func fid(_ outcome: Outcome) throws -> Double {
      let line = try #require(
        outcome.output.split(separator: "\n").first { $0.hasPrefix("FID ") }, "\(outcome)")
      return try #require(Double(line.split(separator: " ")[1]), "\(line)")
    }

    /// The Inception Score as others have published it, by a small network.
    @Test func publishedProtocols() throws {
      try withScratch { scratch in
        let config = try scratch.write("tiny.yaml", TinyConfiguration().text)
        let run = scratch.url("run").path
        try #require(
          try Program.run(["train", "--config", config, "--run", run]).status == 0)
        let network = repositoryFile("Sources/Recipe/Default/glyphs-network.yaml")
        let command = ["evaluate", run, "--samples", "100", "--features", network]
        let original = command + ["--protocol", "original"]
        let outcome = try Program.run(original)
        #expect(outcome.status == 0 && outcome.errorLines.isEmpty, "\(outcome)")
        #expect(outcome.output.contains("protocol     original\n"), "\(outcome)")
        #expect(outcome.output.contains("(10 splits of 100 samples, glyphs"), "\(outcome)")
        #expect(try Program.run(original, ranks: 2).output == outcome.output)
        // Other pixels than the network's own preparation gives.
        let own = try Program.run(command + ["--scores", "inceptionScore"])
        #expect(own.status == 0 && own.output != outcome.output, "\(own)")
        try Program.run(command + ["--protocol", "paddlescience"]).expectOneError([
          "glyphs-network.yaml --protocol paddlescience: input.mean="
        ])
        for (arguments, expected) in [
          (["--protocol", "mine"], "'mine'"),
          (["--protocol", "original", "--scores", "fid"], "expected no --scores beside it"),
        ] {
          let wrong = try Program.run(command + arguments)
          #expect(wrong.status == 64 && wrong.errors.contains(expected), "\(wrong)")
        }
      }
    }

    @Test func setsThatDoNotFitAreRefused() throws {
      try withScratch { scratch in
        let pictures = scratch.url("pictures").path
        try FileManager.default.createDirectory(
          atPath: pictures, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
          atPath: repositoryFile("Tests/DatasetsTests/Fixtures/rgb.png"),
          toPath: pictures + "/a.png")
        try Program.run([
          "evaluate", "--reals", pictures, "--samples", Self.numpy + "nhwc.npy",
        ]).expectOneError([
          "images of 5 x 6 pixels, but \(pictures) has some of 20 x 30: expected one size"
        ])
        let grey = Self.numpy + "grey.npy"
        for (words, files, expected) in [
          (["--array", "x"], [pictures, pictures], "--array: expected a .npz file, found"),
          (["--array", "x"], [grey, grey], "--array: expected a .npz file, found \(grey) and"),
          (["--layout", "nhwc"], [grey, grey], "--layout: expected an array of four dimensions"),
          (["--range", "0,1"], [pictures, pictures], "--range: expected an array of numbers"),
        ] {
          try Program.run(["evaluate", "--reals", files[0], "--samples", files[1]] + words)
            .expectOneError([expected])
        }
        for (arguments, expected) in [
          (["--reals", "x"], "--reals needs --samples"),
          (["--reals", "x", "--samples", "y", "run"], "take no run"),
          (["--samples", "9"], "expected a run's folder"),
          (["x", "--samples", "nine"], "--samples must be in 1"),
          (["x", "--layout", "nchw"], "are about the files of --reals"),
          (["--reals", "x", "--samples", "y", "--range", "1,0"], "--range takes two numbers"),
        ] {
          let outcome = try Program.run(["evaluate"] + arguments)
          #expect(outcome.status == 64 && outcome.errors.contains(expected), "\(outcome)")
        }
      }
    }
  }
}
