import Base

extension ConfigurationReader {
  /// What was read, defaults included, as YAML in the order of reading.
  ///
  /// Reading the text again in the same way yields the same text. Mappings without mappings inside
  /// are written on one line where they fit in `lineLength` columns. Ends in a line break.
  package func resolvedYAML() -> String {
    var lines: [String] = []
    if records.isEmpty && resolvedWidth == nil { return "{}\n" }
    appendBlock(to: &lines, indent: 0)
    return lines.joined(separator: "\n") + "\n"
  }

  /// The top-level `width` goes last unless it was read: at a place that does not depend on whether
  /// a multiple was used, as the resolved text has none.
  private var resolvedWidth: Int? {
    guard path.isEmpty, !records.contains(where: { $0.key == "width" }) else { return nil }
    // A width that is wrong has been an error of finish() or of the value that used it.
    return (try? width()) ?? nil
  }

  private static let lineLength = 100

  private func appendBlock(to lines: inout [String], indent: Int) {
    for (key, record) in records {
      append(quotedIfNeeded(key), record, to: &lines, indent: indent)
    }
    if let width = resolvedWidth { lines.append("width: \(width)") }
  }

  private func append(
    _ key: String, _ record: Record, to lines: inout [String], indent: Int
  ) {
    let margin = String(repeating: " ", count: indent)
    if let text = Self.flow(record) {
      let line = "\(margin)\(key): \(text)"
      // A scalar stays on its line however long it is.
      if case .text = record { return lines.append(line) }
      if line.count <= Self.lineLength { return lines.append(line) }
    }
    lines.append("\(margin)\(key):")
    switch record {
    case .text: break
    case .section(let section): section.appendBlock(to: &lines, indent: indent + 2)
    case .item(let item): Self.append(item, to: &lines, margin: "\(margin)  ")
    case .items(let items):
      for item in items { Self.append(item, to: &lines, margin: "\(margin)- ") }
    case .itemLists(let lists):
      for list in lists {
        for (index, item) in list.enumerated() {
          Self.append(item, to: &lines, margin: "\(margin)\(index == 0 ? "- - " : "  - ")")
        }
        if list.isEmpty { lines.append("\(margin)- []") }
      }
    }
  }

  /// An item on the line that begins with `margin`, its options below where they do not fit.
  private static func append(
    _ item: ConfigurationItem, to lines: inout [String], margin: String
  ) {
    if let text = flow(item) {
      // Within a list the braces of the outer mapping are not needed: `- relu`, `- linear: {...}`.
      let line = "\(margin)\(text)"
      if line.count <= lineLength { return lines.append(line) }
    }
    lines.append("\(margin)\(quotedIfNeeded(item.name)):")
    item.options.appendBlock(to: &lines, indent: margin.count + 2)
  }

  /// The record in one line, nil when it has to be a block.
  private static func flow(_ record: Record) -> String? {
    switch record {
    case .text(let text): text
    case .section(let section): section.flow
    case .item(let item):
      flow(item).map { item.options.records.isEmpty ? $0 : "{\($0)}" }
    case .items(let items): items.isEmpty ? "[]" : nil
    case .itemLists(let lists): lists.isEmpty ? "[]" : nil
    }
  }

  /// `relu` or `linear: {features: 10}`; nil when the options have to be a block.
  private static func flow(_ item: ConfigurationItem) -> String? {
    let name = quotedIfNeeded(item.name)
    return item.options.records.isEmpty ? name : item.options.flow.map { "\(name): \($0)" }
  }

  /// `{a: 1, b: [2, 3]}` for a mapping without mappings inside; nil for any other.
  private var flow: String? {
    var parts: [String] = []
    for (key, record) in records {
      guard case .text(let text) = record else { return nil }
      parts.append("\(quotedIfNeeded(key)): \(text)")
    }
    return "{\(parts.joined(separator: ", "))}"
  }
}

/// `text` as a YAML scalar that reads back as this text: as it is, or in double quotes.
///
/// Plain only where every YAML reader agrees, also inside of `[...]` and `{...}`.
package func quotedIfNeeded(_ text: String) -> String {
  if isSafePlain(text) { return text }
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\t": result += "\\t"
    case " "..."~", "\u{A0}"..."\u{2027}", "\u{202A}"..."\u{D7FF}", "\u{E000}"..."\u{FEFE}",
      "\u{FF00}"..."\u{FFFD}", "\u{10000}"..."\u{10FFFF}":
      result.unicodeScalars.append(scalar)
    default:
      // Control characters, line separators, the byte order mark: all below 2^16.
      result += "\\u" + scalar.value.padded(to: 4, radix: 16)
    }
  }
  return result + "\""
}

private func isSafePlain(_ text: String) -> Bool {
  guard let first = text.unicodeScalars.first, text.last != " " else { return false }
  let isWordLike = text.unicodeScalars.allSatisfy { scalar in
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9", "_", "-", "+", ".", "/", " ": true
    default: false
    }
  }
  guard isWordLike else { return false }
  switch first {
  case "a"..."z", "A"..."Z", "_", "/": return !reservedWords.contains(text.lowercased())
  // `1 epoch`: no number has a space inside. Anything else that begins so may be a number.
  case "0"..."9": return text.contains(" ")
  default: return text.hasPrefix("./") || text.hasPrefix("../")
  }
}

/// The words that YAML 1.1 reads as booleans or null.
private let reservedWords: Set<String> = [
  "true", "false", "yes", "no", "on", "off", "y", "n", "null",
]
