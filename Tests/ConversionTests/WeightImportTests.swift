import Base
import Collectives
import Conversion
import Foundation
import Networks
import RunSupport
import Runs
import Sampling
import Storage
import TestSupport
import Testing
import Training

/// `import` of weights that other programs wrote; Fixtures/make.py has made them, and computed what
/// the networks give.
@Suite struct WeightImportTests {
  /// Imports, and compares images and critic's scores with the recorded ones.
  private func expectRecorded(
    _ options: WeightImport.Options, _ name: String, labels: [Int] = [], hasScores: Bool = true,
    tolerance: Float = 1e-5
  ) throws {
    try withTemporaryFolder { folder in
      var options = options
      options.folder = "\(folder)/imported"
      let lines = try WeightImport(options).run().lines
      #expect(lines.last == options.folder, "\(lines)")
      let trained = try TrainedModel(options.folder, needsCritic: { _, _ in hasScores })
      #expect(trained.iteration == 0)
      let expected = try SafetensorsFile(path: fixture("expected.safetensors"))
      let noise = try expected.floats("\(name).noise")
      let count = try expected.entry("\(name).noise").shape[0]
      let generator = SampleGenerator(trained.model, trained.configuration)
      let images = try generator.images(
        count: count, conditions: labels.map { ConditionValues(label: $0) }
      ) { index, buffer in
        // Of the samples that only fill a pass, any.
        let first = min(index, count - 1) * buffer.count
        _ = buffer.update(fromContentsOf: noise[first..<first + buffer.count])
      }
      expectClose(
        generator.shape.channelsFirst(images[...]), try expected.floats("\(name).images"),
        tolerance: tolerance, "\(name): images")
      guard hasScores else { return }
      expectClose(
        try generator.scores(of: images), try expected.floats("\(name).scores"),
        tolerance: tolerance, "\(name): scores")
    }
  }

  private func paddle(
    _ name: String, _ configuration: String, _ overrides: [String]
  ) throws -> WeightImport.Options {
    var options = WeightImport.Options()
    options.configuration = repositoryFile("configs/\(configuration).yaml")
    options.overrides = overrides
    options.generator = try fixture("\(name)-generator.pdparams")
    options.critic = try fixture("\(name)-discriminator.pdparams")
    try options.map.add(file: repositoryFile("configs/weights/paddlescience-\(name).map"))
    return options
  }

  @Test func paddleSciencesCIFAR10() throws {
    try expectRecorded(
      paddle("cifar10", "cifar10-wgan-gp-resnet-paddlescience", ["width=4"]), "cifar10",
      labels: [3, 7], tolerance: 2e-5)
  }

  @Test func paddleSciencesMNIST() throws {
    try expectRecorded(paddle("mnist", "mnist-wgan-gp-paddlescience", ["width=1"]), "mnist")
  }

  @Test func paddleSciencesPoints() throws {
    try expectRecorded(paddle("toy", "toy-8gaussians", ["width=1"]), "toy")
  }

  // MARK: - PyTorch

  /// Options for the tests' small configuration, whose tensors are called `main.0.weight`.
  private func tiny(_ file: String, folder: String) throws -> WeightImport.Options {
    var options = WeightImport.Options()
    options.configuration = "\(folder)/tiny.yaml"
    try FileSystem.writeAtomically(tinyConfiguration, to: "\(folder)/tiny.yaml")
    options.generator = try fixture(file)
    try options.map.add("^=main.", source: "--map")
    return options
  }

  @Test(arguments: [
    "tiny.pt", "tiny-checkpoint.pth", "tiny-f16.safetensors", "tiny-bf16.safetensors",
    "tiny-f64.safetensors",
  ])
  func pytorch(file: String) throws {
    try withTemporaryFolder { folder in
      var options = try tiny(file, folder: folder)
      if file == "tiny-checkpoint.pth" { options.prefix = "state_dict.module." }
      try expectRecorded(options, "tiny", hasScores: false)
      // The counter is the file's, or 0 where it has none.
      options.folder = "\(folder)/again"
      let lines = try WeightImport(options).run().lines
      let stored = try SafetensorsFile(
        path: "\(folder)/again/checkpoints/latest/generator.safetensors")
      let isMissing = file.hasSuffix(".safetensors")
      #expect(try stored.integers("main.1.num_batches_tracked") == [isMissing ? 0 : 17])
      #expect(lines.contains { $0.contains("set to 0: main.1.num_") } == isMissing, "\(lines)")
      let (all, found) = (stored.names.count, stored.names.count - (isMissing ? 1 : 0))
      #expect(lines[0].hasPrefix("generator: \(found) of \(all) tensors from "), "\(lines)")
      #expect(lines.contains("critic: none; `train --from` begins with a fresh one"))
    }
  }

  @Test func allThatDoesNotFitIsToldAtOnce() throws {
    try withTemporaryFolder { folder in
      var options = try tiny("tiny.pt", folder: folder)
      options.folder = "\(folder)/out"
      options.map = NameMap()
      try options.map.add("^([01])\\.=main.$1.", source: "--map")
      options.overrides = ["width=3"]
      let text = message { try WeightImport(options).run() } ?? ""
      let lines = text.components(separatedBy: "\n")
      #expect(
        lines.first == "10 tensors do not fit; --map and --prefix name them otherwise, --partial "
          + "takes the others", "\(text)")
      #expect(lines.dropFirst().first == "generator, of \(options.generator):")
      let table = [
        "tensor             what        found         expected",
        "main.0.weight      shape       [5, 4, 7, 7]  [5, 6, 7, 7]",
        "main.0.bias        shape       [4]           [6]",
        "main.1.weight      shape       [4]           [6]",
        "main.1.bias        shape       [4]           [6]",
        "main.1.running_mean  shape", "main.3.weight", "main.3.bias", "3.weight", "3.bias",
      ]
      for row in table {
        let words = row.split(separator: " ").joined(separator: " ")
        #expect(
          lines.contains {
            $0.split(separator: " ").joined(separator: " ").hasPrefix(words)
          }, "\(row)\n\(text)")
      }
      #expect(!FileSystem.exists(options.folder))
      // What fits is taken, the rest stays as it is drawn.
      options.overrides = []
      options.isPartial = true
      let report = try WeightImport(options).run().lines.joined(separator: "\n")
      #expect(report.contains("generator: 7 of 9 tensors from"), "\(report)")
      #expect(report.contains("main.3.weight  missing"), "\(report)")
      let stored = try SafetensorsFile(
        path: "\(folder)/out/checkpoints/latest/generator.safetensors")
      let source = try TensorFile(path: options.generator)
      #expect(try stored.floats("main.0.weight") == source.floats("0.weight"))
      #expect(try stored.floats("main.3.weight") != source.floats("3.weight"))
      // A folder that holds a run is left alone.
      #expect(message { try WeightImport(options).run() }?.contains("holds a run already") == true)
    }
  }

  @Test func averagesAreKeptApart() throws {
    try withTemporaryFolder { folder in
      var options = try tiny("tiny.pt", folder: folder)
      options.average = try fixture("tiny-f16.safetensors")
      options.folder = "\(folder)/out"
      _ = try WeightImport(options).run()
      let checkpoint = "\(folder)/out/checkpoints/latest"
      let average = try SafetensorsFile(path: "\(checkpoint)/generator_ema.safetensors")
      #expect(
        try average.floats("main.0.weight")
          == TensorFile(path: fixture("tiny.pt")).floats("0.weight"))
      #expect(try average.integers("main.1.num_batches_tracked") == [0])
      let own = try SafetensorsFile(path: "\(checkpoint)/generator.safetensors")
      #expect(try own.integers("main.1.num_batches_tracked") == [17])
    }
  }

  @Test func importsAreNoRuns() throws {
    try withTemporaryFolder { folder in
      var options = try tiny("tiny.pt", folder: folder)
      options.folder = "\(folder)/out"
      _ = try WeightImport(options).run()
      var training = TrainingOptions()
      training.resume = options.folder
      #expect(
        message { try TrainingRun(training, communicator: SoloCommunicator()).execute() }
          == "\(folder)/out: holds imported weights, no run that could go on; begin one with "
          + "train --from \(folder)/out")
      #expect(
        message { try TrainedModel(options.folder, needsCritic: { _, _ in true }) }?.contains(
          "has no critic.safetensors, but the critic's weights are needed") == true)
      // Where each file comes from stands in the checkpoint.
      let state = String(
        decoding: try FileSystem.readFile("\(folder)/out/checkpoints/latest/state.json"),
        as: UTF8.self)
      #expect(state.contains("\"imported\"") && state.contains("tiny.pt, 7836 bytes, CRC-32 "))
    }
  }

  // MARK: - Names and layouts

  @Test func rules() throws {
    var map = NameMap()
    try map.add(#"net\.(\d+)=main.$1"#, source: "--map")
    try map.add(#"^extra\..*="#, source: "--map")
    try map.add("a(?=b)=c", source: "--map")
    #expect(map("net.0.weight") == "main.0.weight")
    #expect(map("x.net.10.net.2") == "x.main.10.net.2")
    #expect(map("extra.bias") == nil)
    #expect(map("abab") == "cbab")
    #expect(map("other") == "other")
    #expect(
      message { try map.add("abc", source: "--map") }
        == "--map: expected PATTERN=REPLACEMENT, found 'abc'")
    #expect(
      message { try map.add("a(b=c", source: "--map") }
        == "--map: 'a(b' is no regular expression")
    try withTemporaryFolder { folder in
      try FileSystem.writeAtomically("# names\n\n  x=y  \nz\n", to: "\(folder)/m")
      #expect(
        message { try map.add(file: "\(folder)/m") }
          == "\(folder)/m:4: expected PATTERN=REPLACEMENT, found 'z'")
    }
  }

  /// Each rule sees what the ones before it have left.
  @Test func rulesApplyInTurn() throws {
    var map = NameMap()
    try map.add("a=b", source: "--map")
    try map.add("b=c", source: "--map")
    #expect(map("a") == "c" && map("b") == "c")
  }

  /// Names of each network's file begin with what belongs to it.
  @Test func prefixesAreOfANetwork() throws {
    try withTemporaryFolder { folder in
      var options = try tiny("tiny-checkpoint.pth", folder: folder)
      options.prefix = "state_dict.module."
      options.criticPrefix = "critic."
      let model = try configuration().makeModel(communicator: SoloCommunicator())
      let path = "\(folder)/critic.safetensors"
      try model.critic.arena.mutate { parameters in
        try StateDictionary(of: model.critic, parameters: parameters) {
          "critic." + $0.dropFirst("main.".count)
        }.writeAtomically(to: path)
      }
      options.critic = path
      options.folder = "\(folder)/out"
      _ = try WeightImport(options).run()
      let stored = try SafetensorsFile(
        path: "\(folder)/out/checkpoints/latest/critic.safetensors")
      let source = try TensorFile(path: path)
      #expect(try stored.floats("main.2.weight") == source.floats("critic.2.weight"))
    }
  }

  /// Counters of 32 bits, as other programs write them.
  @Test func integersOf32BitsStayIntegers() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.safetensors"
      let entry = "\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[0,4]"
      let header = Array("{\"0.num_batches_tracked\":{\(entry)}}".utf8)
      let size = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
      try FileSystem.writeAtomically(size + header + [17, 1, 0, 0] as [UInt8], to: path)
      let output = "\(folder)/y.safetensors"
      _ = try TensorConversion.run(path, to: output)
      let file = try SafetensorsFile(path: output)
      #expect(try file.entry("0.num_batches_tracked").dtype == "I64")
      #expect(try file.integers("0.num_batches_tracked") == [273])
      let counter = StateBuffer(counter: "num_batches_tracked")
      let dictionary = StateDictionary([.init("0.num_batches_tracked", counter)])
      #expect(try dictionary.mismatches(SafetensorsFile(path: path)).isEmpty)
      try dictionary.read(SafetensorsFile(path: path))
      #expect(counter.counter == 273)
    }
  }

  /// Writes tensors whose element i is i.
  private func write(_ shapes: [(String, [Int])], to path: String) throws {
    let entries = shapes.map { SafetensorsEntry(name: $0.0, shape: $0.1) }
    try SafetensorsWriter(entries: entries).write(to: path) { _, bytes in
      let values = bytes.bindMemory(to: Float.self)
      for index in values.indices { values[index] = Float(index) }
    }
  }

  @Test func linearWeightsAreTurned() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.safetensors"
      try write([("a.weight", [2, 3]), ("b.weight", [2, 2]), ("c", [2, 3])], to: path)
      func tensors(_ layout: MappedTensors.Layout?, _ expected: [Int]) throws -> MappedTensors {
        try MappedTensors(
          TensorFile(path: path), layout: layout,
          expected: [
            .init(name: "a.weight", shape: expected), .init(name: "b.weight", shape: [2, 2]),
          ], isLinearWeight: { $0.hasSuffix(".weight") })
      }
      // By its shape; a square one does not show it.
      let found = try tensors(nil, [3, 2])
      #expect(found.transposed == ["a.weight"])
      #expect(try found.entry("a.weight").shape == [3, 2])
      #expect(try found.floats("a.weight") == [0, 3, 1, 4, 2, 5])
      #expect(try found.floats("b.weight") == [0, 1, 2, 3])
      #expect(try found.floats("c") == [0, 1, 2, 3, 4, 5])
      // As it fits, and as it is said.
      #expect(try tensors(nil, [2, 3]).floats("a.weight") == [0, 1, 2, 3, 4, 5])
      #expect(try tensors(.pytorch, [3, 2]).entry("a.weight").shape == [2, 3])
      let paddle = try tensors(.paddle, [3, 2])
      #expect(paddle.transposed.isEmpty)
      #expect(try paddle.floats("b.weight") == [0, 2, 1, 3])
    }
  }

  @Test func partsAreJoined() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.safetensors"
      try write([("s.weight", [2, 1]), ("c.weight", [2, 3]), ("c.bias", [3])], to: path)
      func tensors(_ rules: [String]) throws -> MappedTensors {
        var map = NameMap()
        for rule in rules { try map.add(rule, source: "--map") }
        return try MappedTensors(
          TensorFile(path: path), map: map, layout: .paddle, expected: [],
          isLinearWeight: { $0 == "6.weight" })
      }
      let heads = try tensors([#"^s\.(.*)$=6.$1[0]"#, #"^c\.(.*)$=6.$1[1]"#, "bias.*=bias"])
      #expect(try heads.entry("6.weight").shape == [4, 2])
      #expect(try heads.floats("6.weight") == [0, 1, 0, 3, 1, 4, 2, 5])
      #expect(
        message { try tensors(["^.*weight=w"]) }
          == "\(path): 's.weight' and 'c.weight' both become 'w'")
      #expect(
        message { try tensors([#"^c\.weight=w[1]"#]) }
          == "\(path): the parts of 'w' have the numbers [1]; expected 0 and on")
    }
  }

  @Test func filesAreRenamed() throws {
    try withTemporaryFolder { folder in
      var map = NameMap()
      try map.add("^=layers.", source: "--map")
      let output = "\(folder)/new/x.safetensors"
      let lines = try TensorConversion.run(
        fixture("tiny-checkpoint.pth"), to: output, map: map, prefix: "state_dict.module."
      ).lines
      #expect(lines.last == output && lines[0].hasPrefix("9 tensors from"), "\(lines)")
      let file = try SafetensorsFile(path: output)
      let source = try TensorFile(path: fixture("tiny.pt"))
      #expect(file.names == source.names.map { "layers.\($0)" })
      #expect(try file.floats("layers.0.weight") == source.floats("0.weight"))
      #expect(try file.integers("layers.1.num_batches_tracked") == [17])
      #expect(
        message { try TensorConversion.run(fixture("tiny.pt"), to: output, prefix: "no.") }?
          .contains("no tensor is left of 9 by --prefix and --map") == true)
      // Paddle's matrices, of which nobody says that they are linear layers'.
      _ = try TensorConversion.run(fixture("toy-generator.pdparams"), to: output)
      #expect(
        try SafetensorsFile(path: output).entry("generator.reluLayer1.linear.weight").shape
          == [8, 2])
    }
  }
}
