import Base

/// Why ranks could not work together: one line that names the call, the rank and what MPI said.
package struct CollectivesError: ParameterError, Equatable {
  package var message: String
  package var parameter: String?

  /// - Parameters:
  ///   - message: The line.
  ///   - parameter: The parameter that it is about, if it is about one.
  package init(_ message: String, parameter: String? = nil) {
    self.message = message
    self.parameter = parameter
  }
}
