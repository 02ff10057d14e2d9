import Collectives
import Configuration
import Datasets
import Recipe
import RunSupport
import Storage
import TestSupport
import Testing
import Training

@Suite struct DataConfigurationTests {
  private func data(_ text: String) throws -> RunConfiguration.DataSection {
    try configuration(text: leastConfiguration(data: text)).data
  }

  @Test func imageSources() throws {
    let cifar = try data(
      "source: cifar10, path: c.tar.gz, dequantize: {noise: step}, sampling: replacement")
    #expect(cifar.source == .cifar10(path: "c.tar.gz", split: .train))
    #expect(cifar.dequantization == Dequantization(levels: 256, noise: .step))
    #expect(cifar.order == .replacement)
    #expect(cifar.resize == nil)
    let idx = try data("source: idx, path: m, resize: 32")
    #expect(idx.resize == ImageSize(height: 32, width: 32))
    #expect(idx.dequantization == nil && idx.order == .shuffled)
    let pickle = try data(
      "source: mnistPickle, path: m, split: validation, range: [0, 1], resize: [32, 20], "
        + "dequantize: {levels: 32, noise: once}")
    #expect(pickle.source == .mnistPickle(path: "m", split: .validation))
    #expect(pickle.range == 0...1)
    #expect(pickle.resize == ImageSize(height: 32, width: 20))
    #expect(pickle.dequantization == Dequantization(levels: 32, noise: .once))
    let folder = try data("source: imageFolder, path: p, size: [48, 64], channels: 1, cache: c")
    #expect(
      folder.source
        == .imageFolder(
          ImageFolderSettings(
            path: "p", size: ImageSize(height: 48, width: 64), crop: .center, channels: 1,
            cache: "c")))
  }

  @Test func points() throws {
    let fresh = try data("source: gaussians8")
    #expect(fresh.source == .toy(ToyDistribution(.gaussians8), count: 100_000, seed: nil))
    #expect(fresh.order == .shuffled)
    let fixed = try data("source: gaussians8, sampling: shuffled, count: 12500, seed: 4")
    #expect(fixed.source == .toy(ToyDistribution(.gaussians8), count: 12_500, seed: 4))
    let once = try data("source: gaussians25, sampling: shuffledOnce, scale: 2, noise: 0.1")
    #expect(
      once.source
        == .toy(ToyDistribution(.gaussians25, noise: 0.1, scale: 2), count: 100_000, seed: 0))
    #expect(once.order == .shuffledOnce)
    let roll = try data("source: swissroll").open()
    #expect(roll.name == "swissroll (fresh)")
  }

  @Test(arguments: [
    ("source: cifar", "did you mean 'cifar10'?"),
    ("source: cifar10, path: c, split: validation", "expected one of train, test"),
    ("source: idx, path: m, resize: 0", "data.resize: expected an integer"),
    ("source: idx, path: m, resize: [3]", "data.resize: expected a list of"),
    ("source: idx, path: m, sampling: fresh", "data.sampling: expected one of shuffled"),
    ("source: idx, path: m, dequantize: {}", "data.dequantize.noise: missing"),
    ("source: idx, path: m, dequantize: {noise: step, levels: 1}", "2 to 256"),
    ("source: imageFolder, path: p", "data.size: missing"),
    ("source: imageFolder, path: p, size: 8, channels: 2", "expected 1 or 3, found 2"),
    ("source: gaussians8, scale: 0", "data.scale"),
    ("source: idx, path: m, splitt: test", "data.splitt: unknown key"),
    ("source: gaussians8, classes: 8", "data.classes: unknown key"),
    ("source: idx, path: m, limit: 0", "data.limit: expected an integer, at least 1"),
    ("source: glyphs, count: 0", "data.count: expected an integer from 1"),
    ("source: glyphs, range: [1, 1]", "data.range: expected [low, high] with low < high"),
    ("source: glyphs, range: [0, 1e39]", "data.range: expected [low, high] with low < high"),
  ])
  func refused(text: String, expected: String) throws {
    do {
      _ = try data(text)
      Issue.record("no error thrown")
    } catch let error as ConfigurationError {
      #expect("\(error)".contains(expected), "\(error)")
    }
  }

  /// What another value of a key would mend names the key and its line.
  @Test func faultsOfTheDataAreLocated() throws {
    try withTemporaryFolder { folder in
      try FileSystem.writeAtomically("", to: "\(folder)/t10k-images-idx3-ubyte")
      let fault = message { _ = try data("source: idx, path: \(folder)").open() } ?? ""
      #expect(fault.hasPrefix("tiny.yaml:2: data.split: \(folder): no train-images-idx3-ubyte"))
      #expect(fault.hasSuffix("; this folder has the test split"))
      let missing = message { _ = try data("source: idx, path: \(folder)/none").open() } ?? ""
      #expect(missing.hasPrefix("\(folder)/none: no such folder"))
    }
  }

  /// Held-out files beside those trained on would have the conditions of these.
  @Test func conditionsOfHeldOutFilesAreTheirOwn() throws {
    let arrays = repositoryFile("Tests/DatasetsTests/Fixtures/arrays")
    try withTemporaryFolder { folder in
      try FileSystem.createDirectory("\(folder)/held")
      for (name, copies) in [
        ("x", ["x", "other", "held/x"]), ("energy", ["energy", "held/energy"]),
        ("label", ["label", "held/label"]),
      ] {
        let bytes = try FileSystem.readFile("\(arrays)/\(name).npy")
        for copy in copies { try FileSystem.writeAtomically(bytes, to: "\(folder)/\(copy).npy") }
      }
      for (field, file) in [("condition", "energy.npy"), ("labels", "label.npy")] {
        func open(_ heldOut: String) throws -> any Dataset {
          try data(
            "source: array, path: \(folder)/x.npy, \(field): \(file), heldOut: \(heldOut)"
          ).open()
        }
        #expect(try open("\(folder)/held/x.npy").count == 6)
        #expect(
          message { try open("[\(folder)/held/x.npy, \(folder)/held/../other.npy]") }
            == "tiny.yaml:2: data.heldOut: found \(folder)/held/../other.npy, whose \(file) would "
            + "be that of \(folder)/x.npy, in the same folder; put it with its own \(file) into "
            + "another folder, or take rows of one file")
      }
      #expect(
        try data("source: array, path: \(folder)/x.npy, heldOut: \(folder)/other.npy").open().count
          == 6)
    }
  }

  /// What a file cannot have by its format is refused, not left aside.
  @Test func namesAndSplitsOfFilesWithoutAny() throws {
    let fixtures = repositoryFile("Tests/DatasetsTests/Fixtures")
    let arrays = "\(fixtures)/arrays"
    for ranks in [false, true] {
      func open(_ text: String) throws -> any Dataset {
        let data = try self.data(text)
        guard ranks else { return try data.open() }
        return try data.open(SoloCommunicator())
      }
      #expect(
        message { try open("source: array, path: \(arrays)/x.npy, samples: x") }
          == "tiny.yaml:2: data.samples: found x, but \(arrays)/x.npy is a .npy file, which holds "
          + "one array without a name; leave it out")
      // The name is that of an array of the other file.
      let both = "source: array, path: [\(arrays)/x.npz, \(arrays)/x.npy], samples: x"
      #expect(try open(both).count == 12)
      try withTemporaryFolder { folder in
        try FileSystem.writeAtomically(
          [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 1, 7, 8] as [UInt8], to: "\(folder)/x")
        #expect(
          message { try open("source: array, path: \(folder)/x, samples: [a, b]") }
            == "tiny.yaml:2: data.samples: found a, b, but \(folder)/x is an IDX file, which holds "
            + "one array without a name; leave it out")
        let batch = try FileSystem.readFile("\(fixtures)/cifar-py3-protocol2.gz")
        for name in ["data_batch_1", "test_batch"] {
          try FileSystem.writeAtomically(batch, to: "\(folder)/\(name)")
        }
        #expect(
          message { try open("source: cifar10, path: \(folder)/data_batch_1, split: test") }
            == "tiny.yaml:2: data.split: found 'test', but \(folder)/data_batch_1 is one batch, "
            + "which is taken as it is; leave it out, or give test_batch")
        #expect(
          try open("source: cifar10, path: \(folder)/test_batch, split: test").count == 2)
      }
    }
  }

  /// One batch is all that there is: the same samples would be compared with themselves.
  @Test(arguments: ["data_batch_1.bin, split: train", "test_batch, split: test"])
  func nothingIsHeldOutOfOneBatch(text: String) throws {
    let found = message { try data("source: cifar10, path: /none/\(text)").openHeldOut() }
    #expect(found == "data.source: has no part that is not trained on")
  }

  @Test(arguments: [
    "source: gaussians8, range: [0, 1]", "source: gaussians8, seed: 3",
    "source: imageFolder, path: p, size: 8, resize: 8", "source: glyphs, path: p",
  ])
  func keysOfOtherSources(text: String) throws {
    do {
      _ = try configuration(text: leastConfiguration(data: text)).makeModel(
        communicator: SoloCommunicator())
      Issue.record("no error thrown")
    } catch let error as ConfigurationError {
      #expect("\(error)".contains("unknown key"), "\(error)")
    }
  }
}
