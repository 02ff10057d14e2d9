import Storage

/// The command line as its user meant it.
enum UserArguments {
  /// Arguments with the home folder for a `~` that no shell has taken: in quotes, or behind `=`.
  ///
  /// Paths of `key=value` are the configuration's.
  ///
  /// - Parameter arguments: Those behind the program's name.
  /// - Returns: As many, in their order; of `--option=~/path` the value is expanded.
  /// - Throws: `Fault` for another user's home, `~name`.
  static func expandingHome(_ arguments: some Sequence<String>) throws -> [String] {
    try arguments.map { argument in
      guard argument.hasPrefix("--"), let sign = argument.firstIndex(of: "=") else {
        return try FileSystem.expandingHome(argument)
      }
      let value = argument.index(after: sign)
      return try String(argument[..<value]) + FileSystem.expandingHome(String(argument[value...]))
    }
  }
}
