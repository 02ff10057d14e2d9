import Configuration

extension RunConfiguration {
  /// What a run may change when it goes on: nothing else keeps its bits those of the undisturbed
  /// run.
  private static let changeableKeys = [
    "name", "training.epochs", "training.iterations", "training.threads", "training.exchange",
    "data.path", "data.cache", "evaluation.every", "evaluation.stopAfter",
  ]

  /// `changeableKeys` and a word for all of `output`, for messages.
  private static let changeable =
    "training.epochs, training.iterations, training.threads, training.exchange, data.path, "
    + "data.cache, output.*, evaluation.every and evaluation.stopAfter"

  /// Whether a run that goes on may have another value at `path`.
  private static func isChangeable(_ path: String) -> Bool {
    changeableKeys.contains(path) || path.hasPrefix("output.")
  }

  /// Refuses an assignment that would change what a resumed run has to keep.
  ///
  /// - Parameter assignment: Such as `training.batch=64`.
  /// - Throws: `ConfigurationError` naming it and what can be changed.
  package static func requireChangeable(_ assignment: String) throws {
    let path = assignment.prefix { $0 != "=" }
    guard !isChangeable(String(path)) else { return }
    throw ConfigurationError(
      message: "\(assignment): a resumed run keeps its configuration; only \(changeable) can be "
        + "changed")
  }

  /// The values of a resolved configuration that a run which goes on has to keep, by their paths.
  ///
  /// - Parameters:
  ///   - resolvedYAML: As `resolved(communicator:)` gives it.
  ///   - name: What errors call the text.
  /// - Returns: Paths such as `training.batch`, and the values' texts.
  /// - Throws: `ConfigurationError` where the text is none.
  package static func fixedValues(in resolvedYAML: String, name: String) throws -> [String: String]
  {
    try ConfigurationDocument(text: resolvedYAML, name: name).leaves
      .filter { !isChangeable($0.key) }
  }

  /// What differs between two sets of `fixedValues`, one clause a value and at most three of them.
  ///
  /// - Parameters:
  ///   - found: Those of now.
  ///   - expected: Those that the run began with.
  /// - Returns: `training.batch is 64, was 32`; nil where nothing differs.
  package static func difference(
    _ found: [String: String], from expected: [String: String]
  ) -> String? {
    let paths = Set(found.keys).union(expected.keys).filter { found[$0] != expected[$0] }.sorted()
    guard !paths.isEmpty else { return nil }
    let clauses = paths.prefix(3).map { path in
      "\(path) is \(found[path] ?? "not there"), was \(expected[path] ?? "not there")"
    }
    let rest = paths.count - clauses.count
    return clauses.joined(separator: "; ") + (rest > 0 ? "; and \(rest) more" : "")
  }
}
