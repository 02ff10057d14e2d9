import Kernels

/// y = x W^T + b as PyTorch's `Linear`: W is outputs x inputs.
///
/// Takes vectors. Not curved.
package final class Linear: Layer {
  package let kind = "linear"
  package let inputShape: Shape
  package let outputShape: Shape
  package let traits = LayerTraits()
  package let weight: Parameter
  package let bias: Parameter?
  private let context: ExecutionContext
  /// The products: those of a convolution of one pixel.
  private let plan: ConvolutionPlan
  private let packed: ConvolutionWeight

  /// - `heads`: Outputs of the layers that are computed as one, one under the other in W; each
  ///   begins as a layer of its own.
  /// - `isSpectral`: Whether W is spectrally normalized.
  package init(
    inputs: Int, heads: [Int], hasBias: Bool, isSpectral: Bool = false,
    initialization: Initialization, context: ExecutionContext
  ) {
    self.context = context
    let outputs = heads.reduce(0, +)
    inputShape = Shape(channels: inputs)
    outputShape = Shape(channels: outputs)
    weight = Parameter(
      name: isSpectral ? "weight_orig" : "weight", shape: [outputs, inputs],
      initializer: initialization.linearWeight(inputs: inputs, heads: heads),
      spectralNorm: isSpectral
        ? SpectralNorm(outputs: outputs, inputs: inputs, layout: .same) : nil)
    plan = ConvolutionPlan(matrix: .init(inputs: inputs, outputs: outputs))
    packed = ConvolutionWeight(weight, plan: plan)
    bias =
      hasBias
      ? Parameter(
        name: "bias", shape: [outputs],
        initializer: initialization.bias(.init(inputs: inputs, outputs: outputs)))
      : nil
  }

  package var parameters: [Parameter] { [weight] + (bias.map { [$0] } ?? []) }
  package var buffers: [StateBuffer] { weight.spectralNorm.map { [$0.u, $0.v] } ?? [] }
  package var operations: Int { 2 * inputShape.channels * outputShape.channels }

  /// Whether y is summed in Double: for a score, as the W distance is a small difference of large
  /// means.
  private var sumsInDouble: Bool { outputShape.channels == 1 }

  package func prepare(_ plan: MemoryPlan, in context: ExecutionContext) {
    packed.prepare(in: context)
  }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    weight.refreshEffectiveValues()
    multiply(x, into: y, pass, bias: bias?.read)
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) {
    let trained = pass.parameterGroups
    let wanted = pass.inputGroups
    let filter = packed.filter(forForward: false, context)
    context.forEachShard { shard, thread in
      let samples = pass.samples(inShard: shard)
      if !trained.isEmpty {
        self.addWeightGradient(
          input: x.read(pass, shard: shard, groups: trained),
          outputGradient: dy.read(pass, shard: shard, groups: trained), shard, thread)
        if let bias = self.bias {
          Elementwise.addColumnSums(
            dy.read(pass, shard: shard, groups: trained), rows: trained.count * samples,
            to: bias.partial(shard: shard))
        }
      }
      guard let dx, !wanted.isEmpty else { return }
      self.plan.inputGradient(
        images: wanted.count * samples,
        outputGradient: dy.read(pass, shard: shard, groups: wanted), filter: filter,
        inputGradient: dx.values(pass, shard: shard, groups: wanted),
        scratch: self.context.scratch(thread: thread))
    }
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    context.forEachShard { shard, thread in
      self.addWeightGradient(
        input: t.read(pass, shard: shard), outputGradient: dy.read(pass, shard: shard), shard,
        thread)
    }
    if let jt { multiply(t, into: jt, pass, bias: nil) }
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
    let filter = packed.filter(forForward: true, context)
    context.forEachShard { shard, thread in
      self.plan.forward(
        images: pass.groups.count * pass.samples(inShard: shard),
        input: x.read(pass, shard: shard), filter: filter, bias: bias,
        output: y.values(pass, shard: shard), scratch: self.context.scratch(thread: thread))
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
