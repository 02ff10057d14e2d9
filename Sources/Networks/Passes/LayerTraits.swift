/// What a network must know of a layer to plan its memory.
package struct LayerTraits: Sendable {
  /// y may be written over x.
  package var forwardInPlace = false
  /// y may be written over x where only forward passes of evaluation follow.
  package var evaluatesInPlace = false
  /// dx may be written over dy (never so where the second-order pass needs dy: see `isCurved`).
  package var backwardInPlace = false
  /// `backward` reads y, so y must stay as it was.
  package var needsOutput = false
  /// The layer's Jacobian depends on its input: `doubleBackward` leaves a share at the input.
  package var isCurved = false
  /// The output for a sample depends on the other samples of its stat group.
  package var couplesSamples = false
  /// The passes read the samples' conditions, `Pass.conditions`.
  package var needsConditions = false
  /// The layer moves values and changes none of them.
  package var keepsValues = false
  /// y at w a + (1 - w) b is w y(a) + (1 - w) y(b), for samples of the same conditions, and no pass
  /// behind the forward pass reads x of a group that takes no part in the parameters' gradient.
  package var isAffine = false
  /// The outputs are probabilities.
  package var givesProbabilities = false
}
