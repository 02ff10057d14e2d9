/// A loss or a gradient that is not finite, seen on all ranks before the parameters move.
///
/// An error of its own: a run may go back to its last checkpoint.
package struct Divergence: Error, CustomStringConvertible, Equatable, Sendable {
  package let description: String

  package init(_ description: String) { self.description = description }
}
