/// Where a value was written, for error messages.
enum ConfigurationOrigin: Sendable {
  /// A line of the document, counted from 1.
  case line(Int)
  /// An assignment such as `training.batch=64` from `source` ("command line").
  case assignment(source: String, keyPath: String, text: String)
  /// Nowhere: a section that the document leaves out.
  case absent
}

/// One node of a configuration: a copy of what Yams parsed.
///
/// A copy, because Yams resolves types by YAML 1.1 (`no` is false, `010` is eight, a quoted "1" is
/// an integer) and its nodes are not Sendable. Here a scalar stays text until it is asked for.
struct ConfigurationValue: Sendable {
  struct Entry: Sendable {
    var key: String
    var keyOrigin: ConfigurationOrigin
    var value: ConfigurationValue
  }

  enum Kind: Sendable {
    /// Text; `isPlain` when written without quotes, which is what numbers, booleans and null need.
    case scalar(String, isPlain: Bool)
    case list([ConfigurationValue])
    case mapping([Entry])
  }

  var kind: Kind
  var origin: ConfigurationOrigin

  /// `key:` with nothing behind it, `~` or `null`.
  var isNull: Bool {
    guard case .scalar(let text, isPlain: true) = kind else { return false }
    return ["", "~", "null"].contains(text)
  }

  /// How an error shows the value: `64`, `'abc'`, `a list of 3`, `a mapping`, `nothing`.
  var found: String {
    switch kind {
    case .scalar(let text, let isPlain):
      if isNull { return "nothing" }
      let shown = shortened(text)
      return isPlain && Double(text) != nil ? shown : "'\(shown)'"
    case .list(let values): return values.isEmpty ? "an empty list" : "a list of \(values.count)"
    case .mapping: return "a mapping"
    }
  }
}

extension ConfigurationValue {
  /// Calls `body` with the path and the text of each scalar, and of each empty list or mapping.
  func forEachLeaf(path: String, _ body: (_ path: String, _ text: String) -> Void) {
    switch kind {
    case .scalar(let text, _): body(path, text)
    case .list(let values):
      if values.isEmpty { body(path, "[]") }
      for (index, value) in values.enumerated() {
        value.forEachLeaf(path: joined(path, "\(index)"), body)
      }
    case .mapping(let entries):
      if entries.isEmpty { body(path, "{}") }
      for entry in entries { entry.value.forEachLeaf(path: joined(path, entry.key), body) }
    }
  }
}

/// The text cut to a length that fits an error message.
func shortened(_ text: String) -> String {
  text.count <= 80 ? text : "\(text.prefix(77))..."
}

// MARK: - Setting a value at a path

extension ConfigurationValue {
  /// Why a path leads nowhere; the caller adds the assignment in front.
  struct PathError: Error {
    var message: String
  }

  /// This value with `value` at the path `components`; missing and null mappings on the way are
  /// created, list entries have to exist.
  ///
  /// - Parameters:
  ///   - components: the keys and list indices still to go.
  ///   - value: the value to set; its origin becomes the origin of the created mappings too.
  ///   - path: the path of this value, for messages.
  /// - Returns: the changed copy.
  /// - Throws: `PathError` where the path leads through a scalar or past a list's end.
  func setting(
    _ components: ArraySlice<String>, to value: ConfigurationValue, path: String = ""
  ) throws -> ConfigurationValue {
    guard let component = components.first else { return value }
    let rest = components.dropFirst()
    let childPath = joined(path, component)
    var result = self
    switch kind {
    case .mapping(var entries):
      if let index = entries.firstIndex(where: { $0.key == component }) {
        entries[index].value = try entries[index].value.setting(
          rest, to: value, path: childPath)
        if rest.isEmpty { entries[index].keyOrigin = value.origin }
      } else {
        entries.append(
          Entry(key: component, keyOrigin: value.origin, value: Self.nested(rest, value)))
      }
      result.kind = .mapping(entries)
    case .list(var values):
      guard let index = Int(component), String(index) == component, values.indices ~= index else {
        let range = values.isEmpty ? "is empty" : "has entries 0 to \(values.count - 1)"
        throw PathError(message: "\(path) is a list and \(range); it has no '\(component)'")
      }
      values[index] = try values[index].settingItem(
        rest, to: value, path: childPath)
      result.kind = .list(values)
    case .scalar:
      guard isNull else { throw PathError(message: "\(path) is \(found), not a mapping") }
      return Self.nested(components, value)
    }
    return result
  }

  /// Like `setting`, for a list entry: a name (`- relu`) or a mapping of one name to its options.
  ///
  /// The path has to repeat the name, so that it cannot turn one layer into another by accident.
  private func settingItem(
    _ components: ArraySlice<String>, to value: ConfigurationValue, path: String
  ) throws -> ConfigurationValue {
    guard let name = components.first else { return value }
    switch kind {
    case .scalar(let text, _) where text == name:
      let empty = ConfigurationValue(kind: .mapping([]), origin: origin)
      let entry = Entry(key: text, keyOrigin: origin, value: empty)
      return try ConfigurationValue(kind: .mapping([entry]), origin: origin)
        .setting(components, to: value, path: path)
    case .mapping(let entries) where !entries.contains { $0.key == name }:
      let names = entries.map { "'\($0.key)'" }.joined(separator: ", ")
      throw PathError(message: "\(path) is \(names.isEmpty ? "empty" : names), not '\(name)'")
    case .scalar where !isNull:
      throw PathError(message: "\(path) is \(found), not '\(name)'")
    default:
      return try setting(components, to: value, path: path)
    }
  }

  /// `value` inside of one new mapping for each component.
  private static func nested(
    _ components: ArraySlice<String>, _ value: ConfigurationValue
  ) -> ConfigurationValue {
    components.reversed().reduce(value) { inner, key in
      let entry = Entry(key: key, keyOrigin: value.origin, value: inner)
      return ConfigurationValue(kind: .mapping([entry]), origin: value.origin)
    }
  }
}

// MARK: - Removing a value at a path

extension ConfigurationValue {
  /// This value without what stands at a path.
  ///
  /// Without the mappings, too, that are empty then; unchanged where nothing is there.
  ///
  /// - Parameter components: The keys and list indices still to go; entries of lists stay.
  /// - Returns: The changed copy.
  func removing(_ components: ArraySlice<String>) -> ConfigurationValue {
    guard let component = components.first else { return self }
    let rest = components.dropFirst()
    var result = self
    switch kind {
    case .mapping(var entries):
      guard let index = entries.firstIndex(where: { $0.key == component }) else { return self }
      let left = rest.isEmpty ? nil : entries[index].value.removing(rest)
      if let left, !left.isEmptyMapping {
        entries[index].value = left
      } else {
        entries.remove(at: index)
      }
      result.kind = .mapping(entries)
    case .list(var values):
      guard let index = Int(component), values.indices ~= index, let name = rest.first else {
        return self
      }
      let left = values[index].removing(rest)
      // A layer without options is its name.
      values[index] =
        left.isEmptyMapping
        ? ConfigurationValue(kind: .scalar(name, isPlain: true), origin: left.origin) : left
      result.kind = .list(values)
    case .scalar: break
    }
    return result
  }

  private var isEmptyMapping: Bool {
    if case .mapping(let entries) = kind { entries.isEmpty } else { false }
  }
}

/// `training` + `batch` = `training.batch`.
func joined(_ path: String, _ key: String) -> String {
  path.isEmpty ? key : "\(path).\(key)"
}
