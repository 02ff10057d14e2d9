/// Why training, verification or a resume cannot go on: one line.
package struct TrainingError: Error, CustomStringConvertible, Equatable {
  package var message: String
  package init(_ message: String) { self.message = message }
  package var description: String { message }
}
