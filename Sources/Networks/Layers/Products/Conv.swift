import Base
import Kernels

/// y = w * x + b: a convolution as PyTorch's `Conv1d`, `Conv2d` and `Conv3d` (a cross-correlation).
///
/// Second order: J t = w * t without the bias, and d/dw of <dL/dx, t> is the filter gradient with t
/// in x's place. Not curved: the Jacobian is w's, whatever x is.
package final class Conv: PlannedConvolution {
  package let kind: String
  package let inputShape: Shape
  package let outputShape: Shape
  package let traits = LayerTraits()
  package let weight: Parameter
  package let bias: Parameter?
  package let plan: ConvolutionPlan
  private var geometry: ConvolutionGeometry { plan.geometry }
  private let filter: ConvolutionWeight
  private let initialization: Initialization.Weight?
  /// The groups whose contribution to dw and db was left to the pass of the shares.
  private var deferredGroups: Range<Int>?
  private let context: ExecutionContext

  /// Makes the layer for a plan's geometry.
  ///
  /// - Parameters:
  ///   - plan: The convolution.
  ///   - dimensions: Directions of its images.
  ///   - hasBias: Whether a bias is added to each output channel.
  ///   - isSpectral: Whether w is spectrally normalized.
  ///   - initialization: Gives weight and bias their first values.
  ///   - context: The ranks and threads that the passes run on.
  package init(
    _ plan: ConvolutionPlan, dimensions: Int = 2, hasBias: Bool, isSpectral: Bool = false,
    initialization: Initialization, context: ExecutionContext
  ) {
    kind = "conv\(dimensions)d"
    self.plan = plan
    self.initialization = initialization.weight
    let geometry = plan.geometry
    self.context = context
    inputShape = geometry.inputShape(dimensions)
    outputShape = geometry.outputShape(dimensions)
    let fans = Initialization.Fans(
      inputs: geometry.inputChannels, outputs: geometry.outputChannels,
      kernelPixels: geometry.kernelPixels, stridePixels: geometry.stride.product)
    weight = Parameter(
      name: isSpectral ? "weight_orig" : "weight",
      shape: [geometry.outputChannels, geometry.inputChannels]
        + geometry.kernel.numbers(dimensions),
      layout: .innerLast(
        outer: geometry.outputChannels, inner: geometry.inputChannels,
        pixels: geometry.kernelPixels),
      initializer: initialization.convolutionWeight(fans),
      spectralNorm: isSpectral
        ? SpectralNorm(
          outputs: geometry.outputChannels, inputs: geometry.patchCount,
          layout: .innerLast(
            outer: 1, inner: geometry.inputChannels, pixels: geometry.kernelPixels)) : nil)
    filter = ConvolutionWeight(weight, plan: plan)
    bias =
      hasBias
      ? Parameter(
        name: "bias", shape: [geometry.outputChannels],
        initializer: initialization.bias(fans)) : nil
  }

  package var options: [LayerOption] {
    [
      .init("channels", outputShape.channels), .kernel(geometry, outputShape.dimensions),
      .stride(geometry, outputShape.dimensions), .padding(geometry, outputShape.dimensions),
      .init("bias", bias != nil, default: true),
      .init("spectralNorm", weight.spectralNorm != nil, default: false),
      .init("algorithm", plan.algorithm, default: .auto),
    ] + LayerOption.initialization(initialization)
  }
  package var parameters: [Parameter] { [weight] + (bias.map { [$0] } ?? []) }
  package var buffers: [StateBuffer] { weight.spectralNorm.map { [$0.u, $0.v] } ?? [] }
  package var operations: Int { geometry.operations }

  package func prepare(_ plan: MemoryPlan, in context: ExecutionContext) {
    filter.prepare(plan, in: context)
  }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    weight.refreshEffectiveValues()
    let products = products(for: .forward)
    context.forEachShard { shard, thread in
      products.forward(x.values(pass, shard: shard), into: y.values(pass, shard: shard), thread)
    }
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) {
    let trained = trainedGroups(pass)
    let wanted = dx == nil ? 0..<0 : pass.inputGroups
    let products = products(for: wanted.isEmpty ? nil : .inputGradient)
    context.forEachShard { shard, thread in
      let dx = wanted.isEmpty ? nil : dx?.values(pass, shard: shard, groups: wanted)
      let isTogether = dx != nil && wanted == trained
      if !trained.isEmpty {
        products.addGradients(
          input: x.values(pass, shard: shard, groups: trained),
          outputGradient: dy.values(pass, shard: shard, groups: trained),
          andInputGradient: isTogether ? dx : nil, shard, thread)
      }
      if let dx, !isTogether {
        products.inputGradient(dy.values(pass, shard: shard, groups: wanted), into: dx, thread)
      }
    }
  }

  /// The groups whose samples add to the parameters' gradients now: none if shares will follow,
  /// with them those of the pass before too, and otherwise the pass's.
  ///
  /// A transformed filter gradient is summed over all samples of a shard, then transformed back
  /// once.
  private func trainedGroups(_ pass: Pass) -> Range<Int> {
    if let deferred = deferredGroups {
      precondition(
        pass.lastContribution == nil && pass.parameterGroups == pass.groups
          && deferred.upperBound == pass.groups.lowerBound,
        "gradients of groups \(pass.parameterGroups) after groups \(deferred), "
          + "whose shares were to follow")
      weight.claimDeferred()
      deferredGroups = nil
      return deferred.lowerBound..<pass.groups.upperBound
    }
    guard pass.lastContribution == .backwardShares, plan.transformsGradient,
      !pass.parameterGroups.isEmpty
    else {
      return pass.parameterGroups
    }
    weight.deferContribution()
    deferredGroups = pass.parameterGroups
    return 0..<0
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    let products = products(for: jt == nil ? nil : .forward)
    context.forEachShard { shard, thread in
      products.addFilterGradient(
        input: t.values(pass, shard: shard), outputGradient: dy.values(pass, shard: shard),
        andForwardInto: jt?.values(pass, shard: shard), shard, thread)
    }
  }

  /// The layer's products on some images of a shard, with the filter as it is now.
  ///
  /// Call it before a pass divides into shards.
  ///
  /// - Parameter kind: The product besides the filter gradient that will be asked for; nil for
  ///   none.
  /// - Returns: The layer's products, which all threads may use.
  func products(for kind: ConvolutionWeight.Product?) -> Products {
    Products(layer: self, filter: filter.filter(for: kind, context))
  }

  /// See `products(for:)`; images are as many as the buffers hold.
  struct Products {
    fileprivate let layer: Conv
    fileprivate let filter: ConvolutionFilter

    private func images(_ input: MutableFloatBuffer) -> Int {
      input.count / layer.geometry.inputCount
    }

    /// y = w * x + b.
    func forward(_ x: MutableFloatBuffer, into y: MutableFloatBuffer, _ thread: Int) {
      layer.plan.forward(
        images: images(x), input: FloatBuffer(x), filter: filter, bias: layer.bias?.values,
        output: y, scratch: layer.context.scratch(thread: thread))
    }

    /// dx.
    func inputGradient(_ dy: MutableFloatBuffer, into dx: MutableFloatBuffer, _ thread: Int) {
      layer.plan.inputGradient(
        images: images(dx), outputGradient: FloatBuffer(dy), filter: filter, inputGradient: dx,
        scratch: layer.context.scratch(thread: thread))
    }

    /// Adds dw and db to the shard's; also gives dx where it is asked for.
    func addGradients(
      input x: MutableFloatBuffer, outputGradient dy: MutableFloatBuffer,
      andInputGradient dx: MutableFloatBuffer? = nil, _ shard: Int, _ thread: Int
    ) {
      if let bias = layer.bias {
        Elementwise.addColumnSums(
          FloatBuffer(dy), rows: images(x) * layer.geometry.outputPixels,
          to: bias.partial(shard: shard))
      }
      guard let dx else {
        addFilterGradient(input: x, outputGradient: dy, andForwardInto: nil, shard, thread)
        return
      }
      let (target, isFirst) = layer.weight.claimPartial(shard: shard)
      layer.plan.gradients(
        images: images(x), input: FloatBuffer(x), outputGradient: FloatBuffer(dy), filter: filter,
        accumulates: !isFirst, filterGradient: target, inputGradient: dx,
        scratch: layer.context.scratch(thread: thread))
    }

    /// Adds dw to the shard's; also gives w * x without the bias where it is asked for.
    func addFilterGradient(
      input x: MutableFloatBuffer, outputGradient dy: MutableFloatBuffer,
      andForwardInto y: MutableFloatBuffer?, _ shard: Int, _ thread: Int
    ) {
      let (target, isFirst) = layer.weight.claimPartial(shard: shard)
      let scratch = layer.context.scratch(thread: thread)
      if let y {
        layer.plan.filterGradientAndForward(
          images: images(x), input: FloatBuffer(x), outputGradient: FloatBuffer(dy),
          filter: filter, accumulates: !isFirst, filterGradient: target, output: y,
          scratch: scratch)
      } else {
        layer.plan.filterGradient(
          images: images(x), input: FloatBuffer(x), outputGradient: FloatBuffer(dy),
          accumulates: !isFirst, filterGradient: target, scratch: scratch)
      }
    }
  }
}
