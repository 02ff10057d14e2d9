/// A network that cannot be built: one line naming layer, what was expected and what was found; for
/// sizes, the table of the shapes below it.
package struct NetworkError: Error, CustomStringConvertible, Equatable {
  package var message: String
  package init(_ message: String) { self.message = message }
  package var description: String { message }
}
