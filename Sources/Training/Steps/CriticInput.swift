import Base
import Kernels
import Networks

/// How the samples of a step come into the critic's input, and the gradient there back to them.
///
/// A pass of the critic covers packs of samples, one of the generator samples: `packs` and
/// `samples` make one of the other.
struct CriticInput {
  private let packing: Packing
  private let critic: Network
  private let context: ExecutionContext

  init(_ model: Model) {
    packing = model.packing
    critic = model.critic
    context = model.context
    // A sample on its way.
    if !packing.isContiguous { context.reserveScratch(packing.sample.elementCount) }
  }

  /// The critic's pass over samples.
  func packs(_ pass: Pass) -> Pass {
    packing.members == 1 ? pass : pass.with(batch: pass.batch / packing.members)
  }

  /// The pass over the samples in the critic's.
  func samples(_ pass: Pass) -> Pass {
    packing.members == 1 ? pass : pass.with(batch: pass.batch * packing.members)
  }

  /// Calls `body` for every member of the critic's inputs on this rank: with the number of its
  /// sample in the global batch, its place in the shard, the shard, and the place of its pack.
  @inline(__always)
  private func forEachMember(
    _ pass: Pass,
    _ body: (
      _ sample: Int, _ index: Int, _ shard: Int, _ pack: Int, _ member: Int, _ thread: Int
    ) -> Void
  ) {
    let members = packing.members
    context.forEachShard { shard, thread in
      let first = pass.firstSample(inShard: shard) * members
      for index in 0..<pass.samples(inShard: shard) * members {
        body(first + index, index, shard, index / members, index % members, thread)
      }
    }
  }

  /// Fills a group of the critic's input.
  ///
  /// - Parameters:
  ///   - group: The group.
  ///   - pass: The critic's.
  ///   - write: Overwrites a sample; called with its number in the global batch, its place in the
  ///     shard, and the shard.
  func fill(
    group: Int, _ pass: Pass,
    _ write: (_ sample: Int, _ index: Int, _ shard: Int, _ output: MutableFloatBuffer) -> Void
  ) {
    forEachMember(pass) { sample, index, shard, pack, member, thread in
      let target = critic.input.sample(pack, group: group, pass, shard: shard)
      if packing.isContiguous {
        return write(sample, index, shard, packing.part(member, of: target))
      }
      let values = scratch(thread)
      write(sample, index, shard, values)
      packing.place(FloatBuffer(values), as: member, in: target)
    }
  }

  /// Fills a group of the critic's input with what a network of single samples gave.
  func fill(group: Int, _ pass: Pass, from output: Tensor) {
    let samples = samples(pass)
    fill(group: group, pass) { _, index, shard, target in
      _ = target.update(
        fromContentsOf: output.sample(index, group: 0, samples, shard: shard))
    }
  }

  /// Sends the gradient in the critic's input back to single samples.
  ///
  /// - Parameters:
  ///   - group: The group.
  ///   - pass: The critic's.
  ///   - gradient: Is overwritten: dL/dy of the network that gave the samples.
  func sendBack(group: Int, _ pass: Pass, to gradient: Tensor) {
    let samples = samples(pass)
    forEachMember(pass) { _, index, shard, pack, member, _ in
      packing.take(
        member,
        of: FloatBuffer(critic.inputGradient.sample(pack, group: group, pass, shard: shard)),
        into: gradient.sample(index, group: 0, samples, shard: shard))
    }
  }

  /// Gives the critic the conditions of the step's samples, the same in every group.
  func copyConditions(_ conditions: Conditions, _ pass: Pass) {
    guard let target = critic.conditions else { return }
    let samples = samples(pass)
    forEachMember(pass) { _, index, shard, pack, member, _ in
      for group in pass.groups {
        target.sample(pack, group: group, pass, shard: shard, member: member)
          .copy(from: conditions.sample(index, group: 0, samples, shard: shard))
      }
    }
  }

  private func scratch(_ thread: Int) -> MutableFloatBuffer {
    MutableFloatBuffer(rebasing: context.scratch(thread: thread)[..<packing.sample.elementCount])
  }
}
