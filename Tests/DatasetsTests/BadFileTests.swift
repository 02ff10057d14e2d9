import Base
import Datasets
import Foundation
import Pictures
import Storage
import TestSupport
import Testing

/// Data that would take much time or memory are refused in one line; damaged ones are ReaderTests'.
@Suite struct BadFileTests {
  private func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: fixture(name))))
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
      #expect(
        found?.hasPrefix("\(folder)/a/x: a link to a folder above it") == true, "\(found ?? "")")
    }
  }
}
