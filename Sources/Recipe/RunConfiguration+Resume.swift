import Base
import Collectives
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
    + "data.heldOut.path, data.cache, output.*, evaluation.every and evaluation.stopAfter"

  /// Whether a run that goes on may have another value at `path`.
  private static func isChangeable(_ path: String) -> Bool {
    changeableKeys.contains(path) || path.hasPrefix("output.")
      // Of a list of files.
      || path.hasPrefix("data.path.")
      // Files too, of whatever form; not which of their rows.
      || path == "data.heldOut"
      || path.hasPrefix("data.heldOut.") && !path.hasPrefix("data.heldOut.rows")
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

  /// What a run has to keep and does not, one clause a value and at most three of them.
  ///
  /// A key that the run's version did not have, and that is by default what it is now, is no
  /// difference: the default of a new key is what was done before it.
  ///
  /// - Parameters:
  ///   - resolvedYAML: The configuration of now.
  ///   - expected: The `fixedValues` that the run began with.
  /// - Returns: `training.batch is 64, was 32`; nil where nothing differs.
  /// - Throws: `ConfigurationError` where the text is none.
  package static func difference(
    of resolvedYAML: String, from expected: [String: String]
  ) throws -> String? {
    let found = try fixedValues(in: resolvedYAML, name: "the configuration")
    var paths = Set(found.keys).union(expected.keys).filter { found[$0] != expected[$0] }
    guard !paths.isEmpty else { return nil }
    let new = paths.filter { expected[$0] == nil }
    if !new.isEmpty {
      let defaults = try values(of: resolvedYAML, without: new.sorted())
      let same = new.filter { defaults[$0] == found[$0] }
      // What had no options or values was a name, or empty.
      let names = paths.filter { path in
        guard let text = expected[path], found[path] == nil else { return false }
        let before = text == "{}" ? path : "\(path).\(text)"
        return same.contains { $0.hasPrefix("\(before).") }
      }
      paths.subtract(same.union(names))
    }
    return paths.isEmpty ? nil : text(of: paths.sorted(), found, expected)
  }

  /// The `fixedValues` that a configuration has without some of its keys; none where it needs them.
  private static func values(
    of resolvedYAML: String, without paths: [String]
  ) throws -> [String: String] {
    let name = "the configuration"
    var document = try ConfigurationDocument(text: resolvedYAML, name: name)
    document.remove(paths)
    let again = try? MemoryLedger.planning {
      try RunConfiguration(document).resolved(communicator: PlannedCommunicator(size: 1)).yaml
    }
    return try again.map { try fixedValues(in: $0, name: name) } ?? [:]
  }

  private static func text(
    of paths: [String], _ found: [String: String], _ expected: [String: String]
  ) -> String {
    let clauses = paths.prefix(3).map { path in
      "\(path) is \(found[path] ?? "not there"), was \(expected[path] ?? "not there")"
    }
    let rest = paths.count - clauses.count
    return clauses.joined(separator: "; ") + (rest > 0 ? "; and \(rest) more" : "")
  }
}
