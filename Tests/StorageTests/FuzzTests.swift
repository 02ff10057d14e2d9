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
        try readAll(name, of: file)
      }
    }
    #expect(result.complaints.isEmpty, "\(result.complaints.prefix(3))")
    // Neither all the same: the damage reaches what it should.
    #expect(result.loaded > 100 && result.refused > 1000, "\(result.loaded), \(result.refused)")
  }

  private func readAll(_ name: String, of file: some TensorSource) throws {
    switch try file.entry(name).dtype {
    case "F32", "F64", "F16", "BF16": _ = try file.floats(name)
    case "I64", "I32": _ = try file.integers(name)
    default: break
    }
  }

  private func fuzzTensors(_ names: [String], count: Int) throws -> FuzzResult {
    let files = try names.map { try FileSystem.readFile(TensorFileTests.fixture($0)) }
    return try fuzz(files, count: count) { path in
      let file = try TensorFile(path: path)
      for name in file.names { try readAll(name, of: file) }
    }
  }

  /// Pickles, and the zip around one.
  @Test func tensors() throws {
    let pickles = try fuzzTensors(
      ["arrays-2.pdparams", "arrays-4.pdparams", "tensors-legacy.pth"], count: 2000)
    #expect(pickles.complaints.isEmpty, "\(pickles.complaints.prefix(3))")
    #expect(pickles.loaded > 20 && pickles.refused > 500, "\(pickles.loaded)")
    let zips = try fuzzTensors(["tensors.pt"], count: 1000)
    #expect(zips.complaints.isEmpty, "\(zips.complaints.prefix(3))")
    #expect(zips.loaded > 2 && zips.refused > 300, "\(zips.loaded)")
  }

  /// The pickle inside of a zip whose checksums are right.
  @Test func picklesOfTensors() throws {
    let path = try TensorFileTests.fixture("tensors.pt")
    let files = try Archive.files(in: FileSystem.readFile(path), format: .zip, path: path) { $0 }
    let pickle = try #require(files["tensors/data.pkl"])
    let result = try fuzz([pickle], count: 1000) { path in
      let damaged = try FileSystem.readFile(path)
      let archive = "\(path).pt"
      // Not brought to the device: that takes the most time.
      let output = try OutputFile(path: archive, mode: .replace)
      let zip = ZipWriter(output)
      for (name, bytes) in files {
        let bytes = name == "tensors/data.pkl" ? damaged : bytes
        try zip.begin(name, size: bytes.count)
        try bytes.withUnsafeBytes { try zip.write($0) }
      }
      try zip.finish()
      try output.close()
      let file = try TensorFile(path: archive)
      for name in file.names { try readAll(name, of: file) }
    }
    #expect(result.complaints.isEmpty, "\(result.complaints.prefix(3))")
    #expect(result.loaded > 2 && result.refused > 300, "\(result.loaded), \(result.refused)")
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
