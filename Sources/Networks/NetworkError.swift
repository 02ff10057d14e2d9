/// A network that cannot be built or a state that does not fit it: one line naming layer, what was
/// expected and what was found.
package struct NetworkError: Error, CustomStringConvertible, Equatable {
  package var message: String
  package init(_ message: String) { self.message = message }
  package var description: String { message }
}
