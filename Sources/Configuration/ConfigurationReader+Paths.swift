import Base
import Storage

/// Paths of files and folders.
extension ConfigurationReader {
  /// The keys that have paths, whatever section they are in.
  ///
  /// Known before anyone reads them: on the command line such a value is taken as it is.
  static let pathKeys: Set<String> = ["path", "cache", "directory", "weights", "file"]

  /// The path of a file or folder; required without a default.
  ///
  /// - Returns: The path, with the home folder for a `~` in front.
  /// - Throws: `ConfigurationError` also for an empty one, and one that no file system has.
  package func path(_ key: String, default defaultValue: String? = nil) throws -> String {
    guard !isList(key) else {
      throw fail(key, "expected a path, found a list; put a name that begins with [ in quotes")
    }
    guard !isWord(key, "null") else {
      throw fail(key, "expected a path, found nothing; write ./null for a file of this name")
    }
    let text = try string(key, default: defaultValue)
    let path = try expanded(text, key)
    record(key, .text(quotedIfNeeded(path)))
    return path
  }

  /// A path, nil when the key is absent or null.
  package func optionalPath(_ key: String) throws -> String? {
    guard let text = try optionalString(key) else { return nil }
    let path = try expanded(text, key)
    record(key, .text(quotedIfNeeded(path)))
    return path
  }

  /// A path, or a list of paths; required without a default.
  package func paths(_ key: String) throws -> [String] {
    let paths = try strings(key).map { try expanded($0, key) }
    let texts = paths.map(quotedIfNeeded)
    record(key, .text(texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]"))
    return paths
  }

  private func expanded(_ path: String, _ key: String) throws -> String {
    precondition(Self.pathKeys.contains(key), "\(key) is none of pathKeys")
    guard !path.isEmpty, !path.contains("\0") else {
      throw fail(key, "expected a path, found '\(path.isEmpty ? "" : quotedIfNeeded(path))'")
    }
    do { return try FileSystem.expandingHome(path) } catch let fault as Fault {
      throw fail(key, fault.message)
    }
  }
}
