import Base
import Kernels

/// y = m x, m being 0 with probability `rate` and 1 / (1 - rate) otherwise; y = x in evaluation.
///
/// PyTorch's `Dropout`; Srivastava et al. 2014, JMLR 15.
///
/// The mask belongs to the forward pass: its backward passes use the same, dx = m dy and J t = m t,
/// until the next forward pass. Not curved. A value's factor is a function of the
/// pass's draw, the layer's number, and group and number of the sample: not of rank or thread.
package final class Dropout: Layer {
  package let kind = "dropout"
  package let inputShape: Shape
  package var outputShape: Shape { inputShape }
  package let traits = LayerTraits(forwardInPlace: true, backwardInPlace: true)
  package let rate: Double
  private let layerNumber: Int
  private let context: ExecutionContext
  private var mask: Tensor?

  /// Layers of the job that the random stream can tell apart.
  private static let layerBits = 16

  /// Makes the layer; `prepare` allocates its mask.
  ///
  /// - Parameters:
  ///   - inputShape: Shape of a sample.
  ///   - rate: Probability that a value becomes 0, in 0 ..< 1.
  ///   - layerNumber: A number that no other layer of the job's networks has; masks depend on it.
  ///   - context: The ranks and threads that the passes run on.
  package init(inputShape: Shape, rate: Double, layerNumber: Int, context: ExecutionContext) {
    precondition(rate >= 0 && rate < 1, "dropout rate \(rate) is outside 0 ..< 1")
    precondition(layerNumber < 1 << Self.layerBits, "layer number \(layerNumber)")
    self.inputShape = inputShape
    self.rate = rate
    self.layerNumber = layerNumber
    self.context = context
  }

  package var options: [LayerOption] { [.init("rate", rate, default: 0.5)] }

  package func prepare(_ plan: MemoryPlan, in context: ExecutionContext) {
    mask = Tensor(
      shape: inputShape, shards: context.plan.localShards, shardCapacity: plan.shardCapacity,
      in: context.valueMemory)
  }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    if pass.mode == .training { drawMask(pass) }
    multiply(x, into: y, pass, groups: pass.groups)
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) {
    if let dx { multiply(dy, into: dx, pass, groups: pass.inputGroups) }
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    if let jt { multiply(t, into: jt, pass, groups: pass.groups) }
  }

  private var prepared: Tensor {
    guard let mask else { preconditionFailure("dropout is used before it is prepared") }
    return mask
  }

  private func drawMask(_ pass: Pass) {
    guard let draw = pass.draw else {
      preconditionFailure("dropout in a training pass that has no draw: set Pass.draw")
    }
    let stream = RandomStream(
      seed: draw.seed, purpose: .dropout, step: draw.number << Self.layerBits | layerNumber)
    let mask = prepared
    context.forEachShard { shard, _ in
      let first = pass.firstSample(inShard: shard)
      for group in pass.groups {
        for sample in 0..<pass.samples(inShard: shard) {
          DropoutMask.fill(
            mask.sample(sample, group: group, pass, shard: shard), rate: self.rate, stream: stream,
            sample: group * pass.batch + first + sample)
        }
      }
    }
  }

  private func multiply(_ v: Tensor, into out: Tensor, _ pass: Pass, groups: Range<Int>) {
    let mask = prepared
    context.forEachShard { shard, _ in
      let source = v.read(pass, shard: shard, groups: groups)
      let target = out.values(pass, shard: shard, groups: groups)
      switch pass.mode {
      case .training:
        Elementwise.multiply(
          source, mask.read(pass, shard: shard, groups: groups), into: target)
      case .evaluation:
        // In place there is nothing to copy.
        if source.baseAddress != UnsafePointer(target.baseAddress) {
          _ = target.update(fromContentsOf: source)
        }
      }
    }
  }
}
