import Base
@preconcurrency import Glibc

/// What a command prints as its result, behind which it ends.
///
/// Unlike notices and progress, which may be lost, a result that cannot be written is an error.
enum StandardOutput {
  /// Prints a line, or several, and logs them.
  ///
  /// Buffered: what is told line by line over seconds (`doctor --launch`) is flushed by who prints
  /// it, the rest by `finish`.
  ///
  /// - Parameter text: Without its last line break. Only rank 0 prints results.
  static func print(_ text: String) {
    Swift.print(text)
    Messages.log(text)
  }

  /// Writes what is left of it.
  ///
  /// A reader that has gone (`| head`) has what it wanted; a full disk is an error.
  ///
  /// - Throws: `Fault` where something was lost.
  static func finish() throws {
    let code = fflush(stdout) == 0 ? 0 : errno
    guard code != 0 || ferror(stdout) != 0, code != EPIPE, !isReaderGone else { return }
    let reason = code == 0 ? "" : ": \(String(cString: strerror(code)))"
    throw Fault("standard output cannot be written\(reason); the result is not whole")
  }

  /// Whether the other end of a pipe is closed, without writing to it: a write that failed before
  /// may have left any `errno`.
  private static var isReaderGone: Bool {
    var state = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
    return poll(&state, 1, 0) == 1 && state.revents & Int16(POLLERR) != 0
  }
}
