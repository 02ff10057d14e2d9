import Base
import Kernels

/// y = x for x > 0, slope * x elsewhere; ReLU with slope 0.
///
/// The Jacobian does not depend on x but at the kink, so it has no share, and J t is the mask times
/// t.
package final class LeakyReLU: Layer {
  package let kind: String
  package let inputShape: Shape
  package var outputShape: Shape { inputShape }
  package let slope: Float
  package let traits = LayerTraits(
    forwardInPlace: true, backwardInPlace: true, needsOutput: true, isCurved: false)
  /// Sees the input of each forward pass before the activation is applied, may move values across
  /// 0, and returns whether it moved any; nil in training, where nothing is called.
  ///
  /// The tensor is the activation's own. `verify` takes a recorded run's side of the kink by it.
  package var reviseInput: ((_ input: Tensor, _ pass: Pass) -> Bool)?
  private let context: ExecutionContext

  /// Makes the layer; `slope` must be at least 0, so that the sign of y tells that of x.
  package init(inputShape: Shape, slope: Float, context: ExecutionContext) {
    precondition(slope >= 0, "slope \(slope) is negative")
    self.inputShape = inputShape
    self.slope = slope
    self.context = context
    kind = slope == 0 ? "relu" : "leakyReLU"
  }

  package var options: [LayerOption] {
    slope == 0 ? [] : [.init("slope", slope, default: 0.01)]
  }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    guard reviseInput == nil else {
      _ = forwardRevised(x, into: y, pass)
      return
    }
    apply(x, into: y, pass)
  }

  /// `forward` of the input as `reviseInput` leaves it.
  ///
  /// - Returns: Whether it moved a value: y tells the side then, x may not.
  func forwardRevised(_ x: Tensor, into y: Tensor, _ pass: Pass) -> Bool {
    if x !== y {
      context.forEachShard { shard, _ in
        _ = y.values(pass, shard: shard).update(fromContentsOf: x.read(pass, shard: shard))
      }
    }
    let moved = reviseInput?(y, pass) ?? false
    apply(y, into: y, pass)
    return moved
  }

  private func apply(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    context.forEachShard { shard, _ in
      Elementwise.leakyReLU(
        x.read(pass, shard: shard), slope: self.slope, into: y.values(pass, shard: shard))
    }
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) {
    guard let dx else { return }
    mask(dy, y, into: dx, pass, groups: pass.inputGroups)
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    guard let jt else { return }
    mask(t, y, into: jt, pass, groups: pass.groups)
  }

  /// out = the Jacobian times v.
  func mask(_ v: Tensor, _ y: Tensor, into out: Tensor, _ pass: Pass, groups: Range<Int>) {
    context.forEachShard { shard, _ in
      Elementwise.leakyReLUGradient(
        v.read(pass, shard: shard, groups: groups),
        output: y.read(pass, shard: shard, groups: groups),
        slope: self.slope, into: out.values(pass, shard: shard, groups: groups))
    }
  }
}
