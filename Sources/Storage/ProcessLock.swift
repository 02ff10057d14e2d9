import Foundation

/// A file that is to be made, which one process has for itself: an advisory lock (`flock`) on a
/// file beside it.
///
/// Held until `release()`, the end of this object or of the process, however that ends: nothing is
/// left to be cleared away after a crash. The lock's file stays (removing it would let two
/// processes hold two locks of one name), and names the process that holds the lock or held it
/// last. On a file system without locks everybody gets one. See `RunLease` for a run's folder.
package final class ProcessLock {
  private var descriptor: Int32

  /// Waits, as long as it takes, for the lock of the file that is to be at `path`.
  ///
  /// - Parameter path: The file, in an existing folder, in which `.NAME.lock` is made.
  /// - Throws: `StorageError` if the lock's file cannot be written.
  package init(file path: String) throws {
    let lock = "\(FileSystem.folder(of: path))/.\(FileSystem.name(of: path)).lock"
    descriptor = retryingInterrupts { open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o666) }
    guard descriptor >= 0 else {
      throw StorageError(path: lock, cannot: "make the lock", code: errno)
    }
    _ = retryingInterrupts { flock(descriptor, LOCK_EX) }
    sign()
  }

  /// Gives the lock back; the second time nothing happens.
  package func release() {
    guard descriptor >= 0 else { return }
    // Closing the only descriptor of the open file ends its lock.
    close(descriptor)
    descriptor = -1
  }

  deinit { release() }

  /// For people; that it cannot be written is no reason not to go on.
  private func sign() {
    let text = Array("process \(getpid()) on \(ProcessInfo.processInfo.hostName)\n".utf8)
    if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
  }
}
