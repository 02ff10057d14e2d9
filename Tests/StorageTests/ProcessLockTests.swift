import Foundation
import Storage
import TestSupport
import Testing

@Suite struct ProcessLockTests {
  @Test func oneHolderAtATime() throws {
    try withTemporaryFolder { folder in
      let lock = try ProcessLock(folder: folder)
      let refused = message { _ = try ProcessLock(folder: folder, patience: 0) }
      #expect(
        refused?.hasPrefix("\(folder): in use by process \(getpid()) on ") == true,
        "\(refused ?? "no error")")
      lock.release()
      lock.release()
      let next = try ProcessLock(folder: folder, patience: 0)
      #expect(message { _ = try ProcessLock(folder: folder, patience: 0) } != nil)
      next.release()
    }
  }

  /// The end of the object gives the lock back, the file stays.
  @Test func endsWithItsHolder() throws {
    try withTemporaryFolder { folder in
      for _ in 0..<3 { _ = try ProcessLock(folder: folder, patience: 0) }
      let text = String(decoding: try FileSystem.readFile("\(folder)/lock"), as: UTF8.self)
      #expect(text == "process \(getpid()) on \(ProcessInfo.processInfo.hostName)\n")
    }
  }

  /// A holder that is about to end is waited for.
  @Test func isPatient() throws {
    try withTemporaryFolder { folder in
      // Touched by the other thread only.
      nonisolated(unsafe) let lock = try ProcessLock(folder: folder)
      DispatchQueue.global().asyncAfter(deadline: .now() + 0.1) { lock.release() }
      try ProcessLock(folder: folder, patience: 20).release()
    }
  }

  /// The lock of a file is waited for, and lies beside it.
  @Test func aFileIsWaitedFor() throws {
    try withTemporaryFolder { folder in
      // Touched by the other thread only.
      nonisolated(unsafe) let lock = try ProcessLock(file: "\(folder)/x")
      nonisolated(unsafe) var isReleased = false
      DispatchQueue.global().asyncAfter(deadline: .now() + 0.1) {
        isReleased = true
        lock.release()
      }
      let next = try ProcessLock(file: "\(folder)/x")
      #expect(isReleased)
      #expect(try FileSystem.listDirectory(folder) == [".x.lock"])
      next.release()
      let found = message { _ = try ProcessLock(file: "\(folder)/none/x") }
      #expect(
        found == "\(folder)/none/.x.lock: cannot make the lock: No such file or directory")
    }
  }

  @Test func aFolderThatIsNotThere() throws {
    try withTemporaryFolder { folder in
      let found = message { _ = try ProcessLock(folder: "\(folder)/none") }
      #expect(found?.hasPrefix("\(folder)/none/lock: cannot open: ") == true, "\(found ?? "")")
    }
  }
}
