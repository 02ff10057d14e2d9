import Base
import Kernels
import Networks

/// How the samples of a step come into the critic's input, and the gradient there back to them.
///
/// A pass of the critic covers packs of samples, one of the generator samples: `packs` and
/// `samples` make one of the other.
struct CriticInput {
  private let packing: Packing
  private let augmentation: DifferentiableAugmentation?
  private let critic: Network
  private let context: ExecutionContext

  init(_ model: Model) {
    packing = model.packing
    augmentation = model.augmentation
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

  /// Whose augmentation is drawn: of the reals or fakes of a forward pass of the run.
  enum Side: Int {
    case reals, fakes
  }

  /// What a step draws for one side: a function of (seed, step, side, sample).
  private func draw(_ sample: Int, _ side: Side, _ pass: PassDraw) -> (
    DifferentiableAugmentation, DifferentiableAugmentation.Draw
  )? {
    guard let augmentation else { return nil }
    let stream = RandomStream(seed: pass.seed, purpose: .criticAugmentation, step: pass.number)
    return (augmentation, augmentation.draw(stream, sample: 2 * sample + side.rawValue))
  }

  /// Fills a group of the critic's input.
  ///
  /// - Parameters:
  ///   - group: The group.
  ///   - pass: The critic's.
  ///   - augmented: Whose augmentation the samples get, and in which step; nil for none.
  ///   - write: Overwrites a sample; called with its number in the global batch, its place in the
  ///     shard, and the shard.
  func fill(
    group: Int, _ pass: Pass, augmented: (side: Side, draw: PassDraw)? = nil,
    _ write: (_ sample: Int, _ index: Int, _ shard: Int, _ output: MutableFloatBuffer) -> Void
  ) {
    forEachMember(pass) { sample, index, shard, pack, member, thread in
      let target = critic.input.sample(pack, group: group, pass, shard: shard)
      let values = packing.isContiguous ? packing.part(member, of: target) : scratch(thread)
      write(sample, index, shard, values)
      if let augmented, let (augmentation, drawn) = draw(sample, augmented.side, augmented.draw) {
        augmentation.apply(drawn, to: values)
      }
      if !packing.isContiguous { packing.place(FloatBuffer(values), as: member, in: target) }
    }
  }

  /// Fills a group of the critic's input with the fakes that a network gave.
  ///
  /// - Parameters:
  ///   - group: The group.
  ///   - pass: The critic's.
  ///   - output: Of the generator.
  ///   - draw: Of the step.
  func fill(group: Int, _ pass: Pass, from output: Tensor, _ draw: PassDraw) {
    let samples = samples(pass)
    fill(group: group, pass, augmented: (.fakes, draw)) { _, index, shard, target in
      _ = target.update(
        fromContentsOf: output.sample(index, group: 0, samples, shard: shard))
    }
  }

  /// Sends the gradient in the critic's input back to the fakes, as `fill` has brought them there.
  ///
  /// - Parameters:
  ///   - group: The group.
  ///   - pass: The critic's.
  ///   - gradient: Is overwritten: dL/dy of the generator.
  ///   - draw: Of the step.
  func sendBack(group: Int, _ pass: Pass, to gradient: Tensor, _ draw: PassDraw) {
    let samples = samples(pass)
    forEachMember(pass) { sample, index, shard, pack, member, _ in
      let values = gradient.sample(index, group: 0, samples, shard: shard)
      packing.take(
        member,
        of: FloatBuffer(critic.inputGradient.sample(pack, group: group, pass, shard: shard)),
        into: values)
      if let (augmentation, drawn) = self.draw(sample, .fakes, draw) {
        augmentation.applyTransposed(drawn, to: values)
      }
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
