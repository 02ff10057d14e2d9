import Base
import Kernels

/// The middle of a `SelfAttention`: queries, keys and values as one vector in, their attention out.
///
/// Formulas of all passes at `Attention`. Curved; the weights are computed anew in every pass, so
/// that only the matrices of one sample a thread are kept.
final class AttentionMap: Layer {
  let kind = "attention"
  let inputShape: Shape
  let outputShape: Shape
  let traits = LayerTraits(isCurved: true)
  private let attention: Attention
  private let context: ExecutionContext

  /// - Parameters:
  ///   - attention: Its sizes.
  ///   - pixels: The shape whose pixels are the queries.
  ///   - context: The threads that the passes run on.
  init(_ attention: Attention, on pixels: Shape, context: ExecutionContext) {
    precondition(attention.queries == pixels.pixels, "\(attention) on \(pixels)")
    self.attention = attention
    self.context = context
    inputShape = Shape(channels: attention.inputCount)
    outputShape = pixels.with(channels: attention.valueChannels)
  }

  var operations: Int { attention.operations }

  func prepare(_ plan: MemoryPlan, in context: ExecutionContext) {
    context.reserveScratch(attention.scratchCount)
  }

  func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    context.forEachShard { shard, thread in
      let samples = pass.groups.count * pass.samples(inShard: shard)
      guard samples > 0 else { return }
      self.attention.forward(
        samples: samples, x.read(pass, shard: shard), into: y.values(pass, shard: shard),
        scratch: self.context.scratch(thread: thread))
    }
  }

  func backward(_ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass) {
    guard let dx else { return }
    let groups = pass.inputGroups
    context.forEachShard { shard, thread in
      let samples = groups.count * pass.samples(inShard: shard)
      guard samples > 0 else { return }
      self.attention.gradient(
        samples: samples, dy.read(pass, shard: shard, groups: groups),
        input: x.read(pass, shard: shard, groups: groups),
        into: dx.values(pass, shard: shard, groups: groups),
        scratch: self.context.scratch(thread: thread))
    }
  }

  func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    guard let share else { preconditionFailure("attention is curved: it has a share") }
    context.forEachShard { shard, thread in
      let samples = pass.groups.count * pass.samples(inShard: shard)
      guard samples > 0 else { return }
      self.attention.second(
        samples: samples, t.read(pass, shard: shard), dy.read(pass, shard: shard),
        input: x.read(pass, shard: shard), into: jt?.values(pass, shard: shard),
        share: share.values(pass, shard: shard), scratch: self.context.scratch(thread: thread))
    }
  }
}
