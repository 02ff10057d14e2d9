import Datasets
import Foundation
import TestSupport
import Testing

@Suite struct IDXTests {
  /// The labels 0 to 9 four times over, compressed by Python 3's `gzip.compress(data, 9, mtime=0)`.
  private let compressedLabels: [UInt8] = [
    0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x63, 0x60, 0xE0, 0x60, 0x64, 0x60,
    0x60, 0xD0, 0x60, 0x60, 0x64, 0x62, 0x66, 0x61, 0x65, 0x63, 0xE7, 0xE0, 0xC4, 0xCF, 0x02, 0x00,
    0x38, 0x20, 0x53, 0xB1, 0x30, 0x00, 0x00, 0x00,
  ]

  @Test func plainAndCompressedFilesHoldTheSame() throws {
    try withTemporaryFolder { folder in
      let bytes = countingImages(5)
      try write(bytes, to: folder + "/plain")
      try write(gzip(bytes), to: folder + "/compressed")
      // Two members: what `cat a.gz b.gz` and block compressors write.
      try write(gzip(Array(bytes[..<20])) + gzip(Array(bytes[20...])), to: folder + "/members")
      let plain = try IDXFile.open(folder + "/plain", content: .images).first()
      #expect(plain.dimensions == [5, 3, 2])
      #expect(plain.elements == (0..<30).map { UInt8($0) })
      #expect(try IDXFile.open(folder + "/compressed", content: .images).first() == plain)
      #expect(try IDXFile.open(folder + "/members", content: .images).first() == plain)
      try write(compressedLabels, to: folder + "/labels.gz")
      let labels = try IDXFile.open(folder + "/labels.gz", content: .labels).first()
      #expect(labels.dimensions == [40])
      #expect(labels.elements == (0..<40).map { UInt8($0 % 10) })
    }
  }

  /// What reading `bytes` as `content` complains of, without the path in front.
  private func complaint(_ bytes: [UInt8], _ content: IDXFile.Content = .images) throws -> String {
    var text = ""
    try withTemporaryFolder { folder in
      let path = folder + "/file"
      try write(bytes, to: path)
      text = message { try IDXFile.open(path, content: content).first() } ?? ""
      #expect(text.hasPrefix(path + ": "))
      text.removeFirst(min(path.count + 2, text.count))
    }
    return text
  }

  @Test func wrongMagicNumbers() throws {
    #expect(
      try complaint(idx([4], [1, 2, 3, 4]))
        == "wrong magic number: found 0x00000801, expected 0x00000803 (images); "
        + "this is a label file")
    #expect(
      try complaint(countingImages(2), .labels)
        == "wrong magic number: found 0x00000803, expected 0x00000801 (labels); "
        + "this is an image file")
    #expect(
      try complaint(Array("<!DOCTYPE html>".utf8)).hasSuffix(
        "a web page saved in place of the file?"))
    #expect(try complaint([0, 0, 0x0D, 3] + [UInt8](repeating: 0, count: 12)).contains("type 08"))
    #expect(try complaint([0, 0, 8, 2] + [UInt8](repeating: 1, count: 12)).contains("0x00000802"))
  }

  @Test func truncatedFiles() throws {
    let bytes = countingImages(5)
    let expected = "truncated: the header says 46 bytes, the file has 45; download it again"
    #expect(try complaint(Array(bytes.dropLast())) == expected)
    #expect(try complaint(gzip(Array(bytes.dropLast()))) == expected)
    let header = "truncated: an IDX header has 16 bytes, the file has "
    #expect(try complaint(Array(bytes[..<15])) == header + "15; download it again")
    #expect(try complaint(Array(bytes[..<2])) == header + "2; download it again")
    #expect(try complaint([]) == header + "0; download it again")
    let cut = "bytes: truncated gzip input; download it again"
    #expect(try complaint(Array(gzip(bytes).dropLast(20))) == "corrupt after 34 \(cut)")
    #expect(try complaint(Array(gzip(bytes).dropLast(3))) == "corrupt after 46 \(cut)")
  }

  @Test func trailingBytes() throws {
    let bytes = countingImages(5) + [0]
    let expected =
      "trailing bytes: the header says 46 bytes (5 x 3 x 2 elements), the file has more; "
      + "download it again"
    #expect(try complaint(bytes) == expected)
    #expect(try complaint(gzip(bytes)) == expected)
    for rest: [UInt8] in [[7], [7, 7, 7], [0, 0, 7], [0x1F, 0x8B]] {
      #expect(try complaint(gzip(countingImages(5)) + rest).hasPrefix("corrupt after 46 bytes"))
    }
  }

  /// As `gzip -t` takes them: what a tape or a block device adds.
  @Test func zerosMayFollowTheLastMember() throws {
    try withTemporaryFolder { folder in
      let bytes = countingImages(5)
      try write(bytes, to: folder + "/plain")
      // Longer than what is read from the file at once.
      for count in [1, 300_000] {
        try write(gzip(bytes) + [UInt8](repeating: 0, count: count), to: folder + "/padded")
        #expect(
          try IDXFile.open(folder + "/padded", content: .images).first()
            == IDXFile.open(folder + "/plain", content: .images).first())
      }
    }
  }

  /// An image of 300,000 bytes, so that a byte lost where pieces of the file meet would be seen.
  @Test func filesOfManyPieces() throws {
    try withTemporaryFolder { folder in
      let pixels = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
      let bytes = idx([1, 300, 1000], pixels)
      let members = stride(from: 0, to: bytes.count, by: 60_000).flatMap {
        gzip(Array(bytes[$0..<min($0 + 60_000, bytes.count)]))
      }
      try write(bytes, to: folder + "/plain")
      try write(members, to: folder + "/members")
      #expect(try IDXFile.open(folder + "/plain", content: .images).first().elements == pixels)
      #expect(try IDXFile.open(folder + "/members", content: .images).first().elements == pixels)
    }
  }

  @Test func corruptCompression() throws {
    let good = gzip(countingImages(5))
    let checksum = "corrupt: the gzip checksum does not fit the 46 bytes; download it again"
    // A reserved block type, a flipped pixel (still as long as it should be), checksum and length.
    for (offset, expected) in [
      (10, "corrupt after 0 bytes: invalid block type; download it again"), (50, checksum),
      (good.count - 6, checksum), (good.count - 2, checksum),
    ] {
      var bytes = good
      bytes[offset] ^= 0x06
      #expect(try complaint(bytes) == expected, "byte \(offset)")
    }
  }

  @Test func impossibleHeaders() throws {
    let huge = UInt32.max
    #expect(try complaint(idx([huge, huge, huge], [])).hasPrefix("impossible size"))
    // 2^48 bytes fit an Int: found to be missing, not allocated.
    #expect(
      try complaint(idx([1 << 31, 1 << 9, 1 << 8], [1]))
        == "truncated: the header says 281474976710672 bytes, the file has 17; download it again")
    #expect(try complaint(idx([0, 28, 28], [])).hasPrefix("empty: the header says 0 x 28 x 28"))
  }

  @Test func unreadableFile() {
    let text = message { try IDXFile.open("no/such/file", content: .images).first() } ?? ""
    #expect(text == "no/such/file: cannot open: No such file or directory")
  }
}
