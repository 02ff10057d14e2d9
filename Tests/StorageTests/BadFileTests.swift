import Base
import Foundation
import Storage
import TestSupport
import Testing

/// Files that would take much time or memory are refused in one line; ReaderTests damage files.
@Suite struct BadFileTests {
  /// Each value of a header costs as much memory as it is long, and no more.
  @Test func headersOfManyTensorsAreBounded() throws {
    let entry = { (index: Int) in
      #""t\#(index)":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#
    }
    let header = Array("{\((0...(1 << 16)).map(entry).joined(separator: ","))}".utf8)
    let length = UInt64(header.count)
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + header
    try SafetensorsTests.expectRefused(bytes, "more than 65536 tensors")
    let nested = String(repeating: #"{"a":"#, count: 1000)
    let deep = Array(nested.utf8)
    try SafetensorsTests.expectRefused(
      [UInt8(truncatingIfNeeded: deep.count), UInt8(deep.count >> 8), 0, 0, 0, 0, 0, 0] + deep,
      "nested too deeply")
  }

  /// A fifo has no end, and a device none either: both are refused without waiting.
  @Test func onlyRegularFilesAreRead() throws {
    try withTemporaryFolder { folder in
      let fifo = "\(folder)/fifo"
      try #require(mkfifo(fifo, 0o600) == 0)
      for (path, kind) in [(fifo, "a fifo"), (folder, "a folder"), ("/dev/zero", "a device")] {
        #expect(
          message(of: { try FileSystem.readFile(path, allowsPipe: true) })
            == "\(path): is \(kind); a regular file is expected")
      }
      try FileSystem.writeAtomically([1, 2, 3], to: "\(folder)/x")
      #expect(
        message(of: { try FileSystem.readFile("\(folder)/x", limit: 2) })
          == "\(folder)/x: has 3 bytes or more; at most 2 are expected")
      #expect(try FileSystem.readFile("\(folder)/x", limit: 3) == [1, 2, 3])
    }
  }
}
