import Base
import Kernels

/// y = gamma x, gamma one number that begins at 0.
///
/// dx = gamma dy, J t = gamma t, dgamma = <dy, x> and in the second order <dy, t>. Not curved: the
/// Jacobian does not depend on x.
final class Scale: Layer {
  let kind = "scale"
  let inputShape: Shape
  var outputShape: Shape { inputShape }
  let traits = LayerTraits()
  let gamma = Parameter(name: "gamma", shape: [1], initializer: .constant(0))
  private let context: ExecutionContext

  init(inputShape: Shape, context: ExecutionContext) {
    self.inputShape = inputShape
    self.context = context
  }

  var parameters: [Parameter] { [gamma] }

  func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    multiply(x, into: y, pass, groups: pass.groups)
  }

  func backward(_ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass) {
    addProducts(dy, x, pass, groups: pass.parameterGroups)
    if let dx { multiply(dy, into: dx, pass, groups: pass.inputGroups) }
  }

  func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    addProducts(dy, t, pass, groups: pass.groups)
    if let jt { multiply(t, into: jt, pass, groups: pass.groups) }
  }

  private func multiply(_ x: Tensor, into y: Tensor, _ pass: Pass, groups: Range<Int>) {
    let factor = gamma.values[0]
    context.forEachShard { shard, _ in
      Elementwise.scale(
        x.read(pass, shard: shard, groups: groups), by: factor,
        into: y.values(pass, shard: shard, groups: groups))
    }
  }

  private func addProducts(_ a: Tensor, _ b: Tensor, _ pass: Pass, groups: Range<Int>) {
    guard !groups.isEmpty else { return }
    context.forEachShard { shard, _ in
      let sum = Elementwise.product(
        a.read(pass, shard: shard, groups: groups), b.read(pass, shard: shard, groups: groups))
      self.gamma.partial(shard: shard)[0] += Float(sum)
    }
  }
}
