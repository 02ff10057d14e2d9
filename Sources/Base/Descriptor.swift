import Foundation

/// Writing to open file descriptors, without buffers and without failing.
package enum Descriptor {
  /// Writes `text` in as few calls as the system allows.
  ///
  /// What cannot be written (a full disk, a closed pipe) is lost: a line that nobody can read is
  /// no reason to end a run.
  ///
  /// - Parameters:
  ///   - text: Written as UTF-8.
  ///   - descriptor: 1 for standard output, 2 for standard error.
  package static func write(_ text: String, to descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return }
      rest = rest.dropFirst(count)
    }
  }

  /// Opens /dev/null in place of standard streams that are closed (`2>&-`).
  ///
  /// The next file that is opened takes the free number: messages would go into a checkpoint.
  package static func openStandardStreams() {
    for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest free number is this one.
      _ = open("/dev/null", O_RDWR)
    }
  }
}
