import Base
import Foundation
import Storage
import TestSupport
import Testing

/// Damaged files are refused in one line that names them; nothing crashes or hangs.
@Suite struct FuzzTests {
  @Test func safetensors() throws {
    let python = try #require(
      Bundle.module.url(
        forResource: "python.safetensors", withExtension: nil, subdirectory: "Fixtures"))
    let own = try withTemporaryFolder { folder in
      let entries: [SafetensorsEntry] = [
        .init(name: "a.weight", shape: [2, 3]), .init(name: "step", type: .int64, shape: []),
      ]
      try SafetensorsWriter(entries: entries, metadata: ["format": "pt"])
        .write(to: "\(folder)/x") { _, _ in }
      return try FileSystem.readFile("\(folder)/x")
    }
    let result = try fuzz([Array(Data(contentsOf: python)), own], count: 6000) { path in
      let file = try SafetensorsFile(path: path)
      for name in file.names {
        switch try file.entry(name).dtype {
        case "F32", "F64": _ = try file.floats(name)
        case "I64", "I32": _ = try file.integers(name)
        default: break
        }
      }
    }
    #expect(result.complaints.isEmpty, "\(result.complaints.prefix(3))")
    // Neither all the same: the damage reaches what it should.
    #expect(result.loaded > 100 && result.refused > 1000, "\(result.loaded), \(result.refused)")
  }

  @Test func listsOfCheckpoints() throws {
    let done = "3610a686 5 a.safetensors\n00000000 0 state.json\n"
    let result = try fuzz([Array(done.utf8)], count: 3000, name: "DONE") { path in
      let folder = FileSystem.folder(of: path)
      for file in try CheckpointStore.files(in: folder) {
        // What it lists lies in the folder.
        #expect(!file.name.contains("/") && file.name != "..", "\(file.name)")
      }
    }
    #expect(result.complaints.isEmpty, "\(result.complaints.prefix(3))")
    #expect(result.loaded > 10 && result.refused > 1000, "\(result.loaded), \(result.refused)")
  }

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
