import Base
import Foundation
import Storage
import TestSupport
import Testing

@Suite struct CheckpointStoreTests {
  /// Fills and seals a temporary folder, with `text` as the contents of one of two files.
  static func seal(_ store: CheckpointStore, step: Int, text: String = "x") throws -> String {
    let folder = try store.makeTemporaryFolder(step: step)
    let entries = [SafetensorsEntry(name: "w", shape: [2])]
    let tensors = try SafetensorsWriter(entries: entries)
      .write(to: "\(folder)/generator.safetensors") { _, bytes in
        bytes.bindMemory(to: Float.self)[0] = Float(step)
        bytes.bindMemory(to: Float.self)[1] = 1
      }
    try FileSystem.writeAtomically(text, to: "\(folder)/state.json")
    let (size, sum) = try FileSystem.checksum(ofFile: "\(folder)/state.json")
    try store.seal(folder, files: [.init(name: "state.json", size: size, crc32: sum), tensors])
    return folder
  }

  @discardableResult
  static func publish(_ store: CheckpointStore, step: Int, text: String = "x") throws
    -> CheckpointStore.Outcome
  {
    let publication = try store.publish(seal(store, step: step, text: text))
    #expect(publication.notes == [])
    return publication.outcome
  }

  static func withStore(keep: Int = 3, _ body: (CheckpointStore) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let store = CheckpointStore(directory: "\(folder)/checkpoints", keep: keep)
      try FileSystem.createDirectory(store.directory)
      try body(store)
    }
  }

  static func link(_ store: CheckpointStore) throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: "\(store.directory)/latest")
  }

  @Test func namesAndSteps() {
    #expect(CheckpointStore.name(step: 469) == "step-00000469")
    #expect(CheckpointStore.name(step: 1_234_567_890) == "step-1234567890")
    #expect(CheckpointStore.step(ofName: "step-00000469") == 469)
    #expect(CheckpointStore.step(ofName: "step-1234567890") == 1_234_567_890)
    for name in ["step-469", "step--0000469", "step-0000046x", "latest", ".step-00000469.tmp-1"] {
      #expect(CheckpointStore.step(ofName: name) == nil)
    }
  }

  @Test func publishes() throws {
    try Self.withStore { store in
      #expect(try store.names() == [])
      #expect(try store.latestValid() == .init(path: nil, notes: []))
      #expect(try Self.publish(store, step: 469) == .created)
      #expect(try store.names() == ["step-00000469"])
      #expect(try store.latestValid() == .init(path: store.path(step: 469), notes: []))
      #expect(try Self.link(store) == "step-00000469")
      #expect(try FileSystem.listDirectory(store.directory) == ["latest", "step-00000469"])
      try store.verify("\(store.directory)/latest")
      let done = String(
        decoding: try FileSystem.readFile("\(store.path(step: 469))/DONE"), as: UTF8.self)
      let tensors = try FileSystem.checksum(
        ofFile: "\(store.path(step: 469))/generator.safetensors")
      let padded = hexadecimal(tensors.crc32)
      // The CRC-32 of "x" is 8cdc1683.
      let lines = "\(padded) \(tensors.size) generator.safetensors\n8cdc1683 1 state.json\n"
      let own = Array(lines.utf8).withUnsafeBytes { FileSystem.crc32($0) }
      #expect(done == "\(lines)\(hexadecimal(own)) \(lines.utf8.count) DONE\n")
    }
  }

  @Test func withoutDoneItIsNotThere() throws {
    try Self.withStore { store in
      try Self.publish(store, step: 1)
      try Self.publish(store, step: 2)
      try FileSystem.removeTree("\(store.path(step: 2))/DONE")
      #expect(try store.names() == ["step-00000001"])
      let found = try store.latestValid()
      #expect(found.path == store.path(step: 1))
      #expect(found.notes.count == 1 && found.notes[0].contains("step-00000002/DONE: cannot open"))
      // An unsealed folder cannot be published.
      let folder = try store.makeTemporaryFolder(step: 3)
      #expect(message { _ = try store.publish(folder) }?.contains("DONE: cannot open") == true)
      // One under a final name gives way to a whole one.
      #expect(try Self.publish(store, step: 2) == .replacedDamaged)
      #expect(try store.names() == ["step-00000001", "step-00000002"])
    }
  }

  @Test(arguments: [
    "flip", "shorten", "remove", "add", "done", "emptyDone", "cutDone", "otherDone",
  ])
  func damagedOnesAreSkipped(damage: String) throws {
    try Self.withStore { store in
      for step in [1, 2] { try Self.publish(store, step: step) }
      let path = "\(store.path(step: 2))/generator.safetensors"
      let done = "\(store.path(step: 2))/DONE"
      var bytes = try FileSystem.readFile(path)
      let expected: String
      switch damage {
      case "flip":
        bytes[bytes.count - 1] ^= 1
        try FileSystem.writeAtomically(bytes, to: path)
        expected = "\(path): damaged: its CRC-32 is"
      case "shorten":
        try FileSystem.writeAtomically(bytes.dropLast(), to: path)
        expected = "\(path): has \(bytes.count - 1) bytes, DONE says \(bytes.count)"
      case "remove":
        try FileSystem.removeTree(path)
        expected = "\(path): cannot read: No such file"
      case "add":
        try FileSystem.writeAtomically("x", to: "\(store.path(step: 2))/critic.safetensors")
        expected = "critic.safetensors: is not in DONE"
      case "cutDone":
        // To a first line, which looks like what version 0.1 wrote of one file.
        let lines = String(decoding: try FileSystem.readFile(done), as: UTF8.self)
        try FileSystem.writeAtomically(lines.prefix { $0 != "\n" } + "\n", to: done)
        expected = "state.json: is not in DONE"
      case "otherDone":
        // A line is lost, the last one is there.
        let lines = String(decoding: try FileSystem.readFile(done), as: UTF8.self)
          .split(separator: "\n")
        try FileSystem.writeAtomically("\(lines[0])\n\(lines[2])\n", to: done)
        expected = "\(done): damaged: its lines are not those that were written"
      case "done":
        try FileSystem.writeAtomically("8cdc1683 1\n", to: done)
        expected = "\(done): damaged: 'CRC32 SIZE NAME' is expected, found '8cdc1683 1'"
      default:
        try FileSystem.writeAtomically("", to: done)
        expected = "\(done): truncated"
      }
      let found = try store.latestValid()
      #expect(found.path == store.path(step: 1))
      #expect(found.notes.count == 1)
      #expect(found.notes.first?.contains(expected) == true)
      #expect(throws: Fault.self) { try store.verify(store.path(step: 2)) }
      #expect(try Self.publish(store, step: 2) == .replacedDamaged)
      #expect(try store.latestValid() == .init(path: store.path(step: 2), notes: []))
    }
  }

  @Test func publishingAgainKeepsTheFirst() throws {
    try Self.withStore { store in
      try Self.publish(store, step: 5)
      let first = try Self.inode("\(store.path(step: 5))/DONE")
      #expect(try Self.publish(store, step: 5) == .alreadyThere)
      #expect(try Self.inode("\(store.path(step: 5))/DONE") == first)
      #expect(try Self.publish(store, step: 5, text: "y") == .replacedDifferent)
      #expect(
        try FileSystem.readFile("\(store.path(step: 5))/state.json") == Array("y".utf8))
      #expect(try FileSystem.listDirectory(store.directory) == ["latest", "step-00000005"])
    }
  }

  @Test func prunesAllButTheNewest() throws {
    try Self.withStore(keep: 2) { store in
      for step in [9, 100_000_000, 10, 99_999_999] { try Self.publish(store, step: step) }
      #expect(try store.names() == ["step-99999999", "step-100000000"])
      // After going back to an older checkpoint, the newly written one stays.
      try Self.publish(store, step: 7)
      #expect(try store.names() == ["step-00000007", "step-99999999", "step-100000000"])
      #expect(try Self.link(store) == "step-00000007")
    }
  }

  /// A removal that was cut short leaves nothing for good, whatever it had come to.
  @Test func prunesWhatRemovalsLeft() throws {
    try Self.withStore(keep: 1) { store in
      for step in [1, 2] {
        try FileSystem.createDirectory(store.path(step: step))
        try FileSystem.writeAtomically("x", to: "\(store.path(step: step))/state.json")
      }
      try Self.publish(store, step: 3)
      #expect(try store.allNames() == ["step-00000003"])
      // One that is newer than all that are whole may be damage, and is not touched.
      try FileSystem.createDirectory(store.path(step: 4))
      #expect(try store.prune() == [])
      #expect(try store.allNames() == ["step-00000003", "step-00000004"])
    }
  }

  /// What cannot be removed does not make the new checkpoint less whole.
  @Test func aRemovalThatFailsIsANote() throws {
    try Self.withStore(keep: 1) { store in
      try Self.publish(store, step: 1)
      // Paths beyond the system's limit stand for what a network file system refuses to remove
      // while somebody reads it: this refuses root too.
      let name = String(repeating: "d", count: 250)
      var folders = [open(store.path(step: 1), O_RDONLY | O_DIRECTORY)]
      while folders.count <= 4096 / 250 + 1, let last = folders.last {
        try #require(mkdirat(last, name, 0o700) == 0)
        folders.append(openat(last, name, O_RDONLY | O_DIRECTORY))
      }
      let publication = try store.publish(Self.seal(store, step: 2))
      #expect(publication.outcome == .created)
      #expect(publication.notes.count == 1, "\(publication.notes.map { $0.suffix(200) })")
      #expect(publication.notes.first?.contains("it is tried again") == true)
      #expect(try store.names() == ["step-00000002"])
      // Freed, it goes the next time.
      for folder in folders.dropLast().reversed() {
        try #require(unlinkat(folder, name, AT_REMOVEDIR) == 0)
      }
      for folder in folders { close(folder) }
      #expect(try store.prune() == [])
      #expect(try FileSystem.listDirectory(store.directory) == ["latest", "step-00000002"])
    }
  }

  /// A copy that follows links (`cp -rL`, zip) has a folder where the link was.
  @Test func aFolderNamedLatestIsReplaced() throws {
    try Self.withStore { store in
      try Self.publish(store, step: 1)
      let latest = "\(store.directory)/latest"
      try FileSystem.removeTree(latest)
      try FileManager.default.copyItem(atPath: store.path(step: 1), toPath: latest)
      try Self.publish(store, step: 2)
      #expect(try Self.link(store) == "step-00000002")
      #expect(
        try FileSystem.listDirectory(store.directory)
          == ["latest", "step-00000001", "step-00000002"])
    }
  }

  /// Where the run's folder has been moved away, none is made in its place.
  @Test func aFolderThatIsGoneIsNotMadeAnew() throws {
    try Self.withStore { store in
      try FileSystem.removeTree(store.directory)
      #expect(message { _ = try store.makeTemporaryFolder(step: 1) } != nil)
      #expect(!FileSystem.exists(store.directory))
    }
  }

  @Test func prunesWhatDeadWritersLeft() throws {
    try Self.withStore { store in
      // No process has the largest PID that Linux allows plus one; process 1 is always there.
      let dead = 4_194_305
      try FileSystem.createDirectory("\(store.directory)/.step-00000003.tmp-\(dead)/sub")
      try FileSystem.createDirectory("\(store.directory)/.step-00000003.old-\(dead)")
      try FileSystem.createDirectory("\(store.directory)/.step-00000004.tmp-1")
      try FileSystem.createDirectory("\(store.directory)/.notes.tmp-\(dead)")
      try FileSystem.replaceSymlink(
        at: "\(store.directory)/.latest.tmp-\(dead)", to: "step-00000003")
      let own = try store.makeTemporaryFolder(step: 8)
      #expect(try store.prune() == [])
      #expect(
        try FileSystem.listDirectory(store.directory) == [
          ".notes.tmp-\(dead)", ".step-00000004.tmp-1", FileSystem.name(of: own),
        ])
    }
  }

  @Test func sealChecksSizes() throws {
    try Self.withStore { store in
      let folder = try store.makeTemporaryFolder(step: 1)
      try FileSystem.writeAtomically("x", to: "\(folder)/a")
      #expect(
        message { try store.seal(folder, files: [.init(name: "a", size: 2, crc32: 0)]) }
          == "\(folder)/a: has 1 bytes, 2 were written")
      #expect(
        message { try store.seal(folder, files: [.init(name: "b", size: 2, crc32: 0)]) }?
          .contains("/b: cannot read") == true)
      #expect(!FileSystem.exists("\(folder)/DONE"))
    }
  }

  private func hexadecimal(_ sum: UInt32) -> String {
    let text = String(sum, radix: 16)
    return String(repeating: "0", count: 8 - text.count) + text
  }

  static func inode(_ path: String) throws -> UInt64 {
    var status = stat()
    try #require(stat(path, &status) == 0)
    return UInt64(status.st_ino)
  }
}
