import Foundation
import Synchronization

/// What the program tells its user beside its results.
///
/// Warnings and errors are lines on standard error, `wgangp-dist: warning: ...`; notices are lines
/// on standard output, without a prefix. Each is one `write`, so that lines of several ranks do not
/// run into one another, and none fails: see `Descriptor`.
///
/// Rank 0 speaks for all. The others are silent but for what they alone can know.
package enum Messages {
  private struct State {
    var isSpeaker = (LaunchedRank.current ?? 0) == 0
    var progressLine: (any ProgressLine)?
  }

  private static let state = Mutex(State())

  /// Whether this process speaks for the job: by the launcher's word until `setRank`.
  package static var isSpeaker: Bool { state.withLock { $0.isSpeaker } }

  /// Tells the rank that this process turned out to have.
  package static func setRank(_ rank: Int) {
    state.withLock { $0.isSpeaker = rank == 0 }
  }

  /// What a user may want to know.
  ///
  /// - Parameters:
  ///   - text: One line.
  ///   - everyRank: Whether ranks other than 0 say it too: where one does something for all.
  package static func notice(_ text: String, everyRank: Bool = false) {
    say(text, to: 1, everyRank: everyRank)
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
  package static func error(_ text: String, everyRank: Bool = false) {
    say("wgangp-dist: error: \(text)", to: 2, everyRank: everyRank, isLast: true)
  }

  private static func say(
    _ text: String, to descriptor: Int32, everyRank: Bool = false, isLast: Bool = false
  ) {
    let (isHeard, line) = state.withLock { ($0.isSpeaker || everyRank, $0.progressLine) }
    guard isHeard else { return }
    let write = { Descriptor.write(Self.shown(text) + "\n", to: descriptor) }
    if let line { line.interrupt(redraws: !isLast, write) } else { write() }
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
        if isHarmless(scalar) {
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
