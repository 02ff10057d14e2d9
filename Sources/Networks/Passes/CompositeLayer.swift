/// A layer made of sequences of layers, which keeps the shares of its curved layers itself.
///
/// Its `doubleBackward` is given no share.
package protocol CompositeLayer: Layer {
  /// Sends the shares that `doubleBackward` left inside, together with those that arrive from the
  /// layers behind it, back to its input.
  ///
  /// - Parameters:
  ///   - arriving: What later layers' shares give at the output; nil for nothing.
  ///   - dx: nil where nobody wants it.
  /// - Returns: Whether there was anything to send: `dx` is undefined otherwise.
  func backwardShares(
    arriving: Tensor?, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) throws -> Bool
}
