import Base
import Kernels

/// y = x + gamma o(attention of theta(x) over phi(x), of the values g(x)).
///
/// SAGAN's layer: Zhang and others 2019, arXiv:1805.08318, section 3.
/// theta and phi are 1x1 convolutions to an eighth of the channels, g to half of them, o back to
/// all, none with a bias. Keys and values are the maxima of 2x2 pixels, which the authors' code has
/// and the paper does not tell; `pool` is that side, 1 for none. gamma begins at 0.
///
/// Made of layers whose passes are known: a residual of a concat of the three branches, each
/// flattened, `AttentionMap`, o, and `Scale`. Parameters are called `gamma`, `theta.weight`,
/// `phi.weight`, `g.weight` and `o.weight`, as in Brock's PyTorch code of BigGAN.
package final class SelfAttention: CompositeLayer {
  package let kind = "selfAttention"
  package let inputShape: Shape
  package var outputShape: Shape { inputShape }
  package let isDescribedByOptions = true
  private let sum: Residual
  private let scale: Scale
  private let convolutions: [(path: String, layer: Conv)]
  private let pool: Int
  private let initialization: Initialization.Weight?

  /// Makes the layer.
  ///
  /// - Parameters:
  ///   - inputShape: At least 8 channels, and `pool` pixels in each direction.
  ///   - pool: The side of the blocks whose maxima are keys and values; 1 for every pixel.
  ///   - isSpectral: Whether the convolutions' weights are spectrally normalized.
  ///   - initialization: Gives them their first values.
  ///   - context: The ranks and threads that the passes run on.
  /// - Throws: `Fault` where the input is too small.
  package init(
    inputShape: Shape, pool: Int = 2, isSpectral: Bool = false, initialization: Initialization,
    context: ExecutionContext
  ) throws {
    let (channels, dimensions) = (inputShape.channels, inputShape.dimensions)
    guard channels >= 8 else {
      throw Fault("expected at least 8 channels, found \(inputShape)")
    }
    let block = Extents(Array(repeating: pool, count: dimensions), other: 1)
    let none = Extents(depth: 0, height: 0, width: 0)
    guard
      let windows = ConvolutionGeometry(
        inputShape, channels: channels, kernel: block, stride: block,
        padding: Padding.Sides(before: none, after: none))
    else {
      throw Fault(
        "keys of \(block.text(dimensions)) pixels do not fit its input \(inputShape)")
    }
    func convolution(_ inputs: Int, _ outputs: Int) -> Conv {
      let plan = ConvolutionPlan(pointwise: inputShape.extents, inputs: inputs, outputs: outputs)
      return Conv(
        plan, dimensions: dimensions, hasBias: false, isSpectral: isSpectral,
        initialization: initialization, context: context)
    }
    func branch(_ layer: Conv, isPooled: Bool) -> Sequential {
      var layers: [any Layer] = [layer]
      if isPooled, pool > 1 {
        var windows = windows
        windows.inputChannels = layer.outputShape.channels
        windows.outputChannels = layer.outputShape.channels
        layers.append(MaxPool(windows, dimensions: dimensions, context: context))
      }
      let shape = layers[layers.count - 1].outputShape
      layers.append(
        FixedMap(
          Reshape(
            kind: "flatten", inputShape: shape, outputShape: Shape(channels: shape.elementCount)),
          context: context))
      return Sequential(
        "branch",
        layers.enumerated().map { .init(path: "\($0)", name: nil, layer: $1) })
    }
    let (theta, phi) = (convolution(channels, channels / 8), convolution(channels, channels / 8))
    let (g, o) = (convolution(channels, channels / 2), convolution(channels / 2, channels))
    let map = AttentionMap(
      Attention(
        queries: inputShape.pixels, keys: windows.outputPixels, keyChannels: channels / 8,
        valueChannels: channels / 2), on: inputShape, context: context)
    let scale = Scale(inputShape: inputShape, context: context)
    let concat = try Concat(
      [
        branch(theta, isPooled: false), branch(phi, isPooled: true), branch(g, isPooled: true),
      ], context: context)
    sum = try Residual(
      main: [concat, map, o, scale], shortcut: [], inputShape: inputShape, context: context)
    self.inputShape = inputShape
    self.scale = scale
    self.pool = pool
    self.initialization = initialization.weight
    convolutions = [("theta", theta), ("phi", phi), ("g", g), ("o", o)]
  }

  package var options: [LayerOption] {
    [
      .init("pool", pool, default: 2),
      .init("spectralNorm", convolutions[0].layer.weight.spectralNorm != nil, default: false),
    ] + LayerOption.initialization(initialization)
  }
  package var traits: LayerTraits { sum.traits }
  package var operations: Int { sum.operations }
  package var children: [(path: String, layer: any Layer)] {
    [("", scale)] + convolutions.map { ($0.path, $0.layer) }
  }

  package func prepare(_ plan: MemoryPlan, in context: ExecutionContext) throws {
    try sum.prepare(plan, in: context)
  }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) throws {
    try sum.forward(x, into: y, pass)
  }

  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) throws {
    try sum.backward(dy, input: x, output: y, into: dx, pass)
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) throws {
    try sum.doubleBackward(
      t, outputGradient: dy, input: x, output: y, into: jt, share: nil, pass)
  }

  package func backwardShares(
    arriving: Tensor?, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) throws -> Bool {
    try sum.backwardShares(arriving: arriving, input: x, output: y, into: dx, pass)
  }
}
