/// A gradient that a backward pass adds behind a layer: what a loss on inner features gives.
package struct InnerGradient {
  /// The layer's index in its sequence, one of those that `LayerSequence.keepsOutput` names.
  package let layer: Int
  /// The loss's derivative with respect to what the layer gives.
  package let values: Tensor

  package init(behind layer: Int, _ values: Tensor) {
    self.layer = layer
    self.values = values
  }
}
