import Base
import Foundation

/// A file open for writing: whole writes, explicit errors.
///
/// `write(2)` may take less than it was given (signals, nearly full disks, more than 2 GiB at a
/// time on Linux); `write` here goes on until all is written or the system says why not. Use from
/// one thread at a time.
package final class OutputFile {
  /// Where writing starts.
  package enum Mode: Sendable {
    /// An empty file; what stood there is gone.
    case replace
    /// A file that is not there yet, for this user alone.
    case createPrivate
    /// The end of the file, which is made if there is none.
    case append

    fileprivate var flags: Int32 {
      switch self {
      case .replace: O_TRUNC
      case .createPrivate: O_EXCL
      case .append: O_APPEND
      }
    }
  }

  /// The path as it was given, for messages.
  package let path: String
  private let shownPath: String
  private var descriptor: Int32

  /// Opens, and if necessary creates, `path`.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - mode: Where writing starts.
  ///   - shownPath: The path that errors name; a temporary file names its destination here.
  /// - Throws: `Fault` if the system refuses.
  package init(path: String, mode: Mode, shownPath: String? = nil) throws {
    self.path = path
    self.shownPath = shownPath ?? path
    let flags = O_WRONLY | O_CREAT | O_CLOEXEC | mode.flags
    descriptor = retryingInterrupts { open(path, flags, mode == .createPrivate ? 0o600 : 0o666) }
    guard descriptor >= 0 else {
      throw Fault(path: self.shownPath, cannot: "open for writing", code: errno)
    }
  }

  deinit {
    if descriptor >= 0 { _ = Foundation.close(descriptor) }
  }

  /// Writes all of `bytes`.
  ///
  /// - Throws: `Fault`; part of the bytes may have been written then.
  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    precondition(descriptor >= 0, "write to \(path) after close")
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = UnsafeRawBufferPointer(rebasing: rest).withMemoryRebound(to: UInt8.self) {
        part in
        retryingInterrupts { Foundation.write(descriptor, part.baseAddress, part.count) }
      }
      guard count >= 0 else {
        throw Fault(path: shownPath, cannot: "write", code: errno)
      }
      rest = rest.dropFirst(count)
    }
  }

  /// Waits until what was written is on the device.
  ///
  /// - Throws: `Fault`; a full or failing disk may show only here.
  package func synchronize() throws {
    // EINVAL is the answer of what cannot be synchronized at all (a pipe, /dev/null).
    if retryingInterrupts({ fsync(descriptor) }) != 0, errno != EINVAL {
      throw Fault(path: shownPath, cannot: "write to the device", code: errno)
    }
  }

  /// Closes the file; closing twice does nothing.
  ///
  /// - Throws: `Fault`; network file systems report a full disk here.
  package func close() throws {
    guard descriptor >= 0 else { return }
    let closing = descriptor
    descriptor = -1
    // No retry after EINTR: Linux has released the descriptor even then.
    if Foundation.close(closing) != 0, errno != EINTR {
      throw Fault(path: shownPath, cannot: "close", code: errno)
    }
  }
}

/// Repeats a system call for as long as a signal interrupts it.
func retryingInterrupts<Result: SignedInteger>(_ call: () -> Result) -> Result {
  while true {
    let result = call()
    if result != -1 || errno != EINTR { return result }
  }
}
