import Base
import Datasets
import Foundation
import TestSupport
import Testing

@Suite struct MNISTPickleTests {
  private func load(
    _ path: String, _ split: DatasetSplit
  ) throws -> ByteImages {
    try loadMNISTPickle(path: path, split: split).first()
  }

  @Test(arguments: [
    "py2-protocol0", "py2-protocol1", "py2-protocol2", "py3-protocol0", "py3-protocol2",
    "py3-protocol3", "py3-protocol4", "py3-protocol5",
  ])
  func splits(name: String) throws {
    let path = try fixture("mnist-\(name).pkl.gz")
    for (split, images) in [
      (DatasetSplit.train, 0..<3), (.validation, 3..<5), (.test, 5..<6),
    ] {
      let set = try load(path, split)
      #expect(set.name == "mnistPickle \(path) (\(split))")
      #expect(set.shape == Shape(channels: 1, height: 28, width: 28))
      #expect(set.classCount == 10)
      #expect(set.labels == images.map { UInt8(3 * $0 % 10) })
      #expect(set.pixels == images.flatMap { fixtureImage($0, 0..<784) })
      var sample = [Float](repeating: .nan, count: 784)
      let dataset = ByteImageDataset(set, range: 0...1)
      sample.withUnsafeMutableBufferPointer { dataset.copySample(at: 0, into: $0) }
      // The floats in the file.
      #expect(sample == fixtureImage(images.lowerBound, 0..<784).map { Float($0) / 256 })
    }
  }

  @Test func thePathMayBeTheFolder() throws {
    try withTemporaryFolder { folder in
      #expect(
        message { try load(folder, .train) }
          == "\(folder)/mnist.pkl.gz: no such file; expected mnist.pkl.gz; 'wgangp-dist data "
          + "download mnist-pickle --to \(folder)' fetches it")
      try FileManager.default.copyItem(
        atPath: fixture("mnist-py2-protocol2.pkl.gz"), toPath: folder + "/mnist.pkl.gz")
      #expect(try load(folder, .train).count == 3)
      let source = DatasetSource.mnistPickle(path: folder, split: .test)
      let resized = try source.open(range: 0...1, resize: ImageSize(height: 32, width: 32))
      #expect(resized.shape == Shape(channels: 1, height: 32, width: 32))
      let train = DatasetSource.mnistPickle(path: folder, split: .train)
      #expect(try train.open(range: 0...1, limit: 2).count == 2)
      #expect(try loadMNISTPickle(path: folder, split: .train).first(2).labels == [0, 3])
      #expect(
        message { try DatasetSplit(named: "dev", of: DatasetSplit.allCases) }
          == "split: found \"dev\", expected train, validation or test")
    }
  }

  @Test func otherPickles() throws {
    let batch = try fixture("cifar-py2-protocol2.gz")
    #expect(
      message { try load(batch, .train) }
        == "\(batch): expected a tuple of three pairs (train, validation, test), found a dictionary"
    )
    try withTemporaryFolder { folder in
      // Three empty tuples in a tuple: ) ) ) TUPLE3 STOP.
      let path = folder + "/tuples"
      try write(Array(")))".utf8) + [0x87] + Array(".".utf8), to: path)
      #expect(
        message { try load(path, .test) }
          == "\(path): test: expected a pair of numpy arrays, found a tuple of 0")
    }
  }
}
