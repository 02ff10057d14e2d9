import Base
import Datasets
import Foundation
import Pictures
import Storage
import TestSupport
import Testing

/// Damaged data are refused in one line that names the file; nothing crashes or hangs.
@Suite struct FuzzTests {
  private func expectClean(
    _ result: FuzzResult, loaded: Int, refused: Int,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      result.complaints.isEmpty, "\(result.complaints.prefix(3))", sourceLocation: sourceLocation)
    // Neither all the same: the damage reaches what it should.
    #expect(
      result.loaded >= loaded && result.refused >= refused, "\(result.loaded), \(result.refused)",
      sourceLocation: sourceLocation)
  }

  private func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: fixture(name))))
  }

  @Test func idx() throws {
    let images = countingImages(20)
    let result = try fuzz([images, gzip(images)], count: 6000) { path in
      let found = try IDXFile.open(path, content: .images)
      _ = try found.first(min(found.count, 100))
    }
    expectClean(result, loaded: 100, refused: 1000)
  }

  /// Repaired checksums let the damage through to what lies in the member.
  @Test func gzipWithRightChecksums() throws {
    var mutator = Mutator(seed: 3)
    for _ in 0..<100 {
      let damaged = gzip(Array(mutator.damaged(countingImages(4)).prefix(60_000)))
      try withTemporaryFolder { folder in
        let path = "\(folder)/x.gz"
        try write(damaged, to: path)
        do { _ = try IDXFile.open(path, content: .images).first(1) } catch {
          #expect("\(error)".hasPrefix("\(path): "), "\(error)")
        }
      }
    }
  }

  private func unpacked(_ name: String) throws -> [UInt8] {
    try DecompressedFile.contents(of: fixture(name), limit: 1 << 26)
  }

  @Test func cifarBatches() throws {
    let binary = (0..<3).flatMap { [UInt8($0)] + fixtureImage($0, 0..<3072) }
    let pickles = try ["py2-protocol0", "py2-protocol2", "py3-protocol0", "py3-protocol5"].map {
      try unpacked("cifar-\($0).gz")
    }
    let result = try fuzz([binary] + pickles, count: 3000) { path in
      _ = try loadCIFAR10(path: path, split: .train)
    }
    expectClean(result, loaded: 50, refused: 500)
  }

  @Test func cifarArchives() throws {
    let archives = try ["binary", "python"].map { try unpacked("cifar-10-\($0).tar.gz") }
    let result = try fuzz(archives, count: 1500) { path in
      _ = try loadCIFAR10(path: path, split: .train)
    }
    expectClean(result, loaded: 10, refused: 300)
  }

  @Test func mnistPickles() throws {
    let pickles = try ["py2-protocol0", "py2-protocol2", "py3-protocol0", "py3-protocol5"].map {
      try unpacked("mnist-\($0).pkl.gz")
    }
    let result = try fuzz(pickles, count: 2000) { path in
      _ = try loadMNISTPickle(path: path, split: .validation)
    }
    expectClean(result, loaded: 10, refused: 500)
  }

  @Test func pictures() throws {
    let names = [
      "rgb.png", "palette.png", "alpha.png", "sixteen.png", "rgb.jpg", "progressive.jpg",
      "grey.jpg",
    ]
    let result = try fuzz(try names.map(bytes), count: 4000) { path in
      _ = try Picture.read(path)
    }
    expectClean(result, loaded: 50, refused: 1000)
  }

  @Test func numPyFiles() throws {
    let names = [
      "nhwc.npy", "fortran.npy", "big-endian.npy", "half.npy", "version2.npy", "stored.npz",
      "deflated.npz",
    ]
    let files = try names.map { try bytes("numpy/\($0)") }
    let result = try fuzz(files, count: 4000) { path in
      _ = try NumPyReader.names(in: path)
      _ = try ArrayImages(path: path)
    }
    expectClean(result, loaded: 100, refused: 1000)
  }

  /// A small file cannot claim a picture that takes much memory.
  @Test func picturesAreBoundedByTheirFiles() throws {
    var png = try bytes("rgb.png")
    // Width and height of the header, and its checksum.
    png.replaceSubrange(16..<24, with: [0, 0, 0x3F, 0xFF, 0, 0, 0x3F, 0xFF])
    png.replaceSubrange(
      29..<33, with: (0..<4).map { UInt8(crc32(png[12..<29]) >> (24 - 8 * $0) & 255) })
    try withTemporaryFolder { folder in
      try write(png, to: "\(folder)/x.png")
      #expect(
        message { try Picture.read("\(folder)/x.png") }
          == "\(folder)/x.png: damaged: its header says 16383 x 16383 pixels, which its bytes "
          + "cannot hold")
    }
  }

  /// Whatever a cache holds, it is used or made anew.
  @Test func imageCaches() throws {
    try withTemporaryFolder { folder in
      let cache = "\(folder)/faces.cache"
      try FileSystem.createDirectory("\(folder)/faces/a")
      try write(bytes("rgb.png"), to: "\(folder)/faces/a/x.png")
      let settings = ImageFolderSettings(
        path: "\(folder)/faces", size: ImageSize(height: 4, width: 4), cache: cache)
      func open() throws -> [Float] {
        let set = try ImageFolderDataset.open(settings, range: 0...1).first()
        var values = [Float](repeating: 0, count: set.shape.elementCount)
        for index in 0..<set.count {
          values.withUnsafeMutableBufferPointer {
            set.copySample(at: index, into: $0)
          }
        }
        return values
      }
      let whole = try open()
      let good = try FileSystem.readFile(cache)
      var mutator = Mutator(seed: 7)
      for index in 0..<400 {
        var damaged = mutator.damaged(good)
        // A right checksum every other time: what lies behind it is to be reached too.
        if index % 2 == 0, damaged.count > 60 {
          let sum = crc32(damaged.dropLast(4))
          damaged.replaceSubrange(
            (damaged.count - 4)..., with: (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) }
          )
        }
        try write(damaged, to: cache)
        let values = try open()
        #expect(values.count == whole.count && values.allSatisfy { (0...1).contains($0) })
      }
    }
  }

  /// Nobody writes to the fifo: what opens it for reading would wait for ever.
  @Test(.timeLimit(.minutes(1))) func picturesAreRegularFiles() throws {
    try withTemporaryFolder { folder in
      try #require(mkfifo("\(folder)/x.png", 0o600) == 0)
      #expect(
        message { try ImageFolderListing(folder) }
          == "\(folder)/x.png: is a fifo; expected a picture in a regular file")
      #expect(message { try Picture.read("\(folder)/x.png") }?.contains("is a fifo") == true)
      #expect(
        message { try IDXFile.open("/dev/zero", content: .images) }
          == "/dev/zero: is a device; a regular file is expected")
    }
  }

  @Test func linksToAFolderAboveEnd() throws {
    try withTemporaryFolder { folder in
      try FileSystem.createDirectory("\(folder)/a")
      for name in ["x", "y"] { try FileSystem.replaceSymlink(at: "\(folder)/a/\(name)", to: ".") }
      let found = message { try ImageFolderListing(folder) }
      #expect(found?.contains("more than 32 folders deep") == true, "\(found ?? "")")
    }
  }
}
