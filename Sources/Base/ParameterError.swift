/// An error that may be about one parameter of what threw it.
///
/// Whoever knows where the parameter's value came from, such as a key of a configuration, can say
/// so in its place.
package protocol ParameterError: Error, CustomStringConvertible {
  /// What is wrong, without the parameter's name.
  var message: String { get }
  /// The parameter's name; nil where the error is about something else.
  var parameter: String? { get }
}

extension ParameterError {
  package var description: String { parameter.map { "\($0): \(message)" } ?? message }
}
