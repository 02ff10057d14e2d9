import Foundation
import Storage
import TestSupport
import Testing

@Suite struct SafetensorsTests {
  static let entries = [
    SafetensorsEntry(name: "main.0.weight", shape: [2, 3]),
    SafetensorsEntry(name: "a \"quoted\" \\ na\u{EF}ve", shape: []),
    SafetensorsEntry(name: "empty", shape: [0, 4]),
    SafetensorsEntry(name: "step", type: .int64, shape: [2]),
  ]
  static let metadata = ["format": "pt", "a": "tab\t \u{1}"]

  /// Writes `entries` with the elements index, index + 0.5, ...
  @discardableResult
  static func write(to path: String, metadata: [String: String] = metadata) throws -> StoredFile {
    try SafetensorsWriter(entries: entries, metadata: metadata).write(to: path) { index, bytes in
      precondition(bytes.count == entries[index].byteCount)
      switch entries[index].type {
      case .float32:
        for (i, _) in bytes.bindMemory(to: Float.self).enumerated() {
          bytes.bindMemory(to: Float.self)[i] = Float(index) + 0.5 * Float(i)
        }
      case .int64:
        bytes.bindMemory(to: Int64.self)[0] = -9_007_199_254_740_993
        bytes.bindMemory(to: Int64.self)[1] = 469
      }
    }
  }

  @Test func roundTrip() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.safetensors"
      let stored = try Self.write(to: path)
      let checksum = try FileSystem.checksum(ofFile: path)
      #expect(
        stored
          == StoredFile(name: "x.safetensors", size: checksum.size, crc32: checksum.crc32))
      let file = try SafetensorsFile(path: path)
      #expect(file.metadata == Self.metadata)
      #expect(Set(file.names) == Set(Self.entries.map(\.name)))
      #expect(file.names.first == "main.0.weight" && file.names.last == "step")
      for entry in Self.entries {
        let (type, shape) = try file.entry(entry.name)
        #expect(type == entry.type.rawValue && shape == entry.shape)
      }
      #expect(try file.floats("main.0.weight") == [0, 0.5, 1, 1.5, 2, 2.5])
      #expect(try file.floats(Self.entries[1].name) == [1])
      #expect(try file.floats("empty") == [])
      #expect(try file.integers("step") == [-9_007_199_254_740_993, 469])
      #expect(file.contains("step") && !file.contains("main"))
      #expect(message { _ = try file.floats("step") }?.contains("'step' is I64, F32") == true)
      #expect(message { _ = try file.integers("empty") }?.contains("is F32, I64") == true)
      #expect(message { _ = try file.entry("none") }?.contains("has no tensor 'none'") == true)
    }
  }

  @Test func bytesAreExact() throws {
    let writer = SafetensorsWriter(
      entries: [.init(name: "b", shape: [2]), .init(name: "a", type: .int64, shape: [])],
      metadata: ["z": "1", "y": "2"])
    let json =
      #"{"__metadata__":{"y":"2","z":"1"},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
      + #""a":{"dtype":"I64","shape":[],"data_offsets":[8,16]}}"#
    let padded = json + String(repeating: " ", count: (8 - json.utf8.count % 8) % 8)
    #expect(writer.header.count % 8 == 0)
    #expect(Array(writer.header[8...]) == Array(padded.utf8))
    #expect(writer.header[0] == UInt8(padded.utf8.count) && writer.header[1] == 0)
    #expect(writer.fileSize == writer.header.count + 16)
    try withTemporaryFolder { folder in
      try Self.write(to: "\(folder)/1")
      try Self.write(to: "\(folder)/2")
      #expect(try FileSystem.readFile("\(folder)/1") == FileSystem.readFile("\(folder)/2"))
    }
  }

  @Test func aFailingFillIsPassedOn() throws {
    struct Stop: Error {}
    try withTemporaryFolder { folder in
      _ = #expect(throws: Stop.self) {
        try SafetensorsWriter(entries: Self.entries).write(to: "\(folder)/x") { _, _ in
          throw Stop()
        }
      }
    }
    #expect(
      message {
        try SafetensorsWriter(entries: Self.entries).write(to: "/dev/full") { _, _ in }
      }?.contains("No space left on device") == true)
  }

  /// Header, bytes of data, and what the error must say.
  static let malformed: [(header: String, data: Int, expected: String)] = [
    ("not json", 0, "the header is not JSON"),
    ("[1]", 0, "the header is not an object"),
    (#"{"__metadata__":{"a":1}}"#, 0, "__metadata__ is not an object of strings"),
    (#"{"__metadata__":{}}"#, 3, "3 bytes at its end belong to no tensor"),
    (#"{"a":{"dtype":"F32","shape":[1]}}"#, 4, "'a' lacks dtype, shape or data_offsets"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, 4, "'a' lacks"),
    (#"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#, 4, "'a' lacks"),
    (#"{"a":{"dtype":"F32","shape":"1","data_offsets":[0,4]}}"#, 4, "'a' lacks"),
    (#"{"a":7}"#, 4, "'a' lacks"),
    (#"{"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}}"#, 4, "unknown dtype Q4"),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4,
      "takes the bytes 0 to 8 of 4; truncated?"
    ),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, 4, "takes the bytes -4 to 0"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, "takes the bytes 4 to 0"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "is F32 [2], but takes 4"),
    (#"{"a":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}"#, 4, "is F32 [-1, -1], but"),
    (
      #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, 0,
      "but takes 0 bytes"
    ),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
        + #""b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, 12,
      "'b' begins at byte 4 and overlaps the one before, 8 is expected"
    ),
    (
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
        + #""b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#, 12,
      "'b' begins at byte 8 and leaves a hole, 4 is expected"
    ),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 5, "1 bytes at its end"),
  ]

  @Test(arguments: malformed.indices)
  func malformedFilesAreRefused(index: Int) throws {
    let (header, data, expected) = Self.malformed[index]
    let length = UInt64(header.utf8.count)
    let bytes =
      (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8)
      + [UInt8](repeating: 0, count: data)
    try Self.expectRefused(bytes, expected)
  }

  @Test func brokenLengthsAreRefused() throws {
    try Self.expectRefused([], "it has 0 bytes, the header's length alone takes 8")
    try Self.expectRefused([2, 0, 0, 0, 0, 0, 0], "it has 7 bytes")
    try Self.expectRefused([3, 0, 0, 0, 0, 0, 0, 0, 123, 125], "takes 3 bytes, 2 are left")
    try Self.expectRefused(
      [UInt8](repeating: 255, count: 16), "given as 18446744073709551615, at most 100000000")
  }

  static func expectRefused(_ bytes: [UInt8], _ expected: String) throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/x.safetensors"
      try FileSystem.writeAtomically(bytes, to: path)
      let text = try #require(message { _ = try SafetensorsFile(path: path) })
      #expect(text.hasPrefix("\(path): not a valid safetensors file: "))
      #expect(text.contains(expected))
      #expect(!text.contains("\n"))
    }
  }

  @Test func otherNumberTypesAreConverted() throws {
    let header =
      #"{"d":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"#
      + #""i":{"dtype":"I32","shape":[1],"data_offsets":[8,12]},"#
      + #""h":{"dtype":"F16","shape":[1],"data_offsets":[12,14]}}"#
    var bytes = [UInt8(header.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(header.utf8)
    withUnsafeBytes(of: (-0.75).bitPattern.littleEndian) { bytes += $0 }
    withUnsafeBytes(of: Int32(-5).littleEndian) { bytes += $0 }
    // 1.5: exponent 0, half of the fraction.
    bytes += [0, 0x3E]
    try withTemporaryFolder { folder in
      try FileSystem.writeAtomically(bytes, to: "\(folder)/x")
      let file = try SafetensorsFile(path: "\(folder)/x")
      #expect(file.names == ["d", "i", "h"])
      #expect(try file.floats("d") == [-0.75])
      #expect(try file.integers("i") == [-5])
      #expect(try file.floats("h") == [1.5])
    }
  }

  /// Made by `Fixtures/make.py`, with the same values.
  @Test func readsWhatPythonWrote() throws {
    let url = Bundle.module.url(
      forResource: "python.safetensors", withExtension: nil, subdirectory: "Fixtures")
    let file = try SafetensorsFile(path: #require(url).path)
    #expect(file.metadata == ["format": "pt", "note": "caf\u{E9}"])
    #expect(
      file.names.sorted() == [
        "double", "empty", "main.0.weight", "num_batches_tracked", "scalar", "steps",
      ])
    let expected: [(name: String, shape: [Int], values: [Float])] = [
      ("main.0.weight", [2, 3, 4], (0..<24).map { Float($0) / 3 }), ("scalar", [], [0x1p-130]),
      ("double", [2], [-0.75, 1e6]), ("empty", [0, 4], []),
    ]
    for (name, shape, values) in expected {
      #expect(try file.entry(name).shape == shape && file.floats(name) == values, "\(name)")
    }
    #expect(try file.entry("num_batches_tracked").shape == [])
    #expect(try file.integers("num_batches_tracked") == [(1 << 40) + 1])
    #expect(try file.integers("steps") == [-5, 7])
  }
}
