import Base

/// A batch norm and the (leaky) ReLU right behind it as one step of a sequence: what lies between
/// the two is never stored, and the activation has no sweeps of its own.
///
/// The bits are those of the two layers in turn. `LayerSequence` makes these; a configuration, a
/// state dict and `LayerSequence.layers` keep the two layers.
final class RectifiedBatchNorm: Layer {
  private let norm: BatchNorm
  private let activation: LeakyReLU
  /// Whether `LeakyReLU.reviseInput` moved inputs of the activation in the last forward pass.
  ///
  /// The side of the kink is y's alone then, and the two layers run in turn.
  private var isRevised = false

  init(_ norm: BatchNorm, _ activation: LeakyReLU) {
    precondition(
      norm.outputShape == activation.inputShape,
      "\(norm.kind) gives \(norm.outputShape), \(activation.kind) takes \(activation.inputShape)")
    self.norm = norm
    self.activation = activation
  }

  var kind: String { "\(norm.kind) and \(activation.kind)" }
  var inputShape: Shape { norm.inputShape }
  var outputShape: Shape { activation.outputShape }
  var children: [(path: String, layer: any Layer)] { [("0", norm), ("1", activation)] }

  var traits: LayerTraits {
    var traits = norm.traits
    // The passes do not read y, but whoever asked for the activation's output may.
    traits.needsOutput = activation.traits.needsOutput
    return traits
  }

  func prepare(_ plan: MemoryPlan, in context: ExecutionContext) {
    norm.prepare(plan, in: context)
  }

  func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) throws {
    guard activation.reviseInput == nil else {
      try norm.forward(x, into: y, pass)
      isRevised = activation.forwardRevised(y, into: y, pass)
      return
    }
    isRevised = false
    try norm.forward(x, into: y, slope: activation.slope, pass)
  }

  func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) throws {
    guard !isRevised else {
      activation.mask(dy, y, into: dy, pass, groups: pass.groups)
      return try norm.backward(dy, input: x, output: y, into: dx, pass)
    }
    try norm.backward(dy, input: x, slope: activation.slope, into: dx, pass)
  }

  func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) throws {
    guard !isRevised else {
      try norm.doubleBackward(
        t, outputGradient: dy, input: x, output: y, into: jt, share: share, pass)
      if let jt { activation.mask(jt, y, into: jt, pass, groups: pass.groups) }
      return
    }
    try norm.doubleBackward(
      t, outputGradient: dy, input: x, slope: activation.slope, into: jt, share: share, pass)
  }
}
