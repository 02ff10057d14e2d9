import Foundation

/// What `--json` prints: one line, keys in alphabetical order; numbers that are none are the texts
/// `nan`, `inf` and `-inf`.
///
/// Values that are nil have no key. docs/commands.md, JSON, has the keys of every command;
/// ResultTests compares them with what is printed.
enum JSONLine {
  /// The line.
  ///
  /// - Parameter value: What is told.
  /// - Returns: The text, without a line break.
  /// - Throws: Where the value cannot be encoded.
  static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
