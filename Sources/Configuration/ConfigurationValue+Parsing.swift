import Foundation
import Yams

extension ConfigurationValue {
  /// Why a text is not a configuration: the line (from 1) where one is known, and the reason.
  struct ParseError: Error {
    var line: Int?
    var reason: String
  }

  /// The value that the YAML `text` says, nil for a text without any.
  ///
  /// - Parameters:
  ///   - text: YAML, one document.
  ///   - fixedOrigin: the origin of all of the values; nil: their lines in the text.
  /// - Returns: the value with everything inside of it.
  /// - Throws: `ParseError`.
  static func parse(
    _ text: String, fixedOrigin: ConfigurationOrigin? = nil
  ) throws -> ConfigurationValue? {
    guard text.utf8.count <= ConfigurationDocument.mostBytes else {
      throw ParseError(
        reason: "\(text.utf8.count) bytes; at most \(ConfigurationDocument.mostBytes) are expected")
    }
    try requireFewAliases(text)
    let node: Node?
    do {
      node = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw ParseError(error, in: text)
    }
    var budget = valueLimit
    return try node.map {
      try ConfigurationValue($0, fixedOrigin: fixedOrigin, depth: 0, budget: &budget)
    }
  }

  // Aliases are copied, so a short file could mean billions of values or a very deep tree.
  private static let valueLimit = 100_000
  private static let depthLimit = 64
  private static let anchorLimit = 16
  private static let workLimit = 30_000_000

  /// Refuses aliases of aliases before Yams walks through all that they mean, as it does where they
  /// are keys.
  ///
  /// `A` aliases that lie in `n` anchors mean at most `(A / n)^n` copies. What looks like an anchor
  /// or alias in a comment or a text counts too: the bound is far from what configurations have.
  private static func requireFewAliases(_ text: String) throws {
    var (anchors, aliases) = (0, 0)
    var previous = UInt8(ascii: " ")
    var bytes = text.utf8.makeIterator()
    var byte = bytes.next()
    while let sign = byte {
      byte = bytes.next()
      defer { previous = sign }
      guard sign == UInt8(ascii: "&") || sign == UInt8(ascii: "*"), !isWord(previous),
        let next = byte, isWord(next)
      else { continue }
      if sign == UInt8(ascii: "&") { anchors += 1 } else { aliases += 1 }
    }
    guard anchors > 0, aliases > 1 else { return }
    let copies = (1...min(anchors, aliases)).map { pow(Double(aliases) / Double($0), Double($0)) }
    guard anchors <= anchorLimit, (copies.max() ?? 1) * Double(text.utf8.count) <= Double(workLimit)
    else {
      throw ParseError(
        reason:
          "\(anchors) anchors and \(aliases) aliases could mean more than \(valueLimit) values"
      )
    }
  }

  /// Whether a byte can be part of an anchor's name.
  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "-"), 0x80...:
      true
    default: false
    }
  }

  private init(
    _ node: Node, fixedOrigin: ConfigurationOrigin?, depth: Int, budget: inout Int
  ) throws {
    let line = node.mark?.line
    budget -= 1
    guard budget >= 0 else {
      throw ParseError(line: line, reason: "more than \(Self.valueLimit) values")
    }
    guard depth <= Self.depthLimit else {
      throw ParseError(line: line, reason: "nested more than \(Self.depthLimit) levels deep")
    }
    let tag = node.explicitTag
    guard tag.isEmpty || tag == "!" || tag.hasPrefix(coreTagPrefix) else {
      throw ParseError(line: line, reason: "the tag \(tag) is not supported")
    }
    origin = fixedOrigin ?? line.map { .line($0) } ?? .absent
    switch node {
    case .scalar(let scalar):
      let isText = tag == "!" || tag == "\(coreTagPrefix)str"
      kind = .scalar(
        scalar.string, isPlain: !isText && (scalar.style == .plain || scalar.style == .any))
    case .sequence(let nodes):
      kind = .list(
        try nodes.map {
          try Self($0, fixedOrigin: fixedOrigin, depth: depth + 1, budget: &budget)
        })
    case .mapping(let pairs):
      var entries: [Entry] = []
      var names: Set<String> = []
      for (key, value) in pairs {
        guard case .scalar(let name) = key else {
          throw ParseError(line: key.mark?.line ?? line, reason: "a key has to be a word")
        }
        // Yams has compared keys with their types; `1` and "1" are the same key here.
        guard names.insert(name.string).inserted else {
          throw ParseError(line: name.mark?.line, reason: "the key '\(name.string)' appears twice")
        }
        entries.append(
          Entry(
            key: name.string, keyOrigin: fixedOrigin ?? name.mark.map { .line($0.line) } ?? .absent,
            value: try Self(value, fixedOrigin: fixedOrigin, depth: depth + 1, budget: &budget)))
      }
      kind = .mapping(entries)
    case .alias:
      throw ParseError(line: line, reason: "an alias without its anchor")
    }
  }
}

/// What the tags of YAML's own types begin with (`!!str`, `!!int`).
private let coreTagPrefix = "tag:yaml.org,2002:"

extension Node {
  /// The tag as written, "" for none, where `Node.tag` would guess one from the text.
  fileprivate var explicitTag: String {
    switch self {
    case .scalar(let scalar): scalar.tag.rawValue
    case .mapping(let mapping): mapping.tag.rawValue
    case .sequence(let sequence): sequence.tag.rawValue
    case .alias(let alias): alias.tag.rawValue
    }
  }
}

extension ConfigurationValue.ParseError {
  /// Yams' error without the excerpt of the text that its description has: one line.
  fileprivate init(_ error: YamlError, in text: String) {
    switch error {
    case .scanner(let context, let problem, let mark, _),
      .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let detail = context.map { " (\($0.text) that starts in line \($0.mark.line))" } ?? ""
      self.init(line: mark.line, reason: "not valid YAML: \(problem)\(detail)")
    case .reader(let problem, let offset, _, _):
      let line = offset.map { text.prefix($0).count(where: \.isNewline) + 1 }
      self.init(line: line, reason: "not valid YAML: \(problem)")
    case .duplicatedKeysInMapping(let keys, let context):
      let names = keys.map { "'\($0)'" }.joined(separator: ", ")
      let subject = keys.count == 1 ? "the key \(names) appears" : "the keys \(names) appear"
      self.init(
        line: context.mark.line, reason: "\(subject) more than once in the mapping, here first")
    default:
      self.init(line: nil, reason: "not valid YAML: \(error)")
    }
  }
}
