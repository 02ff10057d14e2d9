/// What is wrong, in one line that a user can act on: what was found, what was expected, and where.
///
/// The one error of the program: nobody but the user tells one cause from another. It may be about
/// a parameter of what threw it; whoever knows where the value came from, such as a key of a
/// configuration, can say so in its place.
package struct Fault: Error, CustomStringConvertible, Equatable, Sendable {
  /// What was found and what was expected, without the parameter's name and without advice.
  package var statement: String
  /// What the user can do about it, such as `download it again`; nil where the statement says all.
  package var advice: String?
  /// The parameter's name; nil where the error is about something else.
  package var parameter: String?

  /// - Parameters:
  ///   - statement: What is wrong.
  ///   - advice: What to do about it, if there is advice.
  ///   - parameter: The parameter that it is about, if it is about one.
  package init(_ statement: String, advice: String? = nil, parameter: String? = nil) {
    self.statement = statement
    self.advice = advice
    self.parameter = parameter
  }

  /// The whole line, without the parameter's name, a period or a line break at its end.
  package var message: String { advice.map { "\(statement); \($0)" } ?? statement }

  package var description: String { parameter.map { "\($0): \(message)" } ?? message }
}

extension String {
  /// The text with its line breaks written as `\n`: for what a message quotes.
  package var onOneLine: String {
    split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).joined(separator: "\\n")
  }
}
