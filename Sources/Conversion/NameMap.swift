import Base
import Foundation
import Storage

/// Gives tensors of a file the names that a network has.
///
/// A rule is `PATTERN=REPLACEMENT`: where the regular expression is found first in a name, the
/// replacement stands instead, `$1` being the first group. Rules apply in turn, each to what the
/// ones before have left. A name that becomes empty leaves its tensor out.
package struct NameMap: Sendable {
  private struct Rule: @unchecked Sendable {
    let pattern: NSRegularExpression
    let replacement: String
  }

  private var rules: [Rule] = []

  package init() {}

  /// Adds a rule.
  ///
  /// - Parameters:
  ///   - text: `PATTERN=REPLACEMENT`; the last `=` parts them.
  ///   - source: Where it stands, for messages: `--map`, or a file with its line.
  /// - Throws: `Fault` where it is no rule.
  package mutating func add(_ text: String, source: String) throws {
    guard let equals = text.lastIndex(of: "="), equals > text.startIndex else {
      throw Fault("\(source): expected PATTERN=REPLACEMENT, found '\(text)'")
    }
    let pattern = String(text[..<equals])
    do {
      rules.append(
        Rule(
          pattern: try NSRegularExpression(pattern: pattern),
          replacement: String(text[text.index(after: equals)...])))
    } catch {
      throw Fault("\(source): '\(pattern)' is no regular expression")
    }
  }

  /// Adds the rules of a file, a line each; empty lines and those that begin with `#` say nothing.
  ///
  /// - Throws: `Fault` naming file and line.
  package mutating func add(file path: String) throws {
    let text = String(decoding: try FileSystem.readFile(path, limit: 1 << 20), as: UTF8.self)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let rule = line.trimmingCharacters(in: .whitespaces)
      guard !rule.isEmpty, !rule.hasPrefix("#") else { continue }
      try add(rule, source: "\(path):\(index + 1)")
    }
  }

  /// The network's name of a file's tensor; nil for one that is left out.
  package func callAsFunction(_ name: String) -> String? {
    var name = name
    for rule in rules {
      let all = NSRange(name.startIndex..., in: name)
      guard let match = rule.pattern.firstMatch(in: name, range: all),
        let range = Range(match.range, in: name)
      else { continue }
      let replacement = rule.pattern.replacementString(
        for: match, in: name, offset: 0, template: rule.replacement)
      name.replaceSubrange(range, with: replacement)
    }
    return name.isEmpty ? nil : name
  }
}
