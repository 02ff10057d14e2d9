import Foundation

/// A folder, or a file that is to be made, that one process has for itself: an advisory lock
/// (`flock`) on a file in the folder or beside the file.
///
/// Held until `release()`, the end of this object or of the process, however that ends: nothing is
/// left to be cleared away after a crash. The lock's file stays (removing it would let two
/// processes hold two locks of one name), and names the process that holds the lock or held it
/// last. On a file system without locks everybody gets one.
package final class ProcessLock {
  private var descriptor: Int32

  /// Takes the lock of a folder.
  ///
  /// - Parameters:
  ///   - folder: An existing folder, in which `lock` is made if it is not there.
  ///   - patience: Seconds to wait for a holder: the processes of a job that was killed a moment
  ///     ago may still be ending.
  /// - Throws: `StorageError` naming the process that holds the lock, or the reason why the file
  ///   cannot be written.
  package init(folder: String, patience: Double = 2) throws {
    let path = "\(folder)/lock"
    descriptor = try Self.open(path, cannot: "open")
    let deadline = DispatchTime.now() + patience
    while !take(waiting: false) {
      if DispatchTime.now() < deadline {
        usleep(20_000)
        continue
      }
      release()
      throw Self.inUse(folder)
    }
    sign()
  }

  /// Refuses a folder that another process has locked, and writes nothing.
  ///
  /// - Throws: `StorageError` as the initializer.
  package static func requireFree(_ folder: String) throws {
    let opened = retryingInterrupts { Foundation.open("\(folder)/lock", O_RDONLY | O_CLOEXEC) }
    // Nobody has locked what is not there.
    guard opened >= 0 else { return }
    defer { close(opened) }
    let isFree = retryingInterrupts { flock(opened, LOCK_SH | LOCK_NB) } == 0
    guard isFree || errno != EWOULDBLOCK else { throw inUse(folder) }
  }

  private static func inUse(_ folder: String) -> StorageError {
    let text =
      (try? FileSystem.readFile("\(folder)/lock")).map { String(decoding: $0, as: UTF8.self) } ?? ""
    let holder = text.trimmingCharacters(in: .whitespacesAndNewlines)
    return StorageError(
      "\(folder): in use by \(holder.isEmpty ? "another process" : holder); wait for its end or "
        + "stop it first")
  }

  /// Waits, as long as it takes, for the lock of the file that is to be at `path`.
  ///
  /// - Parameter path: The file, in an existing folder, in which `.NAME.lock` is made.
  /// - Throws: `StorageError` if the lock's file cannot be written.
  package init(file path: String) throws {
    descriptor = try Self.open(
      "\(FileSystem.folder(of: path))/.\(FileSystem.name(of: path)).lock", cannot: "make the lock")
    _ = take(waiting: true)
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

  private static func open(_ path: String, cannot action: String) throws -> Int32 {
    let opened = retryingInterrupts {
      Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    }
    guard opened >= 0 else { throw StorageError(path: path, cannot: action, code: errno) }
    return opened
  }

  /// False if another process holds the lock.
  private func take(waiting: Bool) -> Bool {
    let operation = waiting ? LOCK_EX : LOCK_EX | LOCK_NB
    return retryingInterrupts { flock(descriptor, operation) } == 0 || errno != EWOULDBLOCK
  }

  /// For people; that it cannot be written is no reason not to go on.
  private func sign() {
    let text = Array("process \(getpid()) on \(ProcessInfo.processInfo.hostName)\n".utf8)
    if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
  }
}
