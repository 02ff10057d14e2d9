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
