import Base
import Collectives
import Foundation
import Pictures
import Reports
import RunSupport
import Runs
import Sampling
import Scores
import Storage
import TestSupport
import Testing

/// `sample` and `evaluate` on a run's checkpoints.
@Suite(.serialized) struct SamplingTests {
  /// A run of four iterations with pictures and checkpoints after two and four.
  private func withRun(
    _ overrides: [String] = [], _ body: (_ run: String, _ folder: String) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      let file = "\(folder)/tiny.yaml"
      try FileSystem.writeAtomically(tinyConfiguration, to: file)
      var options = TrainingOptions()
      options.configuration = file
      options.overrides = ["output.sampleEvery=2 iterations"] + overrides
      options.runFolder = "\(folder)/run"
      try TrainingRun(options, communicator: SoloCommunicator()).execute()
      try body("\(folder)/run", folder)
    }
  }

  private func sample(
    _ path: String, _ change: (inout SamplePictures.Options) -> Void = { _ in }
  ) throws -> String {
    var options = SamplePictures.Options()
    change(&options)
    return try SamplePictures(path, options).run()
  }

  @Test func aCheckpointsGridIsTheRunsOwn() throws {
    try withRun { run, folder in
      let newest = try sample(run)
      #expect(newest == "\(run)/samples/step-00000004.png")
      #expect(try PNG.read(newest) == PNG.read("\(run)/samples/iteration-000004.png"))
      let older = try sample(run) { $0.checkpoint = .step(2) }
      #expect(try PNG.read(older) == PNG.read("\(run)/samples/iteration-000002.png"))
      #expect(try PNG.read(older) != PNG.read(newest))
      // The same by the checkpoint's folder, by `latest`, and by the file with its configuration.
      let picture = try PNG.read(newest)
      for name in ["step-00000004", "latest", "latest/"] {
        let path = try sample("\(run)/checkpoints/\(name)") { $0.output = "\(folder)/new/x.png" }
        #expect(path == "\(folder)/new/x.png")
        #expect(try PNG.read(path) == picture)
      }
      let file = try sample("\(run)/checkpoints/latest/generator.safetensors") {
        $0.configuration = "\(run)/config.yaml"
        $0.output = "\(folder)/y.png"
      }
      #expect(try PNG.read(file) == picture)
      #expect(try RunDirectory(run).newestSamples() == "\(run)/samples/iteration-000004.png")
    }
  }

  @Test func gridsSinglesAndInterpolations() throws {
    try withRun { run, folder in
      let grid = try PNG.read(
        try sample(run) {
          $0.count = 6
          $0.columns = 3
          $0.scale = 2
          $0.output = "\(folder)/grid.png"
        })
      #expect(grid.width == (3 * 30 + 2) * 2 && grid.height == (2 * 30 + 2) * 2)
      let singles = try sample(run) {
        $0.count = 6
        $0.singleFolder = "\(folder)/singles"
      }
      let names = try FileSystem.listDirectory(singles).sorted()
      #expect(names == (0..<6).map { "image000\($0).png" })
      // Image 4 is the second of the second row.
      let single = try PNG.read("\(singles)/image0004.png")
      #expect(single.width == 28 && single.height == 28)
      for (x, y) in [(0, 0), (9, 14), (27, 27), (13, 20)] {
        let place = ((32 + y) * 2) * grid.width + (32 + x) * 2
        #expect(single.pixels[y * 28 + x] == grid.pixels[place])
      }
      let rows = try sample(run) {
        $0.interpolations = 3
        $0.steps = 5
        $0.isSpherical = true
      }
      #expect(rows == "\(run)/samples/step-00000004-interpolations.png")
      let picture = try PNG.read(rows)
      #expect(picture.width == 5 * 30 + 2 && picture.height == 3 * 30 + 2)
      let beside = try sample(run) { $0.showsReals = true }
      #expect(beside == "\(run)/samples/step-00000004-and-reals.png")
      #expect(try PNG.read(beside) == PNG.read("\(run)/samples/reals-and-samples.png"))
    }
  }

  @Test func faultsAreNamed() throws {
    try withRun { run, folder in
      func fault(
        _ path: String, _ change: @escaping (inout SamplePictures.Options) -> Void = { _ in }
      )
        -> String
      {
        message { _ = try sample(path, change) } ?? "no error"
      }
      #expect(
        fault(run) { $0.checkpoint = .step(3) }
          == "\(run): has no checkpoint of step 3; there are 2, 4")
      #expect(fault("\(folder)/none") == "\(folder)/none: no such file or folder")
      #expect(
        fault(folder)
          == "\(folder): expected a run's folder (with config.yaml) or a checkpoint's (with "
          + "generator.safetensors), found neither")
      #expect(
        fault("\(run)/checkpoints/latest") { $0.checkpoint = .step(4) }
          == "\(run)/checkpoints/latest: is a checkpoint; "
          + "--step chooses among the checkpoints of a run's folder")
      let file = "\(run)/checkpoints/latest/generator.safetensors"
      #expect(
        fault(file)
          == "\(file): has no config.yaml two levels up; give the configuration by --config FILE")
      // What it is comes first: a configuration would not help.
      let zip = "\(folder)/model.pt"
      try FileSystem.writeAtomically(
        [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 60), to: zip)
      #expect(
        fault(zip)
          == "\(zip): a zip, such as torch.save writes (PyTorch's .pt and .pth); "
          + "'wgangp-dist import' reads them; a safetensors file is expected")
      #expect(fault(run) { $0.classes = [1] } == "--classes: the generator of tiny takes none")
      #expect(
        fault(run) { $0.numbers = ["1"] }
          == "--condition: the generator of tiny takes no numbers")
      #expect(
        fault(run) { $0.overrides = ["generator.layers.0.convTranspose2d.channels=6"] }.contains(
          "has shape"))
      #expect(
        message { _ = try TrainedModel(run).evaluate(scores: ["modeCoverage"]) }
          == "--scores: modeCoverage: the data of tiny have no modes to count; expected "
          + "data.source gaussians8 or gaussians25")
      #expect(
        message { _ = try TrainedModel(run).evaluate(scores: ["divresity"]) }
          == "--scores: unknown name 'divresity'; did you mean 'diversity'? (known: "
          + ScoreCatalog.names.joined(separator: ", ") + ")")
      #expect(
        message { _ = try TrainedModel(run).evaluate(scores: ["diversity", "diversity"]) }
          == "--scores: diversity is there twice")
      // A damaged newest checkpoint is passed over.
      try FileSystem.writeAtomically(
        "x", to: "\(run)/checkpoints/step-00000004/generator.safetensors")
      let sampling = try SamplePictures(run, SamplePictures.Options())
      #expect(sampling.notes.count == 1 && sampling.notes[0].contains("step-00000004"))
      #expect(try sampling.run() == "\(run)/samples/step-00000002.png")
    }
  }
}
