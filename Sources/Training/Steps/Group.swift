/// The stat groups of a critic step, in the order in which they lie in a tensor.
package enum Group {
  package static let reals = 0
  package static let fakes = 1
  /// The points that the gradient penalty is taken at.
  package static let points = 2
}
