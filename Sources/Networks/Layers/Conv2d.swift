import Kernels

/// y = w * x + b: a convolution as PyTorch's `Conv2d` (a cross-correlation).
///
/// Second order: J t = w * t without the bias, and d/dw of <dL/dx, t> is the filter gradient with t
/// in x's place. Not curved: the Jacobian is w's, whatever x is.
package final class Conv2d: PlannedConvolution {
  package let kind = "conv2d"
  package let inputShape: Shape
  package let outputShape: Shape
  package let traits = LayerTraits()
  package let weight: Parameter
  package let bias: Parameter?
  package let plan: ConvolutionPlan
  private var geometry: ConvolutionGeometry { plan.geometry }
  private let filter: ConvolutionWeight
  private let context: ExecutionContext

  /// `isSpectral`: Whether w is spectrally normalized.
  package init(
    _ plan: ConvolutionPlan, hasBias: Bool, isSpectral: Bool = false,
    initialization: Initialization, context: ExecutionContext
  ) {
    self.plan = plan
    let geometry = plan.geometry
    self.context = context
    inputShape = Shape(
      channels: geometry.inputChannels, height: geometry.inputHeight, width: geometry.inputWidth)
    outputShape = Shape(
      channels: geometry.outputChannels, height: geometry.outputHeight, width: geometry.outputWidth)
    let (height, width) = (geometry.kernelHeight, geometry.kernelWidth)
    let fans = Initialization.Fans(
      inputs: geometry.inputChannels, outputs: geometry.outputChannels,
      kernelPixels: height * width, stride: geometry.stride)
    weight = Parameter(
      name: isSpectral ? "weight_orig" : "weight",
      shape: [geometry.outputChannels, geometry.inputChannels, height, width],
      layout: .innerLast(
        outer: geometry.outputChannels, inner: geometry.inputChannels, height: height, width: width),
      initializer: initialization.convolutionWeight(fans),
      spectralNorm: isSpectral
        ? SpectralNorm(
          outputs: geometry.outputChannels, inputs: geometry.patchCount,
          layout: .innerLast(
            outer: 1, inner: geometry.inputChannels, height: height, width: width)) : nil)
    filter = ConvolutionWeight(weight, plan: plan)
    bias =
      hasBias
      ? Parameter(
        name: "bias", shape: [geometry.outputChannels],
        initializer: initialization.bias(fans)) : nil
  }

  package var parameters: [Parameter] { [weight] + (bias.map { [$0] } ?? []) }
  package var buffers: [StateBuffer] { weight.spectralNorm.map { [$0.u, $0.v] } ?? [] }
  package var operations: Int { geometry.operations }

  package func prepare(_ plan: MemoryPlan, in context: ExecutionContext) {
    filter.prepare(plan, in: context)
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
    let filter = filter.filter(
      for: wanted.isEmpty || dx == nil ? nil : .inputGradient, context)
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
            gradient, rows: images * self.geometry.outputPixels, to: bias.partial(shard: shard))
        }
        if let dx, wanted == trained {
          self.plan.gradients(
            images: images, input: input, outputGradient: gradient, filter: filter,
            accumulates: !isFirst, filterGradient: target,
            inputGradient: dx.values(pass, shard: shard, groups: wanted), scratch: scratch)
          return
        }
        self.plan.filterGradient(
          images: images, input: input, outputGradient: gradient, accumulates: !isFirst,
          filterGradient: target, scratch: scratch)
      }
      if let dx, !wanted.isEmpty {
        self.plan.inputGradient(
          images: wanted.count * samples,
          outputGradient: dy.read(pass, shard: shard, groups: wanted),
          filter: filter,
          inputGradient: dx.values(pass, shard: shard, groups: wanted), scratch: scratch)
      }
    }
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    let filter = filter.filter(for: jt == nil ? nil : .forward, context)
    context.forEachShard { shard, thread in
      let images = pass.groups.count * pass.samples(inShard: shard)
      let (input, gradient) = (t.read(pass, shard: shard), dy.read(pass, shard: shard))
      let (target, isFirst) = self.weight.claimPartial(shard: shard)
      let scratch = self.context.scratch(thread: thread)
      if let jt {
        self.plan.filterGradientAndForward(
          images: images, input: input, outputGradient: gradient, filter: filter,
          accumulates: !isFirst, filterGradient: target, output: jt.values(pass, shard: shard),
          scratch: scratch)
      } else {
        self.plan.filterGradient(
          images: images, input: input, outputGradient: gradient, accumulates: !isFirst,
          filterGradient: target, scratch: scratch)
      }
    }
  }

  private func multiply(_ x: Tensor, into y: Tensor, _ pass: Pass, bias: FloatBuffer?) {
    let filter = filter.filter(for: .forward, context)
    context.forEachShard { shard, thread in
      self.plan.forward(
        images: pass.groups.count * pass.samples(inShard: shard),
        input: x.read(pass, shard: shard), filter: filter, bias: bias,
        output: y.values(pass, shard: shard), scratch: self.context.scratch(thread: thread))
    }
  }
}
