import Base

/// A layer made of sequences of layers, which keeps the shares of its curved layers itself.
///
/// The layer's own `doubleBackward` is given no share.
package protocol CompositeLayer: Layer {
  /// Sends the shares that `doubleBackward` left inside, together with those that arrive from the
  /// layers behind it, back to its input.
  ///
  /// - Parameters:
  ///   - arriving: What later layers' shares give at the output; nil for nothing.
  ///   - x: The input of `forward`.
  ///   - y: The output of `forward`.
  ///   - dx: Gets the shares' gradient at the input; nil where nobody wants it.
  ///   - pass: The second-order group and its samples.
  /// - Returns: Whether there was anything to send: `dx` is undefined otherwise.
  /// - Throws: `Fault` where a layer's exchange between ranks fails.
  func backwardShares(
    arriving: Tensor?, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) throws -> Bool
}
