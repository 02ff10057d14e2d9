/// Why ranks could not work together: one line that names the call, the rank and what MPI said.
package struct CollectivesError: Error, CustomStringConvertible, Equatable {
  package var message: String
  package init(_ message: String) { self.message = message }
  package var description: String { message }
}
