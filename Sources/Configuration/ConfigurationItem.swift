/// One entry of a list, or a choice with options: a name and what is set for it.
///
/// `- relu` has the name `relu` and no options, `- conv2d: {channels: 64}` has one option. The
/// options' path includes the name: `generator.layers.3.conv2d`.
package struct ConfigurationItem {
  package let name: String
  package let options: ConfigurationReader
  /// The path without the name: `generator.layers.3`.
  package let path: String
  let context: ConfigurationContext
  let origin: ConfigurationOrigin

  /// An entry that no document has: a name from the command line, without options.
  ///
  /// - Parameters:
  ///   - name: The entry's name.
  ///   - source: What errors call its place, an option such as `--scores`.
  package init(name: String, source: String) {
    self.init(
      name: name, path: "", context: ConfigurationContext(documentName: source, width: nil))
  }

  private init(name: String, path: String, context: ConfigurationContext) {
    self.name = name
    self.path = path
    self.context = context
    origin = .absent
    options = ConfigurationReader(
      path: name, entries: [], origin: .absent, context: context)
  }

  /// An error at this entry, `configs/x.yaml:9: generator.layers.3.conv2d: ...`.
  package func fail(_ message: String) -> ConfigurationError {
    context.error(at: origin, path: options.path, message)
  }

  /// The error for a name that is none of `known`, with the nearest of them.
  package func unknownName(known: [String]) -> ConfigurationError {
    context.error(
      at: origin, path: path, "unknown name '\(name)'\(suggestion(for: name, in: known))")
  }

  /// An item as `value` writes it: a name, or a mapping of one name to a mapping of options.
  init(_ value: ConfigurationValue, path: String, context: ConfigurationContext) throws {
    self.path = path
    self.context = context
    self.origin = value.origin
    let expected = "expected a name, or one name with its options as in 'name: {option: value}'"
    switch value.kind {
    case .scalar(let text, _) where !value.isNull && !text.isEmpty:
      name = text
      options = ConfigurationReader(
        path: joined(path, text), entries: [], origin: value.origin, context: context)
    case .mapping(let entries):
      guard let entry = entries.first, entries.count == 1 else {
        let keys = entries.map(\.key).joined(separator: ", ")
        let found = entries.isEmpty ? "an empty mapping" : "the keys \(keys)"
        // `- conv2d:` with its options not indented further than the name is the usual cause.
        throw context.error(
          at: value.origin, path: path, "\(expected), found \(found); is the indentation right?")
      }
      name = entry.key
      let optionsPath = joined(path, entry.key)
      switch entry.value.kind {
      case .mapping(let options):
        self.options = ConfigurationReader(
          path: optionsPath, entries: options, origin: entry.value.origin, context: context)
      case .scalar where entry.value.isNull:
        options = ConfigurationReader(
          path: optionsPath, entries: [], origin: value.origin, context: context)
      default:
        throw context.error(
          at: entry.value.origin, path: optionsPath,
          "expected a mapping of options, found \(entry.value.found)")
      }
    default:
      throw context.error(at: value.origin, path: path, "\(expected), found \(value.found)")
    }
  }
}
