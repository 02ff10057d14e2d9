import Base
import Datasets
import Foundation
import Storage
import TestSupport
import Testing

@Suite struct LoadIDXTests {
  private func load(
    _ folder: String, _ split: DatasetSplit = .train, limit: Int? = nil
  ) throws -> ByteImages {
    try loadIDX(directory: folder, split: split).first(limit)
  }

  @Test func imagesAndLabels() throws {
    try withTemporaryFolder { folder in
      try write(countingImages(4), to: folder + "/train-images-idx3-ubyte")
      try write(gzip(idx([4], [1, 0, 6, 2])), to: folder + "/train-labels-idx1-ubyte.gz")
      let dataset = try load(folder)
      #expect(dataset.name == "idx \(folder) (train)")
      #expect(dataset.count == 4)
      #expect(dataset.shape == Shape(channels: 1, height: 3, width: 2))
      #expect(dataset.classCount == 7)
      #expect(dataset.labels == [1, 0, 6, 2])
      #expect(dataset.pixels == (0..<24).map { UInt8($0) })

      let limited = try load(folder + "/", limit: 2)
      #expect(limited.count == 2)
      #expect(limited.pixels == Array(dataset.pixels[..<12]))
      #expect(limited.labels == [1, 0])
      // The class that the limit cuts off still counts.
      #expect(limited.classCount == 7)
      #expect(try load(folder, limit: 100).count == 4)
    }
  }

  @Test func labelsMayBeAbsent() throws {
    try withTemporaryFolder { folder in
      try write(gzip(countingImages(3)), to: folder + "/t10k-images-idx3-ubyte.gz")
      let dataset = try load(folder, .test)
      #expect(dataset.name == "idx \(folder) (test)")
      #expect(dataset.count == 3)
      #expect(dataset.classCount == 0)
      #expect(dataset.labels.isEmpty)
    }
  }

  @Test func missingFolderAndFiles() throws {
    try withTemporaryFolder { folder in
      let files = "train-images-idx3-ubyte[.gz] and, for labels, train-labels-idx1-ubyte[.gz]"
      #expect(
        message { try load(folder + "/none") }
          == "\(folder)/none: no such folder; expected one with \(files); 'wgangp-dist data "
          + "download mnist|fashion-mnist --to \(folder)/none' fetches it")
      #expect(
        message { try load("data/fashion-mnist") }
          == "data/fashion-mnist: no such folder; expected one with \(files); 'wgangp-dist data "
          + "download fashion-mnist' fetches it")
      let missing = "\(folder): no train-images-idx3-ubyte[.gz]; expected \(files)"
      #expect(message { try load(folder) } == missing)
      try write(countingImages(1), to: folder + "/t10k-images-idx3-ubyte")
      #expect(
        message { try load(folder) }
          == "split: \(missing); this folder has the test split")
      #expect(
        message { try load(folder + "/t10k-images-idx3-ubyte") }
          == "\(folder)/t10k-images-idx3-ubyte: a file; expected the folder that holds \(files)")
    }
    try withTemporaryFolder { folder in
      try write(countingImages(1), to: folder + "/train-images-idx3-ubyte")
      let text = message { try load(folder, .test) } ?? ""
      #expect(text.hasPrefix("split: \(folder): no t10k-images-idx3-ubyte[.gz]"))
      #expect(text.hasSuffix("; this folder has the train split"))
    }
  }

  @Test func countsMustAgree() throws {
    try withTemporaryFolder { folder in
      let images = folder + "/train-images-idx3-ubyte"
      let labels = folder + "/train-labels-idx1-ubyte"
      try write(countingImages(4), to: images)
      try write(idx([3], [0, 1, 2]), to: labels)
      let expected = "\(labels): 3 labels, but \(images) has 4 images; expected one each"
      #expect(message { try load(folder) } == expected)
      // Also where the limit would hide it.
      #expect(message { try load(folder, limit: 2) } == expected)
    }
  }

  /// What a limit leaves out is not read: the rest of the file may be missing.
  @Test(arguments: [false, true]) func limitsReadWhatTheyNeed(isCompressed: Bool) throws {
    try withTemporaryFolder { folder in
      let images = folder + "/train-images-idx3-ubyte"
      let whole = countingImages(4)
      // The 16 bytes of the header and two images and a half; compressed without the checksum.
      let part = Array(whole[..<31])
      try write(isCompressed ? Array(gzip(part).dropLast(8)) : part, to: images)
      #expect(try load(folder, limit: 2).pixels == (0..<12).map { UInt8($0) })
      for limit in [3, 4, nil] {
        #expect(message { try load(folder, limit: limit) }?.hasPrefix("\(images): ") == true)
      }
    }
  }

  /// The first ten of the published digits, cut by `Fixtures/cut_published.py`.
  @Test func firstPublishedDigits() throws {
    let dataset = try load(fixture("published"), .test)
    #expect(dataset.shape == Shape(channels: 1, height: 28, width: 28))
    #expect(dataset.classCount == 10)
    #expect(dataset.labels == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9])
    #expect(crc32(dataset.pixels) == 0x17F2_FD7E)
  }

  /// All of them, where they are beside the package.
  private static let mnist = repositoryFile("../shared/data/mnist")

  @Test(.enabled(if: FileSystem.exists(mnist), "needs ../shared/data/mnist"))
  func publishedFiles() throws {
    let dataset = try load(Self.mnist, .test)
    #expect(dataset.count == 10_000)
    #expect(dataset.shape == Shape(channels: 1, height: 28, width: 28))
    #expect(dataset.classCount == 10)
    #expect(dataset.labels.prefix(10) == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9])
    // 0.1307 is the mean that MNIST examples normalize with (of the training split).
    let mean = dataset.pixels.reduce(0.0) { $0 + Double($1) } / Double(dataset.pixels.count) / 255
    #expect(abs(mean - 0.1325) < 0.0005)
    #expect(message { try load(Self.mnist) }?.hasSuffix("has the test split") == true)
  }
}
