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
      for (key, value) in pairs {
        guard case .scalar(let name) = key else {
          throw ParseError(line: key.mark?.line ?? line, reason: "a key has to be a word")
        }
        // Yams has compared keys with their types; `1` and "1" are the same key here.
        guard !entries.contains(where: { $0.key == name.string }) else {
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
