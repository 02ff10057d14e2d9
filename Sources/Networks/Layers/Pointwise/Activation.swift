import Base
import Kernels

/// y = f(x) for a smooth function: tanh, sigmoid, softplus, ELU, GELU, Swish.
///
/// dx = f'(x) dy, J t = f'(x) t. Curved: its share is f''(x) d t. The derivatives are taken from y
/// where f allows it, and y may then lie over x; from x otherwise.
package final class Activation: Layer {
  package let kind: String
  package let inputShape: Shape
  package var outputShape: Shape { inputShape }
  package let function: ActivationFunction
  package let traits: LayerTraits
  private let context: ExecutionContext

  /// Makes the layer; `kind` is its name in a configuration.
  package init(
    _ function: ActivationFunction, kind: String, inputShape: Shape, context: ExecutionContext
  ) {
    self.function = function
    self.kind = kind
    self.inputShape = inputShape
    self.context = context
    traits = LayerTraits(
      forwardInPlace: function.derivativesReadOutput, backwardInPlace: true,
      needsOutput: function.derivativesReadOutput, isCurved: true,
      givesProbabilities: function == .sigmoid)
  }

  package var options: [LayerOption] {
    switch function {
    case .elu(let alpha): [.init("alpha", alpha, default: 1)]
    case .gelu: [.init("approximate", .word("none"), default: .word("none"))]
    case .geluTanh: [.init("approximate", .word("tanh"), default: .word("none"))]
    case .tanh, .sigmoid, .softplus, .swish: []
    }
  }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    context.forEachShard { shard, _ in
      Activations.apply(
        self.function, x.read(pass, shard: shard), into: y.values(pass, shard: shard))
    }
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) {
    guard let dx else { return }
    scale(dy, at: point(x, y), into: dx, pass, groups: pass.inputGroups)
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    let point = point(x, y)
    if let share {
      context.forEachShard { shard, _ in
        Activations.share(
          self.function, dy.read(pass, shard: shard), t.read(pass, shard: shard),
          at: point.read(pass, shard: shard), into: share.values(pass, shard: shard))
      }
    }
    if let jt { scale(t, at: point, into: jt, pass, groups: pass.groups) }
  }

  /// What the derivatives are taken from.
  private func point(_ x: Tensor, _ y: Tensor) -> Tensor {
    function.derivativesReadOutput ? y : x
  }

  private func scale(
    _ v: Tensor, at point: Tensor, into out: Tensor, _ pass: Pass, groups: Range<Int>
  ) {
    context.forEachShard { shard, _ in
      Activations.gradient(
        self.function, v.read(pass, shard: shard, groups: groups),
        at: point.read(pass, shard: shard, groups: groups),
        into: out.values(pass, shard: shard, groups: groups))
    }
  }
}
