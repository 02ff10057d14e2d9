import Base
import Datasets
import Foundation
import Storage
import TestSupport
import Testing

@Suite struct SharedImagesTests {
  /// A name's part behind the folder is found by what the file is for.
  private func names(in folder: String) throws -> [String] {
    try FileSystem.listDirectory(folder).filter { $0.contains("wgangp-dist-data") }
  }

  /// What is mapped is the data set that was read, also when the file has lost its name.
  @Test(arguments: [0, 3]) func mappedImagesAreTheSame(classes: Int) throws {
    try withTemporaryFolder { folder in
      let images = ByteImages(
        name: "some images", shape: Shape(channels: 3, height: 2, width: 1),
        pixels: (0..<30).map { UInt8(7 * $0) }, labels: classes == 0 ? [] : [2, 0, 1, 1, 2],
        classCount: classes, white: 256)
      let key = SharedImages.Key.make()
      let file = try SharedImages.File(images, key: key, places: [folder])
      let shared = try SharedImages(key, places: ["\(folder)/none", folder])
      #expect(try names(in: folder).count == 1)
      file.removeName()
      #expect(try names(in: folder).isEmpty)

      let mapped = ByteImageDataset(shared, range: 0...1)
      let held = ByteImageDataset(images, range: 0...1)
      #expect(mapped.name == "some images" && mapped.count == 5)
      #expect(mapped.shape == images.shape && mapped.classCount == classes)
      #expect(samples(mapped) == samples(held))
      if classes > 0 { #expect((0..<5).map(mapped.label) == [2, 0, 1, 1, 2]) }
    }
  }

  /// The next place is taken where the first does not do; if none does, each says why.
  @Test func placesInTheirOrder() throws {
    try withTemporaryFolder { folder in
      let images = GlyphDataset.make(count: 3)
      let key = SharedImages.Key.make()
      let file = try SharedImages.File(images, key: key, places: ["\(folder)/none", folder])
      #expect(file.path.hasPrefix("\(folder)/.wgangp-dist-data-"))
      let text = message { try SharedImages.File(images, key: key, places: ["\(folder)/none"]) }
      #expect(text == "\(folder)/none: cannot ask for free space: No such file or directory")
      // Neither another's file nor another job's.
      let other = SharedImages.Key(token: key.token + 1, process: key.process)
      #expect(
        message { try SharedImages(other, places: [folder]) }
          == "found no images that process \(getpid()) shares in \(folder)")
      let again = message { try SharedImages.File(images, key: key, places: [folder]) } ?? ""
      #expect(again.hasSuffix("cannot open for writing: File exists"), "\(again)")
    }
  }

  /// What a killed process has left in memory goes when the next one makes a file.
  @Test func leftoversAreRemoved() throws {
    // No process has this number: the kernel's limit is 2^22.
    let left = "/dev/shm/.wgangp-dist-data-\(getuid())-5.tmp-2000000000"
    try write([1], to: left)
    defer { unlink(left) }
    try withTemporaryFolder { folder in
      _ = try SharedImages.File(GlyphDataset.make(count: 1), key: .make(), places: [folder])
    }
    #expect(!FileSystem.exists(left))
  }

  /// A file that is not whole is none.
  @Test func damageIsSeen() throws {
    try withTemporaryFolder { folder in
      let key = SharedImages.Key.make()
      let file = try SharedImages.File(GlyphDataset.make(count: 2), key: key, places: [folder])
      let good = try FileSystem.readFile(file.path)
      for bytes in [Array(good.dropLast()), good + [0], Array(good[..<20]), [0] + good.dropFirst()]
      {
        try write(bytes, to: file.path)
        #expect(message { try SharedImages(key, places: [folder]) } != nil)
      }
    }
  }
}
