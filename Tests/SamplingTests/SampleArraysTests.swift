import Base
import Collectives
import Datasets
import Recipe
import RunSupport
import Sampling
import Storage
import TestSupport
import Testing

/// Samples as arrays.
@Suite struct SampleArraysTests {
  @Test func samplesAreTheRunsOwn() throws {
    let session = try Session()
    let generator = SampleGenerator(session.trainer.model, session.configuration)
    let layout = SampleGenerator.Layout(count: 31, columns: 1, conditions: [])
    try withTemporaryFolder { folder in
      let arrays = try SampleArrays(generator, layout)
      #expect(try arrays.write(to: "\(folder)/x.npz", .npz) == ["\(folder)/x.npz"])
      let bytes = try FileSystem.readFile("\(folder)/x.npz")
      let files = try Archive.files(in: bytes, format: .zip, path: "x.npz") { $0 }
      #expect(files.keys.sorted() == ["noise.npy", "samples.npy"])
      let paths = try arrays.write(to: "\(folder)/y.npy", .npy)
      #expect(paths == ["\(folder)/y.npy", "\(folder)/y-noise.npy"])
      // One channel: channels first is channels last.
      let expected = try generator.images(layout)
      let samples = try #require(files["samples.npy"])
      #expect(try FileSystem.readFile(paths[0]) == samples)
      #expect(String(decoding: samples, as: UTF8.self).contains("(31, 1, 28, 28,)"))
      #expect(samples.count == 128 + 4 * expected.count)
      let values = samples[128...].withUnsafeBytes { ElementType.float32.floats($0) }
      #expect(values == expected)
      let noise = try #require(files["noise.npy"])
      var first = [Float](repeating: 0, count: 5)
      first.withUnsafeMutableBufferPointer { generator.fillNoise(30, $0) }
      #expect(noise.suffix(20).withUnsafeBytes { ElementType.float32.floats($0) } == first)
    }
  }

  // MARK: - Conditions

  /// A generator of the arrays of a file.
  ///
  /// - Parameters:
  ///   - data: The keys of `data` but its source and folder.
  ///   - layers: In front of the generator's last.
  /// - Returns: The generator, and what is known of the arrays.
  /// - Throws: Where they do not go together.
  private func generator(
    _ data: String, layers: String = ""
  ) throws -> (generator: SampleGenerator, arrays: (settings: ArraySettings, record: ArrayRecord)) {
    let text = """
      name: arrays
      seed: 7
      data: {source: array, path: \(repositoryFile("Tests/DatasetsTests/Fixtures/arrays"))/\(data)}
      generator: {latent: 3, layers: [\(layers){linear: {outputs: 4}}]}
      critic: {layers: [\(layers){linear: {outputs: 1}}]}
      objective: {loss: wasserstein, gradientPenalty: {weight: 10}}
      optimizer:
        generator: {adam: {learningRate: 1.0e-3, beta1: 0.5, beta2: 0.9}}
        critic: {adam: {learningRate: 1.0e-3, beta1: 0.5, beta2: 0.9}}
      training: {batch: 8, shards: 4, criticSteps: 2, iterations: 4}
      output: {checkpointEvery: never, sampleEvery: never}
      """
    let found = try configuration(text: text)
    let model = try found.makeModel(communicator: SoloCommunicator())
    let dataset = try #require(try found.data.open() as? ArrayDataset)
    return (
      SampleGenerator(model, found), (try #require(found.data.arrays), dataset.record)
    )
  }

  private func floats(_ path: String, _ array: String) throws -> [Float] {
    var found: [Float] = []
    try NumPyReader(path: path, array: array).forEachFloats { found += $0 }
    return found
  }

  /// Each array has its own numbers, and each sample the units of its own condition: behind the
  /// first pass, and behind the rows that are written at a time, too.
  @Test func conditionsAreThoseOfTheRow() throws {
    let (generator, arrays) = try generator(
      "x.npz, samples: x, condition: [energy, label], transforms: [{divide: {condition: energy}}]",
      layers: "conditionConcat, ")
    let conditions = (0..<5).map { ConditionValues(numbers: [Float(1 << $0), Float($0)]) }
    let count = 4100
    let layout = SampleGenerator.Layout(count: count, columns: 1, conditions: conditions)
    try withTemporaryFolder { folder in
      let path = "\(folder)/y.npz"
      _ = try SampleArrays(generator, layout, arrays: arrays).write(to: path, .npz)
      #expect(try floats(path, "energy") == (0..<count).map { Float(1 << ($0 % 5)) })
      #expect(try floats(path, "label") == (0..<count).map { Float($0 % 5) })
      let images = try generator.images(layout)
      let expected = images.enumerated().map { $1 * Float(1 << ($0 / 4 % 5)) }
      #expect(try floats(path, "x") == expected)
      var noise = [Float](repeating: 0, count: 3)
      noise.withUnsafeMutableBufferPointer { generator.fillNoise(count - 2, $0) }
      #expect(try floats(path, "noise").suffix(6).prefix(3) == noise[...])
    }
  }

  /// Classes that are asked for come in turn, whatever the number of samples.
  @Test func labelsAreThoseOfTheRow() throws {
    let (generator, arrays) = try generator(
      "x.npz, samples: x, labels: label, classes: 3", layers: "labelConcat, ")
    let layout = SampleGenerator.Layout(
      count: 7, columns: 1, conditions: [2, 0, 1].map { ConditionValues(label: $0) })
    try withTemporaryFolder { folder in
      let path = "\(folder)/y.npz"
      _ = try SampleArrays(generator, layout, arrays: arrays).write(to: path, .npz)
      #expect(try floats(path, "label") == [2, 0, 1, 2, 0, 1, 2])
    }
  }

  /// A table is read by the names that it was written with.
  @Test func namesOfColumnsMayHaveQuotes() throws {
    let (generator, arrays) = try generator("x.csv, samples: [a, 'b \"b\"', c, d]")
    let layout = SampleGenerator.Layout(count: 3, columns: 1, conditions: [])
    try withTemporaryFolder { folder in
      let path = "\(folder)/y.csv"
      _ = try SampleArrays(generator, layout, arrays: arrays).write(to: path, .csv)
      let text = String(decoding: try FileSystem.readFile(path), as: UTF8.self)
      #expect(text.hasPrefix("a,\"b \"\"b\"\"\",c,d\n"), "\(text)")
      var settings = arrays.settings
      settings.paths = [path]
      #expect(try HeldArrays.areMapped(settings) == false)
    }
  }
}
