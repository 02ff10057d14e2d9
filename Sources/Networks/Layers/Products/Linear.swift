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
    context.reserveScratch(max(MatrixGradient.scratchCount, self.plan.scratchCount))
    context.reserveSharedScratch(
      MatrixGradient.inputCount(
        shards: context.plan.localShards, samples: plan.shardCapacity,
        inputs: inputShape.channels))
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
    let isSummed = !trained.isEmpty && sumsWeightGradient(dy, input: x, pass, groups: trained)
    if !trained.isEmpty {
      context.forEachShard { shard, thread in
        let gradient = dy.read(pass, shard: shard, groups: trained)
        if !isSummed {
          self.addWeightGradient(
            input: x.read(pass, shard: shard, groups: trained), outputGradient: gradient, shard,
            thread)
        }
        if let bias = self.bias {
          Elementwise.addColumnSums(
            gradient, rows: trained.count * pass.samples(inShard: shard),
            to: bias.partial(shard: shard))
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
      sumWeightGradient(dy, (x, groups), (t, pass.groups), pass)
    } else {
      context.forEachShard { shard, thread in
        self.addWeightGradient(
          input: t.read(pass, shard: shard), outputGradient: dy.read(pass, shard: shard), shard,
          thread)
      }
    }
    if let jt { multiply(t, into: jt, pass, bias: nil) }
  }

  /// Makes dW of all shards of this rank if no other pass adds to it, or leaves it to the
  /// second-order pass if that does.
  ///
  /// Returns whether it was so.
  private func sumsWeightGradient(
    _ dy: Tensor, input x: Tensor, _ pass: Pass, groups: Range<Int>
  ) -> Bool {
    let shards = context.plan.localShards
    let samples = pass.samples(inShard: 0)
    let isEven = (1..<shards).allSatisfy { pass.samples(inShard: $0) == samples }
    let last = pass.lastContribution
    guard last == .backward || last == .doubleBackward, shards > 1, isEven,
      MatrixGradient.serves(shards: shards, samples: (groups.count * samples, samples))
    else { return false }
    if last == .doubleBackward {
      precondition(deferredGroups == nil, "a second backward pass before the second-order pass")
      weight.deferContribution()
      deferredGroups = groups
    } else {
      sumWeightGradient(dy, (x, groups), nil, pass)
    }
    return true
  }

  /// dW = the sum over this rank's shards of dy^T x, plus dy^T t in the second-order pass.
  private func sumWeightGradient(
    _ dy: Tensor, _ first: (x: Tensor, groups: Range<Int>),
    _ second: (t: Tensor, groups: Range<Int>)?,
    _ pass: Pass
  ) {
    let target = weight.claimLocalSum()
    let shards = context.plan.localShards
    let (inputs, outputs) = (inputShape.channels, outputShape.channels)
    let (firstGroups, secondGroups) = (first.groups, second?.groups ?? 0..<0)
    let count = pass.samples(inShard: 0)
    let samples = (first: firstGroups.count * count, second: secondGroups.count * count)
    let packed = context.claimSharedScratch(for: self).values
    context.forEachShard { shard, _ in
      MatrixGradient.pack(
        first.x.read(pass, shard: shard, groups: firstGroups), shard: shard, of: shards,
        samples: samples, inputs: inputs, into: packed)
      guard let second else { return }
      MatrixGradient.pack(
        second.t.read(pass, shard: shard, groups: secondGroups), isSecond: true, shard: shard,
        of: shards, samples: samples, inputs: inputs, into: packed)
    }
    let threads = context.pool.threads
    context.pool.forEach(threads) { part, thread in
      MatrixGradient.sum(
        shards: shards, samples: samples, outputs: outputs, inputs: inputs,
        packed: FloatBuffer(packed),
        { dy.read(pass, shard: $0, groups: $1 ? secondGroups : firstGroups) }, into: target,
        part: part, of: threads, scratch: self.context.scratch(thread: thread))
    }
  }

  /// dW += dy^T x.
  private func addWeightGradient(
    input x: FloatBuffer, outputGradient dy: FloatBuffer, _ shard: Int, _ thread: Int
  ) {
    let (target, isFirst) = weight.claimPartial(shard: shard)
    plan.filterGradient(
      images: x.count / inputShape.channels, input: x, outputGradient: dy, accumulates: !isFirst,
      filterGradient: target, scratch: context.scratch(thread: thread))
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
