import Storage
import TestSupport
import Testing

@Suite struct ForeignFileTests {
  private func complaint(_ bytes: [UInt8], _ read: (String) throws -> Void) throws -> String {
    try withTemporaryFolder { folder in
      try FileSystem.writeAtomically(bytes, to: "\(folder)/x")
      let text = message { try read("\(folder)/x") } ?? "no error"
      return text.hasPrefix("\(folder)/x: ") ? String(text.dropFirst(folder.count + 4)) : text
    }
  }

  /// What people give for weights: the message says what it is.
  @Test func inPlaceOfSafetensors() throws {
    let pointer = Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8)
    let safetensors = { (path: String) in _ = try SafetensorsFile(path: path) }
    for (bytes, words) in [
      ([0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 40), "a zip, such as torch.save writes"),
      ([0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20], "a pickle, such as PyTorch"),
      ([0x80, 4, 0x95, 1, 2, 3, 4, 5, 6, 7], "a pickle, such as PyTorch and Paddle write"),
    ] as [([UInt8], String)] {
      let text = try complaint(bytes, safetensors)
      #expect(text.hasPrefix(words), "\(text)")
      #expect(text.contains("'wgangp-dist import' reads them"), "\(text)")
    }
    let lfs = "a Git LFS pointer, not the file itself; 'git lfs pull' fetches it"
    #expect(try complaint(pointer, safetensors) == "\(lfs); a safetensors file is expected")
    #expect(try complaint(pointer) { _ = try TensorFile(path: $0) } == lfs)
    // A header of 640 bytes begins as a pickle does.
    let header = Array("{}".utf8) + [UInt8](repeating: 0x20, count: 638)
    try withTemporaryFolder { folder in
      try FileSystem.writeAtomically([0x80, 2, 0, 0, 0, 0, 0, 0] + header, to: "\(folder)/x")
      #expect(try SafetensorsFile(path: "\(folder)/x").names.isEmpty)
    }
  }

  @Test func homes() throws {
    for (path, expected) in [
      ("~", "/h"), ("~/", "/h/"), ("~/a/~", "/h/a/~"), ("a~", "a~"), ("./~", "./~"), ("", ""),
    ] {
      #expect(try FileSystem.expandingHome(path, home: "/h") == expected)
    }
    #expect(try FileSystem.expandingHome("~/a", home: "/") == "/a")
    #expect(try FileSystem.expandingHome("~", home: "/") == "/")
    #expect(
      message { try FileSystem.expandingHome("~bob", home: "/h") }?.contains("./~bob for a name")
        == true)
    #expect(
      message { try FileSystem.expandingHome("~/a", home: nil) }
        == "~/a: there is no home folder (HOME is not set); write the whole path")
  }
}
