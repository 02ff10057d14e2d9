import Base
import Datasets
import Foundation
import Pictures
import Storage
import TestSupport
import Testing

@Suite struct ImageFolderTests {
  /// A folder of two classes: b with rgb.png, a with grey.jpg and, deeper, rgb.jpg.
  private func withPictures(_ body: (_ pictures: String, _ parent: String) throws -> Void) throws {
    try withTemporaryFolder { parent in
      let folder = parent + "/pets"
      try copy("grey.jpg", to: folder + "/a/x.JPG")
      try copy("rgb.jpg", to: folder + "/a/deep/y.jpeg")
      try copy("rgb.png", to: folder + "/b/z.png")
      try write([1], to: folder + "/b/Thumbs.db")
      try write([1], to: folder + "/b/.hidden.png")
      try body(folder, parent)
    }
  }

  private func copy(_ name: String, to path: String) throws {
    try FileManager.default.createDirectory(
      at: URL(fileURLWithPath: path).deletingLastPathComponent(),
      withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: fixture(name), toPath: path)
  }

  private func settings(
    _ path: String, _ crop: ImageCrop = .center, channels: Int = 3, cache: String? = nil
  ) -> ImageFolderSettings {
    ImageFolderSettings(
      path: path, size: ImageSize(height: 8, width: 8), crop: crop, channels: channels,
      cache: cache)
  }

  private func open(_ settings: ImageFolderSettings) throws -> ImageFolderDataset {
    try ImageFolderDataset.open(settings, range: 0...255).first()
  }

  private func bytes(_ set: some Dataset, _ index: Int) -> [UInt8] {
    var sample = [Float](repeating: .nan, count: set.shape.elementCount)
    sample.withUnsafeMutableBufferPointer { set.copySample(at: index, into: $0) }
    return sample.map { UInt8($0) }
  }

  @Test func classesAreFolders() throws {
    try withPictures { folder, parent in
      let set = try open(settings(folder))
      #expect(set.name == "imageFolder \(folder)")
      #expect(set.count == 3)
      #expect(set.shape == Shape(channels: 3, height: 8, width: 8))
      #expect(set.classes == ["a", "b"])
      #expect(set.classCount == 2)
      // In the order of their names: a/deep/y.jpeg, a/x.JPG, b/z.png.
      #expect((0..<3).map(set.label) == [0, 0, 1])
      for (index, name) in ["rgb.jpg", "grey.jpg", "rgb.png"].enumerated() {
        let fitted = try Picture.read(fixture(name))
          .fitted(to: ImageSize(height: 8, width: 8), crop: .center)
        #expect(bytes(set, index) == fitted.pixels, "\(name)")
      }
      #expect(FileSystem.exists(parent + "/pets.8x8-center-rgb.cache"))

      let grey = try open(settings(folder + "/", .none, channels: 1, cache: parent + "/my/cache"))
      #expect(grey.shape == Shape(channels: 1, height: 8, width: 8))
      #expect(FileSystem.exists(parent + "/my/cache"))
      #expect(bytes(grey, 2) != bytes(set, 2))

      let source = DatasetSource.imageFolder(settings(folder))
      let limited = try source.open(
        range: -1...1, limit: 2, dequantization: Dequantization(noise: .step))
      #expect(limited.count == 2 && limited.classCount == 2)
    }
  }

  @Test func picturesWithoutFoldersHaveNoClass() throws {
    try withTemporaryFolder { parent in
      try copy("rgb.png", to: parent + "/flat/2.png")
      try copy("rgb.jpg", to: parent + "/flat/10.jpg")
      let set = try open(settings(parent + "/flat"))
      #expect(set.count == 2 && set.classCount == 0 && set.classes.isEmpty)
    }
  }

  /// The inode and time of the cache: other ones where it was made anew.
  private func identity(_ path: String) throws -> String {
    var status = stat()
    try #require(stat(path, &status) == 0)
    return "\(status.st_ino) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
  }

  @Test func theCacheIsMadeOnceAndAnewWhereItMustBe() throws {
    try withPictures { folder, parent in
      let path = settings(folder).cachePath
      let first = try open(settings(folder))
      let made = try identity(path)
      let images = (0..<3).map { bytes(first, $0) }
      _ = try open(settings(folder))
      #expect(try identity(path) == made)

      // Damage: a bit of a pixel, a missing end, another file.
      let good = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
      var flipped = good
      flipped[good.count - 40] ^= 4
      for damaged in [flipped, Array(good.dropLast()), Array(good[..<20]), [], [1, 2, 3]] {
        try FileManager.default.removeItem(atPath: path)
        try write(damaged, to: path)
        let repaired = try open(settings(folder))
        #expect((0..<3).map { bytes(repaired, $0) } == images)
        #expect([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) == good)
      }
      // The mapping of the first is still whole.
      #expect((0..<3).map { bytes(first, $0) } == images)

      // A new picture, and one that was changed.
      try copy("palette.png", to: folder + "/c/new.png")
      let larger = try open(settings(folder))
      #expect(larger.count == 4 && larger.classes == ["a", "b", "c"])
      try FileManager.default.removeItem(atPath: folder + "/c/new.png")
      try copy("grey.png", to: folder + "/c/new.png")
      let changed = try open(settings(folder))
      #expect(bytes(changed, 3) != bytes(larger, 3))
      // One of the same size, but of another date.
      let before = try identity(path)
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: folder + "/c/new.png")
      _ = try open(settings(folder))
      #expect(try identity(path) != before)
      // Nothing else was left behind.
      let rest = try FileManager.default.contentsOfDirectory(atPath: parent).sorted()
      #expect(rest == [".pets.8x8-center-rgb.cache.lock", "pets", "pets.8x8-center-rgb.cache"])
    }
  }

  /// The same pictures in other classes are other data.
  @Test func checksumsCoverLabels() throws {
    try withPictures { folder, _ in
      let first = try open(settings(folder))
      let (images, checksum) = ((0..<3).map { bytes(first, $0) }, first.checksum)
      try FileManager.default.moveItem(atPath: folder + "/a/x.JPG", toPath: folder + "/b/x.JPG")
      let moved = try open(settings(folder))
      #expect((0..<3).map { bytes(moved, $0) } == images)
      #expect((0..<3).map(moved.label) == [0, 1, 1] && moved.checksum != checksum)
    }
  }

  @Test func leftoversOfTheDeadAreRemoved() throws {
    try withPictures { folder, parent in
      let path = "\(parent)/.pets.8x8-center-rgb.cache.tmp-"
      // No process has the first number (the kernel's limit is 2^22), every system has the second.
      for number in ["2000000000", "1", "x"] { try write([1], to: path + number) }
      try write([1], to: "\(parent)/.other.cache.tmp-2000000000")
      _ = try open(settings(folder))
      let rest = try FileManager.default.contentsOfDirectory(atPath: parent).sorted()
      #expect(
        rest == [
          ".other.cache.tmp-2000000000", ".pets.8x8-center-rgb.cache.lock",
          ".pets.8x8-center-rgb.cache.tmp-1", ".pets.8x8-center-rgb.cache.tmp-x", "pets",
          "pets.8x8-center-rgb.cache",
        ])
    }
  }

  @Test func severalAtOnceShareOneCache() throws {
    try withPictures { folder, _ in
      let path = settings(folder).cachePath
      let results = Results()
      DispatchQueue.concurrentPerform(iterations: 8) { _ in
        do {
          let set = try open(settings(folder))
          var status = stat()
          stat(path, &status)
          results.add("\(set.count) \(status.st_ino)")
        } catch {
          results.add("\(error)")
        }
      }
      #expect(Set(results.all).count == 1 && results.all.count == 8, "\(results.all)")
    }
  }

  private final class Results: @unchecked Sendable {
    private let lock = NSLock()
    private var texts: [String] = []

    func add(_ text: String) { lock.withLock { texts.append(text) } }

    var all: [String] { lock.withLock { texts } }
  }

  @Test func foldersThatAreRefused() throws {
    try withPictures { folder, parent in
      let complaint = { message { try open(settings(folder)) } }
      try write([0xFF, 0xD8, 1], to: folder + "/b/bad.jpg")
      #expect(complaint()?.hasPrefix("\(folder)/b/bad.jpg: not a readable JPEG file: ") == true)
      // Neither a cache nor a part of one.
      let rest = try FileManager.default.contentsOfDirectory(atPath: parent).sorted()
      #expect(rest == [".pets.8x8-center-rgb.cache.lock", "pets"])
      try FileManager.default.removeItem(atPath: folder + "/b/bad.jpg")

      try write([1], to: folder + "/b/new.webp")
      #expect(
        complaint()
          == "\(folder)/b/new.webp: only PNG and JPEG pictures are read; convert or remove it")
      try FileManager.default.removeItem(atPath: folder + "/b/new.webp")
      try copy("rgb.png", to: folder + "/loose.png")
      #expect(complaint()?.contains("both pictures (loose.png) and folders (a)") == true)
      try FileManager.default.removeItem(atPath: folder + "/loose.png")
      try FileManager.default.createDirectory(
        atPath: folder + "/empty", withIntermediateDirectories: true)
      #expect(complaint()?.hasPrefix("\(folder)/empty: no PNG or JPEG pictures") == true)
      #expect(
        message { try open(settings(folder + "/none")) }
          == "\(folder)/none: no such folder; expected one with PNG or JPEG pictures")
      #expect(
        message { try open(settings(folder + "/empty")) }
          == "\(folder)/empty: no PNG or JPEG pictures")
      try FileManager.default.removeItem(atPath: folder + "/empty")
      // A place for the cache that cannot be written.
      let text = message { try open(settings(folder, cache: folder + "/b/z.png/cache")) } ?? ""
      #expect(text.hasPrefix("cache: "), "\(text)")
      #expect(text.hasSuffix("; expected a place that can be written"), "\(text)")
    }
  }
}
