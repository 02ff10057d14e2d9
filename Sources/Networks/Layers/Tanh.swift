import Kernels

/// y = tanh(x).
///
/// Curved: its share is -2 y (1 - y^2) d t.
package final class Tanh: Layer {
  package let kind = "tanh"
  package let inputShape: Shape
  package var outputShape: Shape { inputShape }
  package private(set) var traits = LayerTraits(
    forwardInPlace: true, backwardInPlace: true, needsOutput: true, isCurved: true)
  private let context: ExecutionContext

  package init(inputShape: Shape, context: ExecutionContext) {
    self.inputShape = inputShape
    self.context = context
  }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    context.forEachShard { shard, _ in
      Elementwise.hyperbolicTangent(x.read(pass, shard: shard), into: y.values(pass, shard: shard))
    }
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) {
    guard let dx else { return }
    scale(dy, y, into: dx, pass, groups: pass.inputGroups)
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    if let share {
      context.forEachShard { shard, _ in
        Elementwise.hyperbolicTangentShare(
          dy.read(pass, shard: shard), t.read(pass, shard: shard),
          output: y.read(pass, shard: shard),
          into: share.values(pass, shard: shard))
      }
    }
    guard let jt else { return }
    scale(t, y, into: jt, pass, groups: pass.groups)
  }

  private func scale(_ v: Tensor, _ y: Tensor, into out: Tensor, _ pass: Pass, groups: Range<Int>) {
    context.forEachShard { shard, _ in
      Elementwise.hyperbolicTangentGradient(
        v.read(pass, shard: shard, groups: groups),
        output: y.read(pass, shard: shard, groups: groups),
        into: out.values(pass, shard: shard, groups: groups))
    }
  }
}
