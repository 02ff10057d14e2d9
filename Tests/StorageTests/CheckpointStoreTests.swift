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
    try store.publish(seal(store, step: step, text: text))
  }

  static func withStore(keep: Int = 3, _ body: (CheckpointStore) throws -> Void) throws {
    try withTemporaryFolder { folder in
      try body(CheckpointStore(directory: "\(folder)/checkpoints", keep: keep))
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
      let sum = String(tensors.crc32, radix: 16)
      let padded = String(repeating: "0", count: 8 - sum.count) + sum
      // The CRC-32 of "x" is 8cdc1683.
      #expect(
        done == "\(padded) \(tensors.size) generator.safetensors\n8cdc1683 1 state.json\n")
    }
  }

  @Test func withoutDoneItIsNotThere() throws {
    try Self.withStore { store in
      try Self.publish(store, step: 1)
      try Self.publish(store, step: 2)
      try FileSystem.removeTree("\(store.path(step: 2))/DONE")
      #expect(try store.names() == ["step-00000001"])
      #expect(try store.latestValid() == .init(path: store.path(step: 1), notes: []))
      // An unsealed folder cannot be published.
      let folder = try store.makeTemporaryFolder(step: 3)
      #expect(message { _ = try store.publish(folder) }?.contains("DONE: cannot open") == true)
      // One under a final name gives way to a whole one.
      #expect(try Self.publish(store, step: 2) == .replacedDamaged)
      #expect(try store.names() == ["step-00000001", "step-00000002"])
    }
  }

  @Test(arguments: ["flip", "shorten", "remove", "done", "emptyDone"])
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
      #expect(throws: StorageError.self) { try store.verify(store.path(step: 2)) }
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
      try store.prune()
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

  static func inode(_ path: String) throws -> UInt64 {
    var status = stat()
    try #require(stat(path, &status) == 0)
    return UInt64(status.st_ino)
  }
}
