import Base
import Foundation
import Storage

/// A parsed configuration: a YAML mapping, with values from the command line set over it.
///
/// ```swift
/// var document = try ConfigurationDocument(path: "configs/fashion-mnist.yaml")
/// try document.override("training.batch=64")
/// let root = document.root()
/// let batch = try root.section("training").integer("batch", default: 128, in: 1...65536)
/// try root.finish()                       // unknown keys are errors
/// let text = root.resolvedYAML()          // with the defaults filled in
/// ```
package struct ConfigurationDocument: Sendable {
  /// What errors call the document: the path as given, or "built-in default".
  package let name: String
  private var value: ConfigurationValue

  /// Reads the file at `path`.
  ///
  /// Throws a `ConfigurationError` for a file that is missing, unreadable, not UTF-8, not YAML,
  /// empty, not a mapping, or that has a key twice.
  package init(path: String) throws {
    guard FileSystem.exists(path) else {
      throw ConfigurationError(message: "\(path): no such file")
    }
    guard !FileSystem.isDirectory(path) else {
      throw ConfigurationError(message: "\(path): is a folder; a YAML file is expected")
    }
    Messages.detail("reads \(path)")
    let bytes: [UInt8]
    do {
      bytes = try FileSystem.readFile(path, limit: Self.mostBytes, allowsPipe: true)
    } catch let error as Fault {
      throw ConfigurationError(message: error.message)
    }
    guard let text = String(bytes: bytes, encoding: .utf8) else {
      throw ConfigurationError(message: "\(path): is not UTF-8 text")
    }
    try self.init(text: text, name: path)
  }

  /// Bytes of a document: a thousand times what configurations have, and read in a second.
  package static let mostBytes = 1 << 20

  /// Parses `text`; errors call it `name`, such as "built-in default".
  package init(text: String, name: String) throws {
    self.name = name
    let parsed: ConfigurationValue?
    do {
      parsed = try .parse(text)
    } catch let error as ConfigurationValue.ParseError {
      let place = error.line.map { "\(name):\($0)" } ?? name
      throw ConfigurationError(message: "\(place): \(error.reason)")
    }
    guard let parsed else { throw ConfigurationError(message: "\(name): is empty") }
    guard case .mapping = parsed.kind else {
      throw ConfigurationError(
        message: "\(name): expected a mapping (key: value) at the top level, found \(parsed.found)")
    }
    value = parsed
  }

  /// Sets a value as the command line does: `training.batch=64`, `data.range=[0, 1]`,
  /// `generator.layers.0.convTranspose2d.channels=32`.
  ///
  /// What follows the first `=` is YAML; the path of a file is taken as it is, unless it is in
  /// quotes or a list: `data.path=a # b`. Mappings that are missing on the way are created; a list
  /// index has to exist, and a layer is named behind its index. Of two assignments to one path
  /// the later wins. Keys are checked when the document is read.
  ///
  /// - Parameters:
  ///   - assignment: The path and the value.
  ///   - source: What errors call its place.
  /// - Throws: `ConfigurationError`.
  package mutating func override(
    _ assignment: String, source: String = "command line"
  ) throws {
    let parts = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let keyPath = parts[0].trimmingCharacters(in: .whitespaces)
    guard parts.count == 2, Self.isKeyPath(keyPath) else {
      throw ConfigurationError(
        message: "\(source): '\(shortened(assignment))': expected KEY=VALUE, such as "
          + "training.batch=64")
    }
    try set(keyPath, String(parts[1]), source: source)
  }

  /// The values of the document, mappings and lists opened up: `training.batch` and `128`,
  /// `generator.layers.0.conv2d.kernel` and `4`.
  package var leaves: [String: String] {
    Dictionary(orderedLeaves.map { ($0.path, $0.text) }) { _, last in last }
  }

  /// The same in the document's order.
  package var orderedLeaves: [(path: String, text: String)] {
    var found: [(path: String, text: String)] = []
    value.forEachLeaf(path: "") { found.append(($0, $1)) }
    return found
  }

  /// Takes values out, by their paths in `leaves`; sections and options without any go along.
  package mutating func remove(_ paths: [String]) {
    for path in paths {
      value = value.removing(path.split(separator: ".").map(String.init)[...])
    }
  }

  /// A reader of the whole document, with nothing read yet.
  package func root() -> ConfigurationReader {
    guard case .mapping(let entries) = value.kind else {
      preconditionFailure("the initializer and the paths of assignments keep the root a mapping")
    }
    let width = entries.first { $0.key == "width" }?.value
    return ConfigurationReader(
      path: "", entries: entries, origin: .absent,
      context: ConfigurationContext(documentName: name, width: width))
  }

  /// Keys of a path, as deep as documents are nested.
  private static let deepest = 64

  private static func isKeyPath(_ path: some StringProtocol) -> Bool {
    path.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { component in
      !component.isEmpty && !component.contains(where: \.isWhitespace)
    }
  }

  /// Whether a text is a path as it is: a shell has taken its quotes, and names may have any signs.
  ///
  /// Nothing and `null` are no path, and a list in brackets is one of several.
  private static func isPath(_ text: String, of key: String) -> Bool {
    guard ConfigurationReader.pathKeys.contains(key), text != "null",
      let first = text.first(where: { $0 != " " })
    else { return false }
    return !"\"'[".contains(first)
  }

  private mutating func set(_ keyPath: String, _ text: String, source: String) throws {
    let assignment = "\(keyPath)=\(text)"
    let origin = ConfigurationOrigin.assignment(
      source: source, keyPath: keyPath, text: assignment)
    let prefix = "\(source): \(shortened(assignment))"
    let components = keyPath.split(separator: ".").map(String.init)
    guard components.count <= Self.deepest else {
      throw ConfigurationError(
        message: "\(prefix): \(components.count) keys deep; at most \(Self.deepest) are expected")
    }
    do {
      let null = ConfigurationValue(kind: .scalar("", isPlain: true), origin: origin)
      let newValue =
        Self.isPath(text, of: components.last ?? "")
        ? ConfigurationValue(kind: .scalar(text, isPlain: false), origin: origin)
        : try ConfigurationValue.parse(text, fixedOrigin: origin) ?? null
      value = try value.setting(components[...], to: newValue)
    } catch let error as ConfigurationValue.ParseError {
      throw ConfigurationError(message: "\(prefix): the value is \(error.reason)")
    } catch let error as ConfigurationValue.PathError {
      throw ConfigurationError(message: "\(prefix): \(error.message)")
    }
  }
}
