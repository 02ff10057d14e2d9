import Base
import Kernels

/// y = x W^T + b as PyTorch's `Linear`: W is outputs x inputs.
///
/// Takes vectors. Not curved.
package final class Linear: Layer {
  package let kind = "linear"
  package let inputShape: Shape
  package let outputShape: Shape
  package let traits = LayerTraits(isAffine: true)
  package let weight: Parameter
  package let bias: Parameter?
  /// Outputs of the layers that are computed as one.
  private let heads: [Int]
  private let initialization: Initialization.Weight?
  private let context: ExecutionContext
  /// The products: those of a convolution of one pixel.
  private let plan: ConvolutionPlan
  private let factors: LinearFactors
  /// The groups whose contribution to dW was left to the second-order pass.
  private var deferredGroups: Range<Int>?
  private var secondOrderGroup: Int?

  /// Plans the products, and describes weight and bias.
  ///
  /// - Parameters:
  ///   - inputs: Number of values of a sample.
  ///   - heads: Outputs of the layers that are computed as one, one under the other in W; each
  ///     begins as a layer of its own.
  ///   - hasBias: Whether b is there.
  ///   - isSpectral: Whether W is spectrally normalized.
  ///   - initialization: Gives W and b their first values.
  ///   - context: The ranks and threads that the passes run on.
  package init(
    inputs: Int, heads: [Int], hasBias: Bool, isSpectral: Bool = false,
    initialization: Initialization, context: ExecutionContext
  ) {
    self.context = context
    self.heads = heads
    self.initialization = initialization.weight
    let outputs = heads.reduce(0, +)
    inputShape = Shape(channels: inputs)
    outputShape = Shape(channels: outputs)
    weight = Parameter(
      name: isSpectral ? "weight_orig" : "weight", shape: [outputs, inputs],
      initializer: initialization.linearWeight(inputs: inputs, heads: heads),
      spectralNorm: isSpectral
        ? SpectralNorm(outputs: outputs, inputs: inputs, layout: .same) : nil)
    plan = ConvolutionPlan(matrix: .init(inputs: inputs, outputs: outputs))
    factors = LinearFactors(weight, inputs: inputs, outputs: outputs)
    bias =
      hasBias
      ? Parameter(
        name: "bias", shape: [outputs],
        initializer: initialization.bias(.init(inputs: inputs, outputs: outputs)))
      : nil
  }

  package var algorithm: String? { "gemm" }
  package var options: [LayerOption] {
    [
      heads.count == 1 ? .init("outputs", heads[0]) : .init("heads", .integers(heads)),
      .init("bias", bias != nil, default: true),
      .init("spectralNorm", weight.spectralNorm != nil, default: false),
    ] + LayerOption.initialization(initialization)
  }
  package var parameters: [Parameter] { [weight] + (bias.map { [$0] } ?? []) }
  package var buffers: [StateBuffer] { weight.spectralNorm.map { [$0.u, $0.v] } ?? [] }
  package var operations: Int { 2 * inputShape.channels * outputShape.channels }

  /// Whether y is summed in Double: for a score, as the W distance is a small difference of large
  /// means.
  private var sumsInDouble: Bool { outputShape.channels == 1 }

  package func prepare(_ plan: MemoryPlan, in context: ExecutionContext) {
    if plan.isForwardOnly {
      // The factors outlive a pass, what networks of forward passes have in `valueMemory` does not.
      let own = SharedMemory()
      factors.prepare(in: own, isForwardOnly: true)
      own.allocate()
      context.reserveScratch(self.plan.scratchCount)
      return
    }
    factors.prepare(in: context.valueMemory)
    let gradient = MatrixGradient.scratchCount(
      shards: context.plan.localShards,
      samples: min(plan.shardCapacity, MatrixGradient.mostSamples))
    context.reserveScratch(max(gradient, self.plan.scratchCount))
    secondOrderGroup = plan.secondOrderGroup
  }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    weight.refreshEffectiveValues()
    multiply(x, into: y, pass, bias: bias?.values)
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) {
    let trained = pass.parameterGroups
    let wanted = pass.inputGroups
    if !trained.isEmpty {
      addWeightGradient(dy, input: x, pass, groups: trained)
      if let bias {
        context.forEachShard { shard, _ in
          Elementwise.addColumnSums(
            dy.read(pass, shard: shard, groups: trained),
            rows: trained.count * pass.samples(inShard: shard), to: bias.partial(shard: shard))
        }
      }
    }
    guard let dx, !wanted.isEmpty else { return }
    let weight = factors.weight(context)
    forEachThread { shards in
      MatrixProduct.multiply(
        shards: shards, columns: self.inputShape.channels, inner: self.outputShape.channels,
        { dy.read(pass, shard: $0, groups: wanted) }, factor: weight, offset: nil,
        into: { dx.values(pass, shard: $0, groups: wanted) })
    }
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    if let groups = deferredGroups {
      deferredGroups = nil
      weight.claimDeferred()
      sumWeightGradient(dy, (x, groups), direction: t, pass)
    } else {
      addWeightGradient(dy, input: t, shardwise: pass, groups: pass.groups)
    }
    if let jt { multiply(t, into: jt, pass, bias: nil) }
  }

  /// Makes dW of the groups, or leaves it to the second-order pass where that adds to it.
  ///
  /// Which of the ways it takes does not depend on how many shards this rank has: their bits
  /// differ.
  private func addWeightGradient(
    _ dy: Tensor, input x: Tensor, _ pass: Pass, groups: Range<Int>
  ) {
    switch pass.lastContribution {
    case .backward where MatrixGradient.serves(samples: groups.count * pass.samplesOfLargestShard):
      sumWeightGradient(dy, (x, groups), direction: nil, pass)
    case .doubleBackward
    where groups.upperBound == secondOrderGroup
      && MatrixGradient.serves(samples: (groups.count + 1) * pass.samplesOfLargestShard):
      precondition(deferredGroups == nil, "a second backward pass before the second-order pass")
      weight.deferContribution()
      deferredGroups = groups
    default:
      addWeightGradient(dy, input: x, shardwise: pass, groups: groups)
    }
  }

  /// dW = the sum over this rank's shards of dy^T x, or of dy^T x with the second-order group's
  /// dy^T t behind it in the same chain.
  ///
  /// Where the shards' sum cannot be made at once, each shard's dW is made, with the same bits.
  private func sumWeightGradient(
    _ dy: Tensor, _ first: (x: Tensor, groups: Range<Int>), direction t: Tensor?, _ pass: Pass
  ) {
    let shards = context.plan.localShards
    let groups = first.groups.lowerBound..<(t == nil ? first.groups : pass.groups).upperBound
    let samples = pass.samples(inShard: 0)
    guard MatrixGradient.sums(shards: shards),
      (1..<shards).allSatisfy({ pass.samples(inShard: $0) == samples })
    else {
      context.forEachShard { shard, thread in
        let (target, isFirst) = self.weight.claimPartial(shard: shard)
        precondition(isFirst, "a second contribution to a gradient")
        self.sum(
          dy, first, t, groups, pass, shards: shard..<shard + 1, into: target, part: 0, of: 1,
          thread)
      }
      return
    }
    let target = weight.claimLocalSum()
    let threads = context.pool.threads
    context.pool.forEach(threads) { part, thread in
      self.sum(
        dy, first, t, groups, pass, shards: 0..<shards, into: target, part: part, of: threads,
        thread)
    }
  }

  /// A thread's part of the sum over some shards of equal size.
  private func sum(
    _ dy: Tensor, _ first: (x: Tensor, groups: Range<Int>), _ t: Tensor?, _ groups: Range<Int>,
    _ pass: Pass, shards: Range<Int>, into target: MutableFloatBuffer, part: Int, of parts: Int,
    _ thread: Int
  ) {
    MatrixGradient.sum(
      shards: shards.count, samples: groups.count * pass.samples(inShard: shards.lowerBound),
      outputs: outputShape.channels, inputs: inputShape.channels,
      {
        let shard = shards.lowerBound + $0
        return .init(
          first.x.read(pass, shard: shard, groups: first.groups), t?.read(pass, shard: shard),
          gradient: dy.read(pass, shard: shard, groups: groups))
      }, into: target, part: part, of: parts, scratch: context.scratch(thread: thread))
  }

  /// dW += dy^T x, shard by shard.
  private func addWeightGradient(
    _ dy: Tensor, input x: Tensor, shardwise pass: Pass, groups: Range<Int>
  ) {
    context.forEachShard { shard, thread in
      let x = x.read(pass, shard: shard, groups: groups)
      let (target, isFirst) = self.weight.claimPartial(shard: shard)
      self.plan.filterGradient(
        images: x.count / self.inputShape.channels, input: x,
        outputGradient: dy.read(pass, shard: shard, groups: groups), accumulates: !isFirst,
        filterGradient: target, scratch: self.context.scratch(thread: thread))
    }
  }

  private func multiply(_ x: Tensor, into y: Tensor, _ pass: Pass, bias: FloatBuffer?) {
    if sumsInDouble {
      multiplyInDouble(x, into: y, pass, bias: bias)
      return
    }
    let transposed = factors.transposedWeight(context)
    forEachThread { shards in
      MatrixProduct.multiply(
        shards: shards, columns: self.outputShape.channels, inner: self.inputShape.channels,
        { x.read(pass, shard: $0) }, factor: transposed, offset: bias,
        into: { y.values(pass, shard: $0) })
    }
  }

  /// Calls `body` on every thread with its shards.
  private func forEachThread(_ body: (_ shards: Range<Int>) -> Void) {
    let (shards, threads) = (context.plan.localShards, context.pool.threads)
    context.pool.forEach(threads) { part, _ in
      body(part * shards / threads..<(part + 1) * shards / threads)
    }
  }

  private func multiplyInDouble(_ x: Tensor, into y: Tensor, _ pass: Pass, bias: FloatBuffer?) {
    let (inputs, outputs) = (inputShape.channels, outputShape.channels)
    context.forEachShard { shard, _ in
      let (x, y) = (x.read(pass, shard: shard), y.values(pass, shard: shard))
      for sample in 0..<pass.groups.count * pass.samples(inShard: shard) {
        MatrixVector.multiply(
          self.weight.effectiveValues, rows: outputs, columns: inputs,
          FloatBuffer(rebasing: x[sample * inputs..<(sample + 1) * inputs]), adding: bias,
          into: MutableFloatBuffer(rebasing: y[sample * outputs..<(sample + 1) * outputs]))
      }
    }
  }
}
