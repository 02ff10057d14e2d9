import Base
import Foundation
import Synchronization

/// A file that gets what a command tells its user, each line behind the time (UTC).
///
/// What cannot be written is lost, and that is told once: a log is no reason to end a run.
package final class MessageLog: Sendable {
  private struct State {
    let file: OutputFile
    var hasFailed = false
  }

  private let state: Mutex<State>

  /// Opens the file to add to its end, and makes it and its folders where they are missing.
  ///
  /// - Parameter path: The file.
  /// - Throws: `Fault` where it cannot be opened, or is a fifo, which might have no reader.
  package init(path: String) throws {
    guard FileSystem.status(path).map({ $0.st_mode & S_IFMT == S_IFIFO }) != true else {
      throw Fault("\(path): is a fifo; a file is expected")
    }
    try FileSystem.createDirectory(FileSystem.folder(of: path))
    state = Mutex(State(file: try OutputFile(path: path, mode: .append)))
  }

  /// Adds a line, or several.
  package func add(_ text: String) {
    let time = Self.time()
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let bytes = Array(lines.map { "\(time) \($0)\n" }.joined().utf8)
    let failure = state.withLock { state -> String? in
      do {
        try bytes.withUnsafeBytes { try state.file.write($0) }
        return nil
      } catch {
        defer { state.hasFailed = true }
        // Without its advice, which is about runs.
        return state.hasFailed ? nil : (error as? Fault)?.statement ?? "\(error)"
      }
    }
    // Not while the file is held: the warning comes here too.
    if let failure { Messages.warning("\(failure); what cannot be logged is lost") }
  }

  /// The time now, as `2026-11-29T12:00:00Z`.
  private static func time() -> String {
    var (now, parts) = (Foundation.time(nil), tm())
    gmtime_r(&now, &parts)
    var text = [CChar](repeating: 0, count: 32)
    let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
    return String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
