import Foundation
import TestSupport
import Testing

/// docs/configuration.md against the keys that the sources read, both ways.
@Suite struct DocumentedKeysTests {
  /// Every key that is read: the words that the reader's functions are called with.
  private static func keysRead() throws -> Set<String> {
    let readers =
      "choice|number|optionalNumber|integer|optionalInteger|boolean|string|path|optionalString|"
      + "optionalPath|paths|"
      + "section|optionalSection|item|items|optionalItems|itemLists|integers|numbers|numberPair|"
      + "optionalImageSize|channelValues|"
      + "decay|optionalStrings|strings"
    let calls = try NSRegularExpression(
      pattern: "(?:\\b(?:\(readers))\\(\\s*|\\b(?:key: |let key = )|"
        + "\\b(?:Extents|range)\\(\\s*(?:(?:item\\.)?options|section), )\"([a-zA-Z]+)\"")
    var keys: Set<String> = []
    for target in ["Recipe", "Training", "Networks/Catalog", "Scores", "Features", "Configuration"]
    {
      let folder = repositoryFile("Sources/\(target)")
      let files = try #require(FileManager.default.enumerator(atPath: folder))
      for case let file as String in files where file.hasSuffix(".swift") {
        let text = try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
        keys.formUnion(matches(of: calls, in: text))
      }
    }
    return keys
  }

  private static func matches(of expression: NSRegularExpression, in text: String) -> [String] {
    expression.matches(in: text, range: NSRange(text.startIndex..., in: text)).compactMap {
      Range($0.range(at: 1), in: text).map { String(text[$0]) }
    }
  }

  private static func document() throws -> String {
    try String(contentsOfFile: repositoryFile("docs/configuration.md"), encoding: .utf8)
  }

  @Test func everyKeyIsDocumented() throws {
    let code = try NSRegularExpression(pattern: "`([^`]+)`")
    let words = Self.matches(of: code, in: try Self.document()).flatMap {
      $0.split { !$0.isLetter }.map(String.init)
    }
    let keys = try Self.keysRead()
    #expect(keys.count > 80, "\(keys.count) keys: are the reader's functions named otherwise?")
    let missing = keys.subtracting(words).sorted()
    #expect(missing.isEmpty, "read, but not in docs/configuration.md: \(missing)")
  }

  @Test func everyDocumentedKeyIsRead() throws {
    let keys = try Self.keysRead()
    // The first column of tables of keys; `key: default` elsewhere.
    var documented: Set<String> = []
    let option = try NSRegularExpression(pattern: "`([a-zA-Z]+): [^`]*`")
    let path = try NSRegularExpression(pattern: "`[a-zA-Z.]*?([a-zA-Z]+)`")
    var isTableOfKeys = false
    for line in try Self.document().split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("| key |") { isTableOfKeys = true }
      if !line.hasPrefix("|") { isTableOfKeys = false }
      let cells = line.split(separator: "|").map(String.init)
      guard line.hasPrefix("|"), cells.count > 1 else { continue }
      if isTableOfKeys {
        documented.formUnion(Self.matches(of: path, in: cells[0]))
      } else {
        documented.formUnion(Self.matches(of: option, in: cells[1]))
      }
    }
    #expect(documented.count > 60, "\(documented.count) keys: has the document another form?")
    let unknown = documented.subtracting(keys).sorted()
    #expect(unknown.isEmpty, "in docs/configuration.md, but never read: \(unknown)")
  }
}
