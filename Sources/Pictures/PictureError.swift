/// What went wrong with a picture's file, in one line: `PATH: what failed, what was expected;
/// hint`.
package struct PictureError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The whole message, one line without a period or line break at its end.
  package let message: String

  package var description: String { message }

  package init(_ message: String) { self.message = message }
}
