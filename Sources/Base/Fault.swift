/// What is wrong, in one line that a user can act on: what was found, what was expected, and where.
///
/// The one error of the program: nobody but the user tells one cause from another. It may be about
/// a parameter of what threw it; whoever knows where the value came from, such as a key of a
/// configuration, can say so in its place.
package struct Fault: Error, CustomStringConvertible, Equatable, Sendable {
  /// The whole line, without the parameter's name, a period or a line break at its end.
  package var message: String
  /// The parameter's name; nil where the error is about something else.
  package var parameter: String?

  /// - Parameters:
  ///   - message: The line.
  ///   - parameter: The parameter that it is about, if it is about one.
  package init(_ message: String, parameter: String? = nil) {
    self.message = message
    self.parameter = parameter
  }

  package var description: String { parameter.map { "\($0): \(message)" } ?? message }
}

extension String {
  /// The text with its line breaks written as `\n`: for what a message quotes.
  package var onOneLine: String {
    split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).joined(separator: "\\n")
  }
}
