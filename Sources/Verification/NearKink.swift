/// How near to 0 an input of a (leaky) ReLU came in a step.
package struct NearKink: Sendable, Equatable {
  /// `iter.0.critic.1`.
  package var step: String
  /// `critic 0.main.1 (relu)`.
  package var layer: String
  /// The smallest magnitude of an input, over the largest.
  package var distance: Double
}
