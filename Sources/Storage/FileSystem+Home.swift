import Base
import Foundation

extension FileSystem {
  /// A path with the home folder for a `~` in front, as shells write it where nothing is quoted.
  ///
  /// - Parameters:
  ///   - path: As a user gives it: `~` alone, or with a slash behind it, is the home.
  ///   - home: The home folder; nil where there is none.
  /// - Returns: The path; without `~` in front as it is.
  /// - Throws: `Fault` for another user's home (`~anna`), and where there is no home.
  package static func expandingHome(
    _ path: String, home: String? = ProcessInfo.processInfo.environment["HOME"]
  ) throws -> String {
    guard path.hasPrefix("~") else { return path }
    guard path == "~" || path.hasPrefix("~/") else {
      throw Fault(
        "\(path): the homes of other users are not looked up",
        advice: "write the whole path, or ./\(path) for a name that begins with ~")
    }
    guard let home, !home.isEmpty else {
      throw Fault(
        "\(path): there is no home folder (HOME is not set)", advice: "write the whole path")
    }
    return (home == "/" && path != "~" ? "" : home) + path.dropFirst()
  }
}
