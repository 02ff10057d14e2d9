import Base
import Datasets
import Foundation
import Storage
import TestSupport
import Testing

@Suite struct CIFAR10Tests {
  private func load(_ path: String, _ split: DatasetSplit = .train) throws -> ByteImages {
    try loadCIFAR10(path: path, split: split).first()
  }

  /// Image `image` of the fixtures, channels last.
  private func expected(_ image: Int) -> [UInt8] {
    let planes = fixtureImage(image, 0..<3072)
    return (0..<3072).map { planes[$0 % 3 * 1024 + $0 / 3] }
  }

  private func expectImages(_ set: ByteImages, _ images: Range<Int>) {
    #expect(set.count == images.count)
    #expect(set.shape == Shape(channels: 3, height: 32, width: 32))
    #expect(set.classCount == 10)
    #expect(set.labels == images.map { UInt8(3 * $0 % 10) })
    #expect(set.pixels == images.flatMap(expected))
  }

  @Test(arguments: [
    "py2-protocol0", "py2-protocol1", "py2-protocol2", "py3-protocol0", "py3-protocol2",
    "py3-protocol3", "py3-protocol4", "py3-protocol5",
  ])
  func pickledBatches(name: String) throws {
    expectImages(try load(fixture("cifar-\(name).gz")), 0..<2)
  }

  @Test(arguments: ["binary", "python"])
  func archives(version: String) throws {
    let path = try fixture("cifar-10-\(version).tar.gz")
    expectImages(try load(path), 0..<5)
    let test = try load(path, .test)
    expectImages(test, 5..<6)
    #expect(test.name == "cifar10 \(path) (test)")
  }

  private func record(_ image: Int) -> [UInt8] {
    [UInt8(3 * image % 10)] + fixtureImage(image, 0..<3072)
  }

  @Test func foldersAndSingleBatches() throws {
    try withTemporaryFolder { folder in
      let inner = folder + "/cifar-10-batches-bin"
      try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
      for batch in 1...5 {
        try write(record(batch), to: "\(inner)/data_batch_\(batch).bin")
      }
      expectImages(try load(inner), 1..<6)
      expectImages(try load(folder), 1..<6)
      expectImages(try load(inner + "/data_batch_3.bin"), 3..<4)
      expectImages(try loadCIFAR10(path: inner, split: .train).first(2), 1..<3)
      try FileManager.default.removeItem(atPath: inner + "/data_batch_1.bin")
      #expect(
        message { try load(folder) }
          == "path: \(folder): only some of data_batch_1[.bin] to data_batch_5; name one file, "
          + "such as \(inner)/data_batch_2.bin, for a part")
      #expect(
        message { try load(folder, .test) }
          == "\(folder): no test_batch[.bin], cifar-10-binary.tar.gz or cifar-10-python.tar.gz")
      try FileManager.default.copyItem(
        atPath: fixture("cifar-10-python.tar.gz"), toPath: folder + "/cifar-10-python.tar.gz")
      expectImages(try load(folder, .test), 5..<6)
      expectImages(try load(folder), 0..<5)
      #expect(message { try load(folder + "/none") }?.contains("no such file or folder") == true)
    }
  }

  /// Files that look like CIFAR-10's, with two labels an image.
  @Test func filesOfCIFAR100() throws {
    let what = "is of CIFAR-100 (two labels an image); expected CIFAR-10's files, as 'wgangp-dist "
    try withTemporaryFolder { folder in
      let image = [UInt8](repeating: 7, count: 3072)
      // A kind that CIFAR-10 has as a class, and one that begins a pickle's opcode.
      try write([3, 41] + image + [11, 99] + image, to: folder + "/train.bin")
      try write([11, 99] + image, to: folder + "/test.bin")
      for name in ["train.bin", "test.bin"] {
        let text = message { try load("\(folder)/\(name)") } ?? "no error"
        #expect(text.hasPrefix("\(folder)/\(name): \(what)"), "\(text)")
      }
      try write(Array("a\n".utf8), to: folder + "/fine_label_names.txt")
      #expect(message { try load(folder) }?.hasPrefix("\(folder): \(what)") == true)
      var header = [UInt8](repeating: 0, count: 1536)
      header.replaceSubrange(0..<18, with: Array("cifar-100-python/x".utf8))
      header.replaceSubrange(100..<108, with: Array("0000644\0".utf8))
      header.replaceSubrange(124..<136, with: Array("00000000000\0".utf8))
      header.replaceSubrange(257..<263, with: Array("ustar\0".utf8))
      header[156] = UInt8(ascii: "0")
      header.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
      let sum = header[..<512].reduce(0) { $0 + Int($1) }
      let octal = String(sum, radix: 8)
      let digits = String(repeating: "0", count: 6 - octal.count) + octal + "\0 "
      header.replaceSubrange(148..<156, with: Array(digits.utf8))
      try write(header, to: folder + "/archive.tar")
      let archive = message { try load(folder + "/archive.tar") } ?? "no error"
      #expect(archive.hasPrefix("\(folder)/archive.tar: \(what)"), "\(archive)")
    }
  }

  @Test func damage() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/file"
      try write(Array(record(1).dropLast()), to: path)
      #expect(
        message { try load(path) }
          == "\(path): 3072 bytes are no whole number of records of 3073; download it again")
      try write(record(1) + [10] + record(1).dropFirst(), to: path)
      #expect(
        message { try load(path) }
          == "\(path): label 10 of image 1; expected 0 to 9; is it CIFAR-10?")
      // An archive cut short and one with a flipped bit.
      let archive = [UInt8](
        try Data(contentsOf: URL(fileURLWithPath: fixture("cifar-10-binary.tar.gz"))))
      try write(Array(archive.dropLast(200)), to: path)
      #expect(message { try load(path) }?.hasPrefix("\(path): corrupt after") == true)
      var flipped = archive
      flipped[archive.count - 6] ^= 1
      try write(flipped, to: path)
      #expect(message { try load(path) }?.contains("the gzip checksum does not fit") == true)
      try write([], to: path)
      #expect(message { try load(path) }?.contains("truncated") == true)
    }
  }

  /// The first two records of a published batch, cut by `Fixtures/cut_published.py`.
  @Test func firstPublishedPhotographs() throws {
    let set = try load(fixture("published") + "/data_batch_1.bin")
    #expect(set.labels == [3, 3])
    #expect(crc32(set.pixels) == 0xC484_73E7)
  }

  /// All of it, where it is beside the package.
  private static let batch = repositoryFile("../shared/data/cifar-10/data_batch_1.bin")

  @Test(.enabled(if: FileSystem.exists(batch), "needs ../shared/data/cifar-10"))
  func publishedBatch() throws {
    let set = try load(Self.batch)
    #expect(set.count == 10_000)
    for label in 0..<10 {
      #expect((900...1100).contains(set.labels.count { $0 == label }), "\(label)")
    }
    for channel in 0..<3 {
      var sum = 0.0
      for index in stride(from: channel, to: set.pixels.count, by: 3) {
        sum += Double(set.pixels[index])
      }
      // The known means of CIFAR-10's channels.
      let mean = sum / Double(set.pixels.count / 3) / 255
      #expect(abs(mean - [0.4914, 0.4822, 0.4465][channel]) < 0.005)
    }
  }
}
