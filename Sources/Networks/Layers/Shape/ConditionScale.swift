import Base
import Kernels

/// y = c x, c a number of the sample's condition.
///
/// At a generator's input it is what 3DGAN does, whose noise is N(0, 1) times the energy (Khattak
/// et al. 2022, doi:10.1140/epjc/s10052-022-10258-4). dx = c dy, J t = c t. Not curved: c is no
/// function of x.
package final class ConditionScale: Layer {
  package let kind = "conditionScale"
  package let inputShape: Shape
  package var outputShape: Shape { inputShape }
  package let traits = LayerTraits(
    forwardInPlace: true, backwardInPlace: true, needsConditions: true)
  /// The number of the condition, from 0.
  private let number: Int
  private let context: ExecutionContext

  /// Makes the layer; `number` is the place of c in the condition's vector.
  package init(inputShape: Shape, number: Int, context: ExecutionContext) {
    precondition(number >= 0, "number \(number) of a condition")
    self.inputShape = inputShape
    self.number = number
    self.context = context
  }

  package var options: [LayerOption] { [LayerOption("number", number, default: 0)] }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    scale(x, into: y, pass, groups: pass.groups)
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) {
    if let dx { scale(dy, into: dx, pass, groups: pass.inputGroups) }
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    if let jt { scale(t, into: jt, pass, groups: pass.groups) }
  }

  private func scale(_ v: Tensor, into out: Tensor, _ pass: Pass, groups: Range<Int>) {
    guard let conditions = pass.conditions, conditions.shape.numbers > number else {
      preconditionFailure("\(kind) by number \(number) in a pass that has not as many")
    }
    let size = inputShape.elementCount
    let count = conditions.shape.numbers
    context.forEachShard { shard, _ in
      let numbers = conditions.numbers(pass, shard: shard, groups: groups)
      let source = v.read(pass, shard: shard, groups: groups)
      let target = out.values(pass, shard: shard, groups: groups)
      for sample in 0..<groups.count * pass.samples(inShard: shard) {
        let places = sample * size..<(sample + 1) * size
        Elementwise.scale(
          FloatBuffer(rebasing: source[places]), by: numbers[sample * count + self.number],
          into: MutableFloatBuffer(rebasing: target[places]))
      }
    }
  }
}
