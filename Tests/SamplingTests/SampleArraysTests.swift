import Base
import RunSupport
import Sampling
import Storage
import TestSupport
import Testing

/// Samples as NumPy's arrays.
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
}
