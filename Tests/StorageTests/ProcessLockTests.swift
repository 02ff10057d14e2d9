import Foundation
import Storage
import Synchronization
import TestSupport
import Testing

@Suite struct ProcessLockTests {
  /// The lock of a file is waited for, and lies beside it.
  @Test func aFileIsWaitedFor() throws {
    try withTemporaryFolder { folder in
      // Touched by the other thread only.
      nonisolated(unsafe) let lock = try ProcessLock(file: "\(folder)/x")
      // The file's lock alone would order the two, but no sanitizer sees that.
      let isReleased = Atomic<Bool>(false)
      DispatchQueue.global().asyncAfter(deadline: .now() + 0.1) {
        isReleased.store(true, ordering: .relaxed)
        lock.release()
      }
      let next = try ProcessLock(file: "\(folder)/x")
      let isFirst = isReleased.load(ordering: .relaxed)
      #expect(isFirst)
      #expect(try FileSystem.listDirectory(folder) == [".x.lock"])
      next.release()
      let found = message { _ = try ProcessLock(file: "\(folder)/none/x") }
      #expect(
        found == "\(folder)/none/.x.lock: cannot make the lock: No such file or directory")
    }
  }
}
