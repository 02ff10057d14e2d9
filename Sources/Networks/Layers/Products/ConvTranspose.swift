import Base
import Kernels

/// A transposed convolution, PyTorch's `ConvTranspose1d`, `ConvTranspose2d` or
/// `ConvTranspose3d`, is the input gradient of the convolution that leads from this layer's output
/// back to its input.
///
/// Output size, in each direction: (h - 1) stride - 2 padding + kernel + outputPadding.
///
/// All passes are the convolution's with input and output exchanged; not curved.
package final class ConvTranspose: PlannedConvolution {
  package let kind: String
  package let inputShape: Shape
  package let outputShape: Shape
  package let traits = LayerTraits()
  package let weight: Parameter
  package let bias: Parameter?
  /// The convolution from y-space to x-space.
  package let plan: ConvolutionPlan
  private let filter: ConvolutionWeight
  private let initialization: Initialization.Weight?
  private let context: ExecutionContext

  /// Makes the layer whose products are those of `plan`.
  ///
  /// - Parameters:
  ///   - plan: The convolution from this layer's output to its input.
  ///   - dimensions: Directions of its images.
  ///   - hasBias: Whether a bias is added to each output channel.
  ///   - isSpectral: Whether w is spectrally normalized.
  ///   - initialization: Gives weight and bias their first values.
  ///   - context: The ranks and threads that the passes run on.
  package init(
    adjointOf plan: ConvolutionPlan, dimensions: Int = 2, hasBias: Bool, isSpectral: Bool = false,
    initialization: Initialization, context: ExecutionContext
  ) {
    kind = "convTranspose\(dimensions)d"
    self.plan = plan
    self.initialization = initialization.weight
    let geometry = plan.geometry
    self.context = context
    inputShape = geometry.outputShape(dimensions)
    outputShape = geometry.inputShape(dimensions)
    let fans = Initialization.Fans(
      inputs: inputShape.channels, outputs: outputShape.channels,
      kernelPixels: geometry.kernelPixels, stridePixels: geometry.stride.product,
      isTransposed: true)
    weight = Parameter(
      name: isSpectral ? "weight_orig" : "weight",
      shape: [inputShape.channels, outputShape.channels] + geometry.kernel.numbers(dimensions),
      layout: .innerLast(
        outer: inputShape.channels, inner: outputShape.channels, pixels: geometry.kernelPixels),
      initializer: initialization.convolutionWeight(fans),
      spectralNorm: isSpectral
        // The rows are v's, in PyTorch's order.
        ? SpectralNorm(
          outputs: outputShape.channels, inputs: inputShape.channels * geometry.kernelPixels,
          isTransposed: true, layout: .same) : nil)
    filter = ConvolutionWeight(weight, plan: plan)
    bias =
      hasBias
      ? Parameter(
        name: "bias", shape: [outputShape.channels], initializer: initialization.bias(fans))
      : nil
  }

  package var options: [LayerOption] {
    let (geometry, dimensions) = (plan.geometry, outputShape.dimensions)
    return [
      .init("channels", outputShape.channels), .kernel(geometry, dimensions),
      .stride(geometry, dimensions), .padding(geometry, dimensions),
      .outputPadding(geometry, dimensions),
      .init("bias", bias != nil, default: true),
      .init("spectralNorm", weight.spectralNorm != nil, default: false),
      .init("algorithm", plan.algorithm, default: .auto),
    ] + LayerOption.initialization(initialization)
  }
  package var parameters: [Parameter] { [weight] + (bias.map { [$0] } ?? []) }
  package var buffers: [StateBuffer] { weight.spectralNorm.map { [$0.u, $0.v] } ?? [] }
  package var operations: Int { plan.geometry.operations }

  package func prepare(_ plan: MemoryPlan, in context: ExecutionContext) {
    filter.prepare(plan, in: context)
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
    let filter = filter.filter(
      for: wanted.isEmpty || dx == nil ? nil : .forward, context)
    context.forEachShard { shard, thread in
      let samples = pass.samples(inShard: shard)
      let scratch = self.context.scratch(thread: thread)
      if !trained.isEmpty {
        let images = trained.count * samples
        let input = x.read(pass, shard: shard, groups: trained)
        let gradient = dy.read(pass, shard: shard, groups: trained)
        let (target, isFirst) = self.weight.claimPartial(shard: shard)
        if let bias = self.bias {
          Elementwise.addColumnSums(
            gradient, rows: images * self.outputShape.pixels, to: bias.partial(shard: shard))
        }
        if let dx, wanted == trained {
          self.plan.filterGradientAndForward(
            images: images, input: gradient, outputGradient: input, filter: filter,
            accumulates: !isFirst, filterGradient: target,
            output: dx.values(pass, shard: shard, groups: wanted), scratch: scratch)
          return
        }
        self.plan.filterGradient(
          images: images, input: gradient, outputGradient: input, accumulates: !isFirst,
          filterGradient: target, scratch: scratch)
      }
      if let dx, !wanted.isEmpty {
        self.plan.forward(
          images: wanted.count * samples,
          input: dy.read(pass, shard: shard, groups: wanted),
          filter: filter, bias: nil,
          output: dx.values(pass, shard: shard, groups: wanted), scratch: scratch)
      }
    }
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    let filter = filter.filter(for: .inputGradient, context)
    context.forEachShard { shard, thread in
      let images = pass.groups.count * pass.samples(inShard: shard)
      let (input, gradient) = (dy.read(pass, shard: shard), t.read(pass, shard: shard))
      let (target, isFirst) = self.weight.claimPartial(shard: shard)
      let scratch = self.context.scratch(thread: thread)
      if let jt {
        self.plan.gradients(
          images: images, input: input, outputGradient: gradient, filter: filter,
          accumulates: !isFirst, filterGradient: target,
          inputGradient: jt.values(pass, shard: shard), scratch: scratch)
      } else {
        self.plan.filterGradient(
          images: images, input: input, outputGradient: gradient, accumulates: !isFirst,
          filterGradient: target, scratch: scratch)
      }
    }
  }

  private func multiply(_ x: Tensor, into y: Tensor, _ pass: Pass, bias: FloatBuffer?) {
    let filter = filter.filter(for: .inputGradient, context)
    context.forEachShard { shard, thread in
      let images = pass.groups.count * pass.samples(inShard: shard)
      let output = y.values(pass, shard: shard)
      self.plan.inputGradient(
        images: images, outputGradient: x.read(pass, shard: shard),
        filter: filter, inputGradient: output,
        scratch: self.context.scratch(thread: thread))
      if let bias { Elementwise.addToRows(bias, of: output) }
    }
  }
}
