/// Names of files as texts, also those that are not UTF-8.
///
/// A name of the system is bytes, of old disks and archives often Latin-1. A byte that belongs to
/// no UTF-8 becomes a character of a private area (U+10F700 and its value), and that byte again
/// where the name goes to the system. The area's own characters are taken byte by byte: every name
/// has a text of its own. Messages show such a byte as `\xE9`.
package enum SystemName {
  private static let area: UInt32 = 0x10F700
  /// What every character of the area begins with.
  private static let areaLead: UInt8 = 0xF4

  /// The text of a name.
  package static func text(_ name: [UInt8]) -> String {
    if let text = String(validating: name, as: UTF8.self), !hasBytes(text) { return text }
    var text = String.UnicodeScalarView()
    var rest = name[...]
    while let first = rest.first {
      if let (scalar, length) = character(rest) {
        text.append(scalar)
        rest = rest.dropFirst(length)
      } else {
        text.append(Unicode.Scalar(area + UInt32(first)) ?? "\u{FFFD}")
        rest = rest.dropFirst()
      }
    }
    return String(text)
  }

  /// The character that `bytes` begin with, nil for none and for one of the area.
  private static func character(_ bytes: ArraySlice<UInt8>) -> (Unicode.Scalar, length: Int)? {
    for length in 1...min(4, bytes.count) {
      let text = String(validating: bytes.prefix(length), as: UTF8.self)
      guard let scalar = text?.unicodeScalars.first else { continue }
      return byte(scalar) == nil ? (scalar, length) : nil
    }
    return nil
  }

  /// The byte that a character stands for, nil for any other character.
  package static func byte(_ scalar: Unicode.Scalar) -> UInt8? {
    (area + 0x80...area + 0xFF).contains(scalar.value)
      ? UInt8(truncatingIfNeeded: scalar.value) : nil
  }

  /// Whether some characters stand for bytes.
  package static func hasBytes(_ text: String) -> Bool {
    text.utf8.contains(areaLead) && text.unicodeScalars.contains { byte($0) != nil }
  }

  /// The name of a text.
  package static func bytes(_ text: String) -> [UInt8] {
    guard hasBytes(text) else { return Array(text.utf8) }
    return text.unicodeScalars.flatMap { scalar in
      byte(scalar).map { [$0] } ?? Array(scalar.utf8)
    }
  }

  /// Calls `body` with the name of a text as C has it.
  package static func withCString<Result>(
    _ text: String, _ body: (UnsafePointer<CChar>) throws -> Result
  ) rethrows -> Result {
    guard hasBytes(text) else { return try text.withCString(body) }
    let characters = bytes(text).map { CChar(bitPattern: $0) } + [0]
    return try body(characters)
  }
}
