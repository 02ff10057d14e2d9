/// A strict reader of one mapping, which records what it reads.
///
/// Every key that is asked for is known from then on; `finish()` refuses the others. What was
/// read, with the defaults filled in, is written back by `resolvedYAML()`.
///
/// Integers may be written as multiples of the document's top-level `width`: `4*width`, `width`,
/// `width*4`. The resolved text has the products, and `width` for the record: setting `width` over
/// a resolved text changes nothing.
///
/// A value is named by its path (`training.batch`) and, where it was written, by its line or its
/// assignment on the command line. All errors are `ConfigurationError`s.
package final class ConfigurationReader {
  /// The keys to this mapping: "" for the document, `training`, `generator.layers.3.conv2d`.
  package let path: String

  private let entries: [ConfigurationValue.Entry]
  private let origin: ConfigurationOrigin
  private let context: ConfigurationContext

  /// The keys asked for, in order, whether they were there or not.
  private var known: [String] = []
  private var readKeys: Set<String> = []
  /// What was read, in order, for `resolvedYAML()`.
  private(set) var records: [(key: String, record: Record)] = []

  /// Where this mapping is absent: what was perhaps meant for it.
  private var misspelling: Misspelling?

  /// A key that looks like another.
  private struct Misspelling {
    var found: String
    var meant: String
    var origin: ConfigurationOrigin
  }

  /// A value as read.
  enum Record {
    /// YAML text of one line: a scalar or a list of numbers.
    case text(String)
    case section(ConfigurationReader)
    case item(ConfigurationItem)
    case items([ConfigurationItem])
    case itemLists([[ConfigurationItem]])
  }

  init(
    path: String, entries: [ConfigurationValue.Entry], origin: ConfigurationOrigin,
    context: ConfigurationContext
  ) {
    self.path = path
    self.entries = entries
    self.origin = origin
    self.context = context
  }

  private var isRoot: Bool { path.isEmpty }

  // MARK: - Scalars

  /// Whether the key has a value; null counts as none.
  ///
  /// The key still has to be read, or `finish()` finds it.
  package func contains(_ key: String) -> Bool {
    noteKnown(key)
    return entry(key).map { !$0.value.isNull } ?? false
  }

  /// Whether the value at `key` is a list: for keys that take one value or several.
  ///
  /// The key still has to be read, or `finish()` finds it.
  package func isList(_ key: String) -> Bool {
    noteKnown(key)
    guard case .list? = entry(key)?.value.kind else { return false }
    return true
  }

  /// Whether the value at `key` is a mapping: for keys that take a name or options.
  ///
  /// The key still has to be read, or `finish()` finds it.
  package func isMapping(_ key: String) -> Bool {
    noteKnown(key)
    guard case .mapping? = entry(key)?.value.kind else { return false }
    return true
  }

  /// An integer in `range`, or a multiple of `width` there; required without a default.
  package func integer(
    _ key: String, default defaultValue: Int? = nil, in range: ClosedRange<Int> = Int.min...Int.max
  ) throws -> Int {
    if let defaultValue {
      precondition(range.contains(defaultValue), "\(key): default \(defaultValue), range \(range)")
    }
    let expected = describe(range)
    let value = try read(key, default: defaultValue, expected: expected) { value, path in
      try context.integer(value, path: path, in: range)
    }
    record(key, .text(String(value)))
    return value
  }

  /// An integer in `range`, nil when the key is absent or null.
  package func optionalInteger(
    _ key: String, in range: ClosedRange<Int> = Int.min...Int.max
  ) throws -> Int? {
    isAbsent(key) ? nil : try integer(key, in: range)
  }

  /// A finite number in `range` and more than `above`; required without a default.
  package func number(
    _ key: String, default defaultValue: Double? = nil,
    in range: ClosedRange<Double> = -Double.greatestFiniteMagnitude
      ... .greatestFiniteMagnitude, above: Double? = nil
  ) throws -> Double {
    if let defaultValue {
      precondition(
        range.contains(defaultValue) && above.map { defaultValue > $0 } ?? true,
        "\(key): default \(defaultValue), \(describe(range, above: above))")
    }
    let expected = describe(range, above: above)
    let value = try read(key, default: defaultValue, expected: expected) { value, path in
      try context.number(value, path: path, in: range, above: above)
    }
    record(key, .text(formatted(value)))
    return value
  }

  /// A number as in `number`, nil when the key is absent or null.
  package func optionalNumber(
    _ key: String,
    in range: ClosedRange<Double> = -Double.greatestFiniteMagnitude
      ... .greatestFiniteMagnitude, above: Double? = nil
  ) throws -> Double? {
    isAbsent(key) ? nil : try number(key, in: range, above: above)
  }

  /// A text, quoted or not, perhaps empty; required without a default.
  package func string(_ key: String, default defaultValue: String? = nil) throws -> String {
    let value = try read(key, default: defaultValue, expected: "a text", parse: context.text)
    record(key, .text(quotedIfNeeded(value)))
    return value
  }

  /// A text, nil when the key is absent or null.
  package func optionalString(_ key: String) throws -> String? {
    isAbsent(key) ? nil : try string(key)
  }

  /// A text, or a list of texts; required without a default.
  package func strings(
    _ key: String, default defaultValue: [String]? = nil
  ) throws -> [String] {
    let expected = "a text, or a list of texts"
    let value = try read(key, default: defaultValue, expected: expected) { value, path in
      if case .scalar(let text, _) = value.kind, !value.isNull { return [text] }
      return try elements(value, path, expected: expected, context.text)
    }
    let texts = value.map(quotedIfNeeded)
    record(key, .text(texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]"))
    return value
  }

  /// One of the words `of`; required without a default.
  package func choice(
    _ key: String, default defaultValue: String? = nil, of words: [String]
  ) throws -> String {
    if let defaultValue {
      precondition(words.contains(defaultValue), "\(key): default \(defaultValue), of \(words)")
    }
    let expected = "one of \(words.joined(separator: ", "))"
    let value = try read(key, default: defaultValue, expected: expected) { value, path in
      guard case .scalar(let text, _) = value.kind, words.contains(text) else {
        var hint = ""
        if case .scalar(let text, _) = value.kind, let word = nearest(text, in: words) {
          hint = "; did you mean '\(word)'?"
        }
        throw context.error(
          at: value.origin, path: path, "expected \(expected), found \(value.found)\(hint)")
      }
      return text
    }
    record(key, .text(quotedIfNeeded(value)))
    return value
  }

  /// One of an enumeration's words; required without a default.
  ///
  /// - Parameters:
  ///   - key: The key in this mapping.
  ///   - defaultValue: What an absent key means.
  ///   - choices: The cases that may be written; all of them unless told otherwise.
  /// - Returns: The case whose raw value is written.
  /// - Throws: `ConfigurationError` that lists the words.
  package func choice<Choice: CaseIterable & RawRepresentable<String>>(
    _ key: String, default defaultValue: Choice? = nil,
    of choices: [Choice] = Array(Choice.allCases)
  ) throws -> Choice {
    let word = try choice(key, default: defaultValue?.rawValue, of: choices.map(\.rawValue))
    guard let choice = Choice(rawValue: word) else {
      preconditionFailure("\(Choice.self) has no case '\(word)', which it listed itself")
    }
    return choice
  }

  /// Whether the value at `key` is the text `word`: for keys that take a number or a word.
  ///
  /// The key still has to be read, or `finish()` finds it.
  package func isWord(_ key: String, _ word: String) -> Bool {
    noteKnown(key)
    guard case .scalar(word, _)? = entry(key)?.value.kind else { return false }
    return true
  }

  /// A boolean, `true` or `false`; required without a default.
  ///
  /// YAML 1.1's `yes` and `off` are refused.
  package func boolean(_ key: String, default defaultValue: Bool? = nil) throws -> Bool {
    let value = try read(key, default: defaultValue, expected: "true or false") { value, path in
      guard case .scalar(let text, isPlain: true) = value.kind, text == "true" || text == "false"
      else {
        throw context.error(
          at: value.origin, path: path, "expected true or false, found \(value.found)")
      }
      return text == "true"
    }
    record(key, .text(String(value)))
    return value
  }

  // MARK: - Lists of numbers

  /// Two finite numbers, `[-1, 1]`; required without a default.
  package func numberPair(
    _ key: String, default defaultValue: (Double, Double)? = nil
  ) throws -> (Double, Double) {
    let expected = "two numbers, such as [-1, 1]"
    let value = try read(key, default: defaultValue, expected: expected) { value, path in
      let limit = Double.greatestFiniteMagnitude
      let pair = try elements(value, path, count: 2...2, expected: expected) {
        try context.number($0, path: $1, in: -limit...limit, above: nil)
      }
      return (pair[0], pair[1])
    }
    record(key, .text("[\(formatted(value.0)), \(formatted(value.1))]"))
    return value
  }

  /// A list of finite numbers in `range`, `[0.485, 0.456, 0.406]`; required without a default.
  package func numbers(
    _ key: String, default defaultValue: [Double]? = nil, count: ClosedRange<Int>,
    in range: ClosedRange<Double> = -Double.greatestFiniteMagnitude
      ... .greatestFiniteMagnitude, above: Double? = nil
  ) throws -> [Double] {
    let expected = "a list of \(describe(count: count, of: "number"))"
    let value = try read(key, default: defaultValue, expected: expected) { value, path in
      try elements(value, path, count: count, expected: expected) {
        try context.number($0, path: $1, in: range, above: above)
      }
    }
    record(key, .text("[\(value.map(formatted).joined(separator: ", "))]"))
    return value
  }

  /// A list of integers in `range` (or multiples of `width`), `[100, 1, 1]`; required without a
  /// default.
  package func integers(
    _ key: String, default defaultValue: [Int]? = nil, count: ClosedRange<Int> = 0...Int.max,
    in range: ClosedRange<Int> = Int.min...Int.max
  ) throws -> [Int] {
    if let defaultValue {
      precondition(
        count.contains(defaultValue.count) && defaultValue.allSatisfy(range.contains),
        "\(key): default \(defaultValue), count \(count), range \(range)")
    }
    let expected = "a list of \(describe(count: count))"
    let value = try read(key, default: defaultValue, expected: expected) { value, path in
      try elements(value, path, count: count, expected: expected) {
        try context.integer($0, path: $1, in: range)
      }
    }
    record(key, .text("[\(value.map(String.init).joined(separator: ", "))]"))
    return value
  }

  // MARK: - Mappings and lists

  /// The mapping at `key`; where there is none, an empty one, so that its defaults apply.
  ///
  /// Asked twice it is the same reader.
  package func section(_ key: String) throws -> ConfigurationReader {
    if let section = recordedSection(key) { return section }
    noteRead(key)
    let section: ConfigurationReader
    switch entry(key)?.value {
    case nil:
      section = child(key, [], .absent)
      section.misspelling = misspelling(of: key)
    case .some(let value):
      switch value.kind {
      case .mapping(let entries): section = child(key, entries, value.origin)
      case .scalar where value.isNull: section = child(key, [], value.origin)
      default:
        throw context.error(
          at: value.origin, path: joined(path, key), "expected a mapping, found \(value.found)")
      }
    }
    record(key, .section(section))
    return section
  }

  /// The mapping at `key` (`{}` is one), nil when the key is absent or null.
  package func optionalSection(_ key: String) throws -> ConfigurationReader? {
    isAbsent(key) ? nil : try section(key)
  }

  /// The list at `key`, of names with or without options (a network's layers); may be empty,
  /// required without a default.
  ///
  /// With a default null counts as absent.
  package func items(
    _ key: String, default defaultNames: [String]? = nil
  ) throws -> [ConfigurationItem] {
    let path = joined(self.path, key)
    noteRead(key)
    let expected = "a list of names, with options or without"
    var written = entry(key)?.value
    if let defaultNames, written?.isNull ?? true {
      let names = defaultNames.map {
        ConfigurationValue(kind: .scalar($0, isPlain: true), origin: .absent)
      }
      written = ConfigurationValue(kind: .list(names), origin: .absent)
    }
    guard let value = written else { throw missing(key, expected) }
    let items = try elements(value, path, expected: expected, makeItem)
    record(key, .items(items))
    return items
  }

  /// The list that `items` gives, or nil where the key is absent or null.
  package func optionalItems(_ key: String) throws -> [ConfigurationItem]? {
    isAbsent(key) ? nil : try items(key)
  }

  /// The list of such lists at `key` (a layer's branches); required.
  package func itemLists(_ key: String) throws -> [[ConfigurationItem]] {
    let path = joined(self.path, key)
    noteRead(key)
    let expected = "a list of lists of names, with options or without"
    guard let value = entry(key)?.value else { throw missing(key, expected) }
    let lists = try elements(value, path, expected: expected) { list, path in
      try elements(list, path, expected: expected, makeItem)
    }
    record(key, .itemLists(lists))
    return lists
  }

  /// A name with its options, `{adam: {beta1: 0.5}}` or just `adam`; required without a default.
  package func item(_ key: String, default defaultName: String? = nil) throws -> ConfigurationItem {
    let path = joined(self.path, key)
    noteRead(key)
    let value: ConfigurationValue
    if let written = entry(key)?.value {
      value = written
    } else if let defaultName {
      value = ConfigurationValue(kind: .scalar(defaultName, isPlain: true), origin: .absent)
    } else {
      throw missing(key, "a name, with options or without")
    }
    let item = try makeItem(value, path)
    record(key, .item(item))
    return item
  }

  // MARK: - Errors

  /// Throws for the first key that nobody asked for, here or in what was read of the parts.
  ///
  /// The top-level `width` is always known.
  package func finish() throws {
    if isRoot, !readKeys.contains("width") { _ = try width() }
    for entry in entries where !readKeys.contains(entry.key) && !isUnreadWidth(entry.key) {
      let message =
        known.contains(entry.key)
        ? "has no effect together with the other keys here; remove it"
        : "unknown key\(suggestion(for: entry.key, in: knownKeys))"
      throw context.error(at: entry.keyOrigin, path: joined(path, entry.key), message)
    }
    for (_, record) in records {
      switch record {
      case .text: break
      case .section(let section): try section.finish()
      case .item(let item): try item.options.finish()
      case .items(let items): for item in items { try item.options.finish() }
      case .itemLists(let lists):
        for item in lists.joined() { try item.options.finish() }
      }
    }
  }

  /// An error about the value at `key`, or about this mapping, with its place in front.
  package func fail(_ key: String?, _ message: String) -> ConfigurationError {
    guard let key else { return context.error(at: origin, path: path, message) }
    return context.error(
      at: entry(key)?.value.origin ?? mappingOrigin, path: joined(path, key), message)
  }

  /// The error for a required key that is not there, naming the typo that is there in its stead.
  private func missing(_ key: String, _ expected: String) -> ConfigurationError {
    let typo = misspelling(of: key) ?? misspelling
    let hint = typo.map { "; did you write '\($0.found)' for '\($0.meant)'?" } ?? ""
    return context.error(
      at: typo?.origin ?? mappingOrigin, path: joined(path, key),
      "missing; expected \(expected)\(hint)")
  }

  /// A key that nobody has asked for so far, near the absent `key`.
  private func misspelling(of key: String) -> Misspelling? {
    entries.first { !known.contains($0.key) && nearest($0.key, in: [key]) != nil }
      .map { Misspelling(found: $0.key, meant: key, origin: $0.keyOrigin) }
  }

  /// Where this mapping was written, for errors about keys that it does not have.
  ///
  /// Not an assignment: `training.shards=4` is not to blame for a missing `training.batch`.
  private var mappingOrigin: ConfigurationOrigin {
    if case .line = origin { origin } else { .absent }
  }

  // MARK: - Width

  /// The document's `width`, nil when it has none.
  package func width() throws -> Int? {
    try context.width.map {
      try context.integer($0, path: "width", in: ConfigurationContext.widthRange)
    }
  }

  /// Whether `key` is the top-level `width` that only multiples refer to.
  private func isUnreadWidth(_ key: String) -> Bool {
    isRoot && key == "width"
  }

  private var knownKeys: [String] {
    isRoot && !known.contains("width") ? known + ["width"] : known
  }

  // MARK: - Plumbing

  private func entry(_ key: String) -> ConfigurationValue.Entry? {
    entries.first { $0.key == key }
  }

  private func child(
    _ key: String, _ entries: [ConfigurationValue.Entry], _ origin: ConfigurationOrigin
  ) -> ConfigurationReader {
    ConfigurationReader(
      path: joined(path, key), entries: entries, origin: origin, context: context)
  }

  private func noteKnown(_ key: String) {
    if !known.contains(key) { known.append(key) }
  }

  private func noteRead(_ key: String) {
    noteKnown(key)
    readKeys.insert(key)
  }

  /// Marks an optional key as read; true when it is absent or null.
  private func isAbsent(_ key: String) -> Bool {
    noteRead(key)
    return entry(key)?.value.isNull ?? true
  }

  func record(_ key: String, _ record: Record) {
    if let index = records.firstIndex(where: { $0.key == key }) {
      records[index].record = record
    } else {
      records.append((key, record))
    }
  }

  private func recordedSection(_ key: String) -> ConfigurationReader? {
    guard case .section(let section)? = records.first(where: { $0.key == key })?.record else {
      return nil
    }
    return section
  }

  private func makeItem(_ value: ConfigurationValue, _ path: String) throws -> ConfigurationItem {
    try ConfigurationItem(value, path: path, context: context)
  }

  /// The elements of a list as `parse` takes each with its path.
  private func elements<Element>(
    _ value: ConfigurationValue, _ path: String, count: ClosedRange<Int> = 0...Int.max,
    expected: String, _ parse: (ConfigurationValue, String) throws -> Element
  ) throws -> [Element] {
    guard case .list(let values) = value.kind, count.contains(values.count) else {
      throw context.error(
        at: value.origin, path: path, "expected \(expected), found \(value.found)")
    }
    return try values.enumerated().map { try parse($1, joined(path, "\($0)")) }
  }

  /// The value at `key` as `parse` takes it, or the default.
  private func read<Value>(
    _ key: String, default defaultValue: Value?, expected: String,
    parse: (ConfigurationValue, String) throws -> Value
  ) throws -> Value {
    noteRead(key)
    if let entry = entry(key) { return try parse(entry.value, joined(path, key)) }
    guard let defaultValue else { throw missing(key, expected) }
    return defaultValue
  }
}
