import Foundation
import Storage
import TestSupport
import Testing

@Suite struct FileSystemTests {
  @Test func crc32HasThePublishedCheckValue() {
    // The check value of CRC-32/ISO-HDLC: the digits 1 to 9.
    let digits = Array("123456789".utf8)
    #expect(digits.withUnsafeBytes { FileSystem.crc32($0) } == 0xCBF4_3926)
    let half = digits[..<4].withUnsafeBytes { FileSystem.crc32($0) }
    let whole = digits[4...].withUnsafeBytes { FileSystem.crc32($0, continuing: half) }
    #expect(whole == 0xCBF4_3926)
    #expect(FileSystem.crc32(UnsafeRawBufferPointer(start: nil, count: 0), continuing: 7) == 7)
  }

  @Test func writesReadsAndReplaces() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a/b/file.bin"
      try FileSystem.createDirectory("\(folder)/a/b")
      try FileSystem.createDirectory("\(folder)/a/b/")
      let large = (0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      try FileSystem.writeAtomically(large, to: path)
      #expect(try FileSystem.readFile(path) == large)
      #expect(try FileSystem.fileSize(path) == 3_000_001)
      let sum = try FileSystem.checksum(ofFile: path)
      #expect(sum.size == 3_000_001)
      #expect(sum.crc32 == large.withUnsafeBytes { FileSystem.crc32($0) })
      try FileSystem.writeAtomically("", to: path)
      #expect(try FileSystem.readFile(path) == [])
      #expect(try FileSystem.listDirectory("\(folder)/a/b") == ["file.bin"])
      try FileSystem.removeTree("\(folder)/a")
      #expect(!FileSystem.exists("\(folder)/a"))
      try FileSystem.removeTree("\(folder)/a")
    }
  }

  @Test func aFullDeviceIsNamed() throws {
    let file = try OutputFile(path: "/dev/full", mode: .append)
    let text = message { try Array("x".utf8).withUnsafeBytes { try file.write($0) } }
    #expect(
      text == "/dev/full: cannot write: No space left on device; free some space, then resume")
  }

  /// A limit on the size of files stands for a disk that fills up midway; in a child process,
  /// because the limit is the whole process's and its children's.
  @Test func aFailedWriteLeavesTheOldFileWhole() async {
    await #expect(processExitsWith: .success) {
      try withTemporaryFolder { folder in
        let path = "\(folder)/config.yaml"
        try FileSystem.writeAtomically("old", to: path)
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: 4096, rlim_max: 4096)
        #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
        let text = message {
          try FileSystem.writeAtomically([UInt8](repeating: 1, count: 10000), to: path)
        }
        #expect(text == "\(path): cannot write: File too large")
        #expect(try FileSystem.readFile(path) == Array("old".utf8))
        #expect(try FileSystem.listDirectory(folder) == ["config.yaml"])
      }
    }
  }

  @Test func missingAndForbiddenPathsAreNamed() throws {
    try withTemporaryFolder { folder in
      let missing = "\(folder)/none/file"
      #expect(
        message { try FileSystem.writeAtomically("x", to: missing) }
          == "\(missing): cannot open for writing: No such file or directory")
      #expect(
        message { _ = try FileSystem.readFile(missing) }
          == "\(missing): cannot open: No such file or directory")
      try FileSystem.writeAtomically("x", to: "\(folder)/file")
      #expect(
        message { try FileSystem.createDirectory("\(folder)/file/sub") }
          == "\(folder)/file: cannot create the folder: File exists")
      // The destination is a folder: the temporary file must not stay.
      try FileSystem.createDirectory("\(folder)/sub")
      #expect(
        message { try FileSystem.writeAtomically("x", to: "\(folder)/sub") }
          == "\(folder)/sub: cannot move into place: Is a directory")
      #expect(try FileSystem.listDirectory(folder) == ["file", "sub"])
    }
  }

  @Test func symbolicLinksAreReplacedAndNotFollowed() throws {
    try withTemporaryFolder { folder in
      let link = "\(folder)/latest"
      try FileSystem.createDirectory("\(folder)/one")
      try FileSystem.writeAtomically("x", to: "\(folder)/one/file")
      try FileSystem.replaceSymlink(at: link, to: "two")
      try FileSystem.replaceSymlink(at: link, to: "one")
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "one")
      #expect(FileSystem.isDirectory(link))
      try FileSystem.removeTree(link)
      #expect(try FileSystem.listDirectory(folder) == ["one"])
      #expect(try FileSystem.readFile("\(folder)/one/file") == Array("x".utf8))
    }
  }

  @Test(arguments: [
    ("a/b", "a", "b"), ("b", ".", "b"), ("/b", "/", "b"), ("/a//b/", "/a", "b"), ("/", "/", "/"),
  ])
  func pathsAreTakenApart(path: String, folder: String, name: String) {
    #expect(FileSystem.name(of: path) == name)
    #expect(FileSystem.folder(of: path) == folder)
  }
}
