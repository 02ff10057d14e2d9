/// Texts in XML and HTML.
package enum Markup {
  /// A text as it stands in an element, or in an attribute within quotes.
  ///
  /// Characters that XML has no place for, controls among them, become U+FFFD.
  package static func escaped(_ text: some StringProtocol) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      case "\n", "\t": escaped.unicodeScalars.append(scalar)
      default:
        let isControl = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
        let isNone = scalar.value & 0xFFFE == 0xFFFE
        escaped.unicodeScalars.append(isControl || isNone ? "\u{FFFD}" : scalar)
      }
    }
    return escaped
  }
}
