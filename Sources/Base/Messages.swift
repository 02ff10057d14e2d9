import Foundation
import Synchronization

/// What the program tells its user beside its results.
///
/// Warnings and errors are lines on standard error, `wgangp-dist: warning: ...`; notices and
/// details are lines on standard output, without a prefix, or on standard error where standard
/// output is to hold nothing but a result for programs. Each is one `write`, so that lines of
/// several ranks do not run into one another, and none fails: see `Descriptor`.
///
/// Rank 0 speaks for all. The others are silent but for what they alone can know.
package enum Messages {
  /// How much is told.
  package enum Volume: Sendable {
    /// Warnings and errors.
    case quiet
    /// Notices too, and progress.
    case normal
    /// Details too, and every iteration.
    case verbose
  }

  private struct State {
    var isSpeaker = (LaunchedRank.current ?? 0) == 0
    var progressLine: (any ProgressLine)?
    var volume = Volume.normal
    var noticeDescriptor: Int32 = 1
    var log: (@Sendable (String) -> Void)?
  }

  private static let state = Mutex(State())

  /// Whether this process speaks for the job: by the launcher's word until `setRank`.
  package static var isSpeaker: Bool { state.withLock { $0.isSpeaker } }

  /// Tells the rank that this process turned out to have.
  package static func setRank(_ rank: Int) {
    state.withLock { $0.isSpeaker = rank == 0 }
  }

  /// How much is told; `normal` until `setVolume`.
  package static var volume: Volume { state.withLock { $0.volume } }

  /// Chooses how much is told, from now on.
  ///
  /// - Parameters:
  ///   - volume: How much.
  ///   - descriptor: The descriptor of notices and details: 1, or 2 where standard output is to
  ///     hold a result alone.
  package static func setVolume(_ volume: Volume, noticesTo descriptor: Int32 = 1) {
    state.withLock {
      $0.volume = volume
      $0.noticeDescriptor = descriptor
    }
  }

  /// What a user may want to know.
  ///
  /// - Parameters:
  ///   - text: One line.
  ///   - everyRank: Whether ranks other than 0 say it too: where one does something for all.
  package static func notice(_ text: String, everyRank: Bool = false) {
    let (volume, descriptor) = state.withLock { ($0.volume, $0.noticeDescriptor) }
    say(text, to: volume == .quiet ? nil : descriptor, everyRank: everyRank)
  }

  /// What a user wants to know who looks for a fault.
  ///
  /// - Parameter text: One line; not asked for where nobody is told.
  package static func detail(_ text: @autoclosure () -> String) {
    let descriptor = state.withLock { $0.volume == .verbose ? $0.noticeDescriptor : nil }
    if let descriptor { say(text(), to: descriptor) }
  }

  /// What a user should look at.
  package static func warning(_ text: String) {
    say("wgangp-dist: warning: \(text)", to: 2)
  }

  /// Why the job ends.
  ///
  /// - Parameters:
  ///   - text: One line: what was found, what was expected, and where.
  ///   - everyRank: Whether ranks other than 0 say it too: where one may be alone in knowing it.
  ///   - isLogged: Whether it is logged too. Not by who must not wait for a file: see `logError`.
  package static func error(_ text: String, everyRank: Bool = false, isLogged: Bool = true) {
    say(
      line(ofError: text), to: 2, everyRank: everyRank, isLast: true, isLogged: isLogged)
  }

  /// Logs an error that has been told without.
  package static func logError(_ text: String) { log(shown(line(ofError: text))) }

  private static func line(ofError text: String) -> String { "wgangp-dist: error: \(text)" }

  /// Says it, and logs it; to the log alone where there is no descriptor.
  private static func say(
    _ text: String, to descriptor: Int32?, everyRank: Bool = false, isLast: Bool = false,
    isLogged: Bool = true
  ) {
    let (isSpeaker, line) = state.withLock { ($0.isSpeaker, $0.progressLine) }
    guard isSpeaker || everyRank else { return }
    let text = shown(text)
    if isLogged { log(text) }
    guard let descriptor else { return }
    let write = { Descriptor.write(text + "\n", to: descriptor) }
    if let line { line.interrupt(redraws: !isLast, write) } else { write() }
  }

  // MARK: - A log

  /// Gives all that is told, whatever the volume shows of it, to `log` too, from now on: one line
  /// or several at a call, from any thread.
  package static func setLog(_ log: @escaping @Sendable (String) -> Void) {
    state.withLock { $0.log = log }
  }

  /// Whether there is a log.
  package static var isLogged: Bool { state.withLock { $0.log != nil } }

  /// Writes a line, or several, to the log alone, where there is one: what has been shown by other
  /// ways than messages.
  package static func log(_ text: String) {
    // Not while the state is held: a log that fails says so by a message.
    let log = state.withLock { $0.isSpeaker ? $0.log : nil }
    log?(text)
  }

  // MARK: - What is shown of a text

  /// Bytes of a line that are shown; names and headers of files can have any number.
  private static let longestLine = 2000

  /// A message as a terminal can take it: what files and arguments say comes into messages, and
  /// must neither steer the terminal nor bury the cause.
  ///
  /// - Parameter text: One line or several, such as a table.
  /// - Returns: The text with control characters escaped (`\u{1B}`), but for line breaks, and
  ///   without the middle of lines over 2000 bytes.
  package static func shown(_ text: String) -> String {
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    return lines.map { shown(line: Substring($0)) }.joined(separator: "\n")
  }

  private static func shown(line: Substring) -> String {
    let isPlain = line.utf8.allSatisfy { 0x20 <= $0 && $0 < 0x7F }
    let count = line.utf8.count
    if isPlain, count <= longestLine { return String(line) }
    // The cause is said last.
    let ends =
      count <= longestLine
      ? [line.unicodeScalars[...]]
      : [
        line.unicodeScalars.prefix(longestLine / 2),
        line.unicodeScalars.suffix(longestLine / 4),
      ]
    return ends.map { scalars in
      var shown = ""
      for scalar in scalars {
        if let byte = SystemName.byte(scalar) {
          shown += "\\x" + String(byte, radix: 16, uppercase: true)
        } else if isHarmless(scalar) {
          shown.unicodeScalars.append(scalar)
        } else {
          shown += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
        }
      }
      return shown
    }.joined(separator: " ... (\(count) bytes) ... ")
  }

  /// Whether a terminal shows the character where it stands: controls, other line breaks and
  /// changes of the direction of writing are none of these.
  private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: false
    default: true
    }
  }

  // MARK: - Progress lines

  /// Makes way for messages where `line` shows something, from now on.
  package static func addProgressLine(_ line: any ProgressLine) {
    state.withLock { $0.progressLine = line }
  }

  /// Ends what `addProgressLine` began; nothing if there is another line since.
  package static func removeProgressLine(_ line: any ProgressLine) {
    state.withLock { if $0.progressLine === line { $0.progressLine = nil } }
  }
}

/// A line that is redrawn in place, which messages must not run into.
package protocol ProgressLine: AnyObject, Sendable {
  /// Clears the line where it is shown, and calls `write`.
  ///
  /// - Parameters:
  ///   - redraws: Whether the line goes on below the message.
  ///   - write: Writes the message, perhaps to another stream of the same terminal; it sends no
  ///     messages itself.
  func interrupt(redraws: Bool, _ write: () -> Void)
}
