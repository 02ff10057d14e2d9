import Foundation
import TestSupport
import Testing

extension SystemTests {
  /// `wgangp-dist data`.
  @Suite(.serialized) struct DataCommandTests {
    private var fixtures: String { repositoryFile("Tests/DatasetsTests/Fixtures") }

    private func isPNG(_ url: URL) -> Bool {
      (try? Data(contentsOf: url))?.starts(with: [0x89, 0x50, 0x4E, 0x47]) == true
    }

    @Test func listNamesSetsAndSources() throws {
      for arguments in [["data"], ["data", "list"]] {
        let outcome = try Program.run(arguments)
        #expect(outcome.status == 0, "\(outcome)")
        for name in ["mnist ", "fashion-mnist", "cifar10-python", "imageFolder", "swissroll"] {
          #expect(outcome.output.contains(name), "\(outcome)")
        }
      }
    }

    @Test(arguments: [nil, 2] as [Int?]) func downloadWithoutAServer(ranks: Int?) throws {
      let scratch = try Scratch()
      defer { withExtendedLifetime(scratch) {} }
      // Port 9 of this machine: nobody listens.
      let outcome = try Program.run(
        ["data", "download", "mnist", "--to", scratch.path, "--mirror", "http://127.0.0.1:9/"],
        ranks: ranks, timeout: 60)
      #expect(outcome.status != 0, "\(outcome)")
      #expect(outcome.errorLines.count == 1, "\(outcome)")
      #expect(
        outcome.errors.contains(
          "train-images-idx3-ubyte.gz: cannot be downloaded: http://127.0.0.1:9/train-images"),
        "\(outcome)")
      let unknown = try Program.run(["data", "download", "mnits"])
      #expect(unknown.status == 1 && unknown.errorLines.count == 1, "\(unknown)")
      #expect(unknown.errors.contains("no published set 'mnits'; expected mnist, "), "\(unknown)")
    }

    @Test func verifyTellsWhatIsWrong() throws {
      let scratch = try Scratch()
      defer { withExtendedLifetime(scratch) {} }
      try Data([1, 2, 3]).write(to: scratch.url("mnist.pkl.gz"))
      let outcome = try Program.run(["data", "verify", "mnist-pickle", "--path", scratch.path])
      #expect(outcome.status == 1, "\(outcome)")
      #expect(
        outcome.output == "\(scratch.path)/mnist.pkl.gz: 3 bytes, expected 16168813\n", "\(outcome)"
      )
      #expect(
        outcome.errorLines == [
          "wgangp-dist: error: \(scratch.path): 1 of 1 files are missing or not as published; "
            + "wgangp-dist data download mnist-pickle --to \(scratch.path) fetches them"
        ], "\(outcome)")
      let missing = try Program.run(["data", "verify", "cifar10", "--path", scratch.path])
      #expect(missing.status == 1, "\(missing)")
      #expect(missing.output.hasSuffix("cifar-10-binary.tar.gz: missing\n"), "\(missing)")
      let neither = try Program.run(["data", "verify"])
      #expect(neither.status == 1, "\(neither)")
      #expect(neither.errors.contains("expected the name of a set, or --config"), "\(neither)")
    }

    @Test func nothingOnTheLineIsDropped() throws {
      let toy = ["--config", repositoryFile("configs/toy-25gaussians.yaml")]
      let cifar = [
        "--config", repositoryFile("configs/cifar10-wgan-gp-resnet.yaml"),
        "data.path=\(fixtures)/cifar-10-python.tar.gz",
      ]
      for (arguments, expected) in [
        (
          ["mnist", "data.limit=3"], "found data.limit=3 with mnist; only --config takes key=value"
        ),
        (toy + ["--path", "x"], "--path is of published sets; with --config, data.path=x sets it"),
        (toy + ["--split", "test"], "--split is of published sets"),
        (toy + ["data.cuont=3"], "data.cuont=3: unknown key; did you mean 'count'?"),
        (cifar + ["data.classes=9"], "data.classes: found 9, but "),
        (["glyphs"], "; sources that are no published set need --config FILE"),
      ] {
        let outcome = try Program.run(["data", "verify"] + arguments)
        #expect(outcome.status == 1 && outcome.errorLines.count == 1, "\(outcome)")
        #expect(outcome.errors.contains(expected), "\(outcome)")
      }
    }

    @Test func validationIsASplitOfThePickle() throws {
      let scratch = try Scratch()
      defer { withExtendedLifetime(scratch) {} }
      try FileManager.default.copyItem(
        atPath: fixtures + "/mnist-py2-protocol2.pkl.gz", toPath: scratch.url("mnist.pkl.gz").path)
      let picture = scratch.url("picture.png")
      let shown = try Program.run([
        "data", "preview", "mnist-pickle", "--path", scratch.path, "--split", "validation",
        "--output", picture.path,
      ])
      #expect(shown.status == 0 && isPNG(picture), "\(shown)")
    }

    @Test func classesWithoutSamplesHaveNoRow() throws {
      let scratch = try Scratch()
      defer { withExtendedLifetime(scratch) {} }
      let picture = scratch.url("picture.png")
      // The test batch begins behind class 0.
      let shown = try Program.run([
        "data", "preview", "--config",
        repositoryFile("configs/cifar10-wgan-gp-resnet.yaml"),
        "data.path=\(fixtures)/cifar-10-python.tar.gz", "data.split=test", "--rows", "1",
        "--output", picture.path,
      ])
      #expect(shown.status == 0 && isPNG(picture), "\(shown)")
    }

    @Test func configurationsAreReadAndShown() throws {
      let scratch = try Scratch()
      defer { withExtendedLifetime(scratch) {} }
      let configs = repositoryFile("configs") + "/"
      let picture = scratch.url("picture.png")
      for (config, overrides, expected) in [
        (
          "cifar10-wgan-gp-resnet.yaml", ["data.path=\(fixtures)/cifar-10-python.tar.gz"],
          "5 samples of 3x32x32"
        ),
        (
          "mnist-wgan-gp.yaml",
          ["data.path=\(fixtures)/mnist-py2-protocol2.pkl.gz", "data.split=validation"],
          "2 samples of 1x28x28"
        ),
        ("toy-25gaussians.yaml", ["data.count=2000"], "2000 samples of 2x1x1"),
      ] {
        let read = try Program.run(["data", "verify", "--config", configs + config] + overrides)
        #expect(read.status == 0 && read.output.contains(expected), "\(read)")
        let shown = try Program.run(
          ["data", "preview", "--config", configs + config, "--output", picture.path] + overrides)
        #expect(shown.status == 0, "\(shown)")
        #expect(isPNG(picture), "\(config)")
        try FileManager.default.removeItem(at: picture)
      }
    }
  }
}
