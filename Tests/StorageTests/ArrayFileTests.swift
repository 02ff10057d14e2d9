import Base
import Foundation
import Storage
import TestSupport
import Testing

/// NumPy's files and the zip around them.
@Suite struct ArrayFileTests {
  @Test func preamble() {
    // numpy.lib.format's own bytes: numpy.save of zeros((2, 3), float32) and zeros(4, int64), but
    // for a comma and spaces that Python takes as well.
    let two = NumPyPreamble(.float32, shape: [2, 3])
    #expect(two.bytes.count == 128 && two.fileSize == 128 + 24)
    #expect(two.bytes.prefix(10) == [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, 118, 0])
    let text = String(decoding: two.bytes.dropFirst(10), as: UTF8.self)
    #expect(text.hasPrefix("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3,), } "))
    #expect(text.hasSuffix(" \n"))
    let one = String(decoding: NumPyPreamble(.int64, shape: [4]).bytes, as: UTF8.self)
    #expect(one.contains("'<i8'") && one.contains("(4,)"))
  }

  @Test(arguments: [1, 64]) func zipsAreRead(alignment: Int) throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.zip"
      let contents: [String: [UInt8]] = [
        "a": Array("hello".utf8), "b/c.npy": (0..<1000).map { UInt8($0 % 251) }, "empty": [],
      ]
      try FileSystem.writeAtomically(to: path) { file in
        let zip = ZipWriter(file, alignment: alignment)
        for (name, bytes) in contents.sorted(by: { $0.key < $1.key }) {
          try zip.begin(name, size: bytes.count)
          // In two parts.
          for part in [bytes.prefix(bytes.count / 2), bytes.dropFirst(bytes.count / 2)] {
            try part.withUnsafeBytes { try zip.write($0) }
          }
        }
        try zip.finish()
      }
      let bytes = try FileSystem.readFile(path)
      // libarchive compares the checksums.
      #expect(try Archive.files(in: bytes, format: .zip, path: path) { $0 } == contents)
      guard alignment > 1 else { return }
      let place = try #require(bytes.firstRange(of: Array("hello".utf8))).lowerBound
      #expect(place % 64 == 0, "\(place)")
    }
  }

  /// A tar's file of 600 bytes, whole and cut short.
  @Test func tarsAreWholeOrRefused() throws {
    var header = [UInt8](repeating: 0, count: 512)
    // Name, mode, owner, group, size and time, octal; then the kind, a regular file.
    for (place, text) in [
      (0, "a/b.bin"), (100, "0000644"), (108, "0000000"), (116, "0000000"), (124, "00000001130"),
      (136, "00000000000"), (148, "        "), (156, "0"), (257, "ustar"), (263, "00"),
    ] {
      header.replaceSubrange(place..<place + text.utf8.count, with: text.utf8)
    }
    let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
    header.replaceSubrange(148..<156, with: "00\(sum)\0 ".utf8)
    let contents = (0..<600).map { UInt8($0 % 251) }
    let tar = header + contents + [UInt8](repeating: 0, count: 424 + 1024)
    let read = { (bytes: ArraySlice<UInt8>) in
      try Archive.files(in: Array(bytes), format: .tar, path: "x.tar") {
        $0 == "a/b.bin" ? "b" : nil
      }
    }
    #expect(try read(tar[...]) == ["b": contents])
    let short = message { _ = try read(tar[..<900]) } ?? "read"
    #expect(
      short.hasPrefix("x.tar: damaged, or no tar archive: ")
        && short.hasSuffix("; download it again"), "\(short)")
    #expect(try Archive.files(in: tar, format: .tar, path: "x.tar", limit: 600) { $0 }.count == 1)
    #expect(
      message { _ = try Archive.files(in: tar, format: .tar, path: "x.tar", limit: 599) { $0 } }
        == "x.tar: a/b.bin: 600 bytes; is it the published file?")
  }

  /// Sizes of 4 GiB and more, whose bytes are not written.
  @Test func longFilesHaveLongSizes() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.zip"
      try FileSystem.writeAtomically(to: path) { file in
        try ZipWriter(file).begin("a", size: 5 << 30)
      }
      let bytes = try FileSystem.readFile(path)
      #expect(bytes[18..<26] == [UInt8](repeating: 0xFF, count: 8)[...])
      // The extra field 1 with both sizes.
      let extra: [UInt8] = [1, 0, 16, 0, 0, 0, 0, 0x40, 1, 0, 0, 0, 0, 0, 0, 0x40, 1, 0, 0, 0]
      #expect(Array(bytes.suffix(20)) == extra)
    }
  }
}
