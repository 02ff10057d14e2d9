import Base
import Kernels

/// y = [branch 0(x), branch 1(x), and on] along the channels.
///
/// As the blocks of Inception, Szegedy and others 2015, arXiv:1409.4842.
/// dx = the sum of the branches' dx, each from its channels of dy; J t has the branches' J t side
/// by side.
package final class Concat: CompositeLayer {
  package let kind = "concat"
  package let inputShape: Shape
  package let outputShape: Shape
  private let branches: [Sequential]
  private let context: ExecutionContext
  private var memory: Memory?

  /// What `prepare` makes.
  private struct Memory {
    /// A branch's.
    struct Tensors {
      let columns: Range<Int>
      let output: Tensor
      /// dL/d output, or what of it is left for `doubleBackward`.
      let gradient: Tensor
      let direction: Tensor?
    }

    let branches: [Tensors]
    /// The input gradient of a branch behind the first.
    let inputGradient: Tensor
  }

  /// - Throws: `Fault` where the branches do not give as many pixels.
  package init(_ branches: [Sequential], context: ExecutionContext) throws {
    precondition(!branches.isEmpty, "concat without branches")
    self.branches = branches
    self.context = context
    inputShape = branches[0].inputShape
    var shape = branches[0].outputShape
    for (index, branch) in branches.enumerated().dropFirst() {
      let other = branch.outputShape
      guard other.extents == shape.extents else {
        throw Fault(
          "concat: branch 0 gives \(branches[0].outputShape), but branch \(index) gives \(other): "
            + "expected as many pixels")
      }
      shape.channels += other.channels
    }
    outputShape = shape
  }

  package var children: [(path: String, layer: any Layer)] { branches.map { ("", $0) } }

  package var traits: LayerTraits {
    let traits = branches.map(\.traits)
    return LayerTraits(
      isCurved: traits.contains(where: \.isCurved),
      couplesSamples: traits.contains(where: \.couplesSamples),
      needsConditions: traits.contains(where: \.needsConditions),
      givesProbabilities: traits.allSatisfy(\.givesProbabilities))
  }

  package func prepare(_ plan: MemoryPlan, in context: ExecutionContext) throws {
    let none = Shape(channels: 0)
    func tensor(_ shape: Shape, in shared: SharedMemory) -> Tensor {
      Tensor(
        shape: shape, shards: context.plan.localShards, shardCapacity: plan.shardCapacity,
        in: shared)
    }
    // Where only forward passes follow, a branch's output lives until it is in y.
    let outputs = context.valueMemory.reserve(for: branches, overlapping: plan.isForwardOnly) {
      tensor($0.outputShape, in: context.valueMemory)
    }
    var first = 0
    var tensors: [Memory.Tensors] = []
    for (branch, output) in zip(branches, outputs) {
      let shape = branch.outputShape
      tensors.append(
        .init(
          columns: first..<first + shape.channels, output: output,
          gradient: tensor(plan.isForwardOnly ? none : shape, in: context.gradientMemory),
          direction: plan.secondOrderGroup.map {
            Tensor(
              shape: shape, shards: context.plan.localShards, shardCapacity: plan.groupCapacity,
              firstGroup: $0, in: context.valueMemory)
          }))
      first += shape.channels
    }
    memory = Memory(
      branches: tensors,
      inputGradient: tensor(
        plan.isForwardOnly || branches.count == 1 ? none : inputShape, in: context.gradientMemory))
    for branch in branches {
      try context.valueMemory.overlapping(plan.isForwardOnly) {
        try branch.prepare(plan, in: context)
      }
    }
  }

  private var prepared: Memory {
    guard let memory else { preconditionFailure("concat is used before it is prepared") }
    return memory
  }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) throws {
    for (branch, own) in zip(branches, prepared.branches) {
      try branch.forward(x, into: own.output, pass)
      place(own.output, own.columns, in: y, pass)
    }
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) throws {
    let memory = prepared
    for (index, branch) in branches.enumerated() {
      let own = memory.branches[index]
      take(own.columns, of: dy, into: own.gradient, pass)
      let target = dx == nil || index == 0 ? dx : memory.inputGradient
      try branch.backward(own.gradient, input: x, output: own.output, into: target, pass)
      if let dx, index > 0 {
        context.add(memory.inputGradient, groups: pass.inputGroups, to: dx, pass)
      }
    }
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) throws {
    for (branch, own) in zip(branches, prepared.branches) {
      let wanted = jt == nil ? nil : own.direction
      try branch.doubleBackward(
        t, outputGradient: own.gradient, input: x, output: own.output, into: wanted, share: nil,
        pass)
      if let jt, let wanted { place(wanted, own.columns, in: jt, pass) }
    }
  }

  package func backwardShares(
    arriving: Tensor?, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) throws -> Bool {
    let memory = prepared
    var hasShare = false
    for (branch, own) in zip(branches, memory.branches) {
      if let arriving { take(own.columns, of: arriving, into: own.gradient, pass) }
      let target = dx == nil || !hasShare ? dx : memory.inputGradient
      let isThere = try branch.backwardShares(
        arriving: arriving == nil ? nil : own.gradient, input: x, output: own.output, into: target,
        pass)
      guard let dx, isThere else { continue }
      if hasShare { context.add(memory.inputGradient, to: dx, pass) }
      hasShare = true
    }
    return hasShare
  }

  /// Writes a branch's values to its channels of the whole.
  private func place(_ part: Tensor, _ columns: Range<Int>, in whole: Tensor, _ pass: Pass) {
    context.forEachShard { shard, _ in
      Rearrangement.place(
        part.read(pass, shard: shard), inColumns: columns, of: whole.values(pass, shard: shard),
        width: self.outputShape.channels)
    }
  }

  private func take(_ columns: Range<Int>, of whole: Tensor, into part: Tensor, _ pass: Pass) {
    context.forEachShard { shard, _ in
      Rearrangement.take(
        columns: columns, of: whole.read(pass, shard: shard), width: self.outputShape.channels,
        into: part.values(pass, shard: shard))
    }
  }
}
