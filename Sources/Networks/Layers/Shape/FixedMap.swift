import Base

/// A linear function of one sample with nothing to train: pixels copied, moved, added or left out.
package protocol FixedLinearMap: Sendable {
  /// The name in a configuration.
  var kind: String { get }
  var inputShape: Shape { get }
  var outputShape: Shape { get }
  /// As `Layer.options`.
  var options: [LayerOption] { get }

  /// y = A x, for each of `samples` samples.
  func apply(_ x: FloatBuffer, samples: Int, into y: MutableFloatBuffer)
  /// dx = A^T dy.
  func applyAdjoint(_ dy: FloatBuffer, samples: Int, into dx: MutableFloatBuffer)
}

/// The layer of a fixed linear map: y = A x, dx = A^T dy, J t = A t.
///
/// Not curved. Never in place: the maps move values.
package final class FixedMap: Layer {
  package let map: any FixedLinearMap
  package var kind: String { map.kind }
  package var options: [LayerOption] { map.options }
  package let inputShape: Shape
  package let outputShape: Shape
  package var traits: LayerTraits {
    LayerTraits(keepsValues: map is Reshape, isAffine: map is Reshape)
  }
  private let context: ExecutionContext

  package init(_ map: any FixedLinearMap, context: ExecutionContext) {
    self.map = map
    self.context = context
    inputShape = map.inputShape
    outputShape = map.outputShape
  }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) { apply(x, into: y, pass) }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) {
    guard let dx else { return }
    let groups = pass.inputGroups
    context.forEachShard { shard, _ in
      self.map.applyAdjoint(
        dy.read(pass, shard: shard, groups: groups),
        samples: groups.count * pass.samples(inShard: shard),
        into: dx.values(pass, shard: shard, groups: groups))
    }
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    if let jt { apply(t, into: jt, pass) }
  }

  private func apply(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    context.forEachShard { shard, _ in
      self.map.apply(
        x.read(pass, shard: shard), samples: pass.groups.count * pass.samples(inShard: shard),
        into: y.values(pass, shard: shard))
    }
  }
}
