import Base
import Kernels

/// A convolution from patches (im2col) and the (leaky) ReLU right behind it as one step of a
/// sequence.
///
/// Both work on some images at a time, whose outputs stay in the second-level cache between the
/// product and the activation, or between the activation's mask and the products that read it. The
/// gradients of filter and bias are sums over groups and over these blocks; all else has the bits
/// of the two layers in turn. `LayerSequence` makes these; a configuration, a state dict and
/// `LayerSequence.layers` keep the two layers.
package final class RectifiedConvolution: Layer {
  private let convolution: Conv
  private let activation: LeakyReLU
  private let context: ExecutionContext

  /// Values of a block's outputs, at most, if it has several images: with as many gradients 1 MiB.
  package static let blockCount = 128 * 1024

  /// nil where the convolution transforms its images (Winograd): that works in pieces of its own.
  init?(_ convolution: Conv, _ activation: LeakyReLU, context: ExecutionContext) {
    guard !convolution.plan.usesWinograd else { return nil }
    self.convolution = convolution
    self.activation = activation
    self.context = context
  }

  package var kind: String { "\(convolution.kind) and \(activation.kind)" }
  package var inputShape: Shape { convolution.inputShape }
  package var outputShape: Shape { activation.outputShape }
  package var children: [(path: String, layer: any Layer)] {
    [("0", convolution), ("1", activation)]
  }
  /// y's sign tells the activation's side.
  package var traits: LayerTraits { LayerTraits(needsOutput: true) }

  package func prepare(_ plan: MemoryPlan, in context: ExecutionContext) {
    convolution.prepare(plan, in: context)
  }

  /// Calls `body` with the samples of each block of `count` samples: blocks of equal size.
  @inline(__always)
  private func forEachBlock(_ count: Int, _ body: (_ samples: Range<Int>) -> Void) {
    let most = max(1, Self.blockCount / outputShape.elementCount)
    let blocks = (count + most - 1) / most
    for block in 0..<blocks { body(block * count / blocks..<(block + 1) * count / blocks) }
  }

  package func forward(_ x: Tensor, into y: Tensor, _ pass: Pass) {
    convolution.weight.refreshEffectiveValues()
    let products = convolution.products(for: .forward)
    let isRevised = activation.reviseInput != nil
    context.forEachShard { shard, thread in
      let (x, y) = (x.values(pass, shard: shard), y.values(pass, shard: shard))
      self.forEachBlock(pass.groups.count * pass.samples(inShard: shard)) { samples in
        let output = self.outputs(y, samples)
        products.forward(self.inputs(x, samples), into: output, thread)
        guard !isRevised else { return }
        Elementwise.leakyReLU(FloatBuffer(output), slope: self.activation.slope, into: output)
      }
    }
    // The passes behind this one read y, which tells the side.
    if isRevised { activation.forward(y, into: y, pass) }
  }

  /// Writes the convolution's own dL/dy over `dy`, where `doubleBackward` reads it.
  package func backward(
    _ dy: Tensor, input x: Tensor, output y: Tensor, into dx: Tensor?, _ pass: Pass
  ) {
    let wanted = dx == nil ? 0..<0 : pass.inputGroups
    let products = convolution.products(for: wanted.isEmpty ? nil : .inputGradient)
    context.forEachShard { shard, thread in
      for group in pass.groups {
        let groups = group..<group + 1
        let (x, y, dy) = (
          x.values(pass, shard: shard, groups: groups),
          y.values(pass, shard: shard, groups: groups),
          dy.values(pass, shard: shard, groups: groups)
        )
        let dx = wanted.contains(group) ? dx?.values(pass, shard: shard, groups: groups) : nil
        self.forEachBlock(pass.samples(inShard: shard)) { samples in
          let gradient = self.outputs(dy, samples)
          self.mask(gradient, self.outputs(y, samples))
          if pass.parameterGroups.contains(group) {
            products.addGradients(
              input: self.inputs(x, samples), outputGradient: gradient, shard, thread)
          }
          if let dx { products.inputGradient(gradient, into: self.inputs(dx, samples), thread) }
        }
      }
    }
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    let products = convolution.products(for: jt == nil ? nil : .forward)
    context.forEachShard { shard, thread in
      let (t, y, dy) = (
        t.values(pass, shard: shard), y.values(pass, shard: shard), dy.values(pass, shard: shard)
      )
      let jt = jt?.values(pass, shard: shard)
      self.forEachBlock(pass.groups.count * pass.samples(inShard: shard)) { samples in
        let output = jt.map { self.outputs($0, samples) }
        products.addFilterGradient(
          input: self.inputs(t, samples), outputGradient: self.outputs(dy, samples),
          andForwardInto: output, shard, thread)
        if let output { self.mask(output, self.outputs(y, samples)) }
      }
    }
  }

  /// values = the activation's Jacobian times them.
  private func mask(_ values: MutableFloatBuffer, _ y: MutableFloatBuffer) {
    Elementwise.leakyReLUGradient(
      FloatBuffer(values), output: FloatBuffer(y), slope: activation.slope, into: values)
  }

  private func inputs(_ values: MutableFloatBuffer, _ samples: Range<Int>) -> MutableFloatBuffer {
    Self.slice(values, samples, inputShape.elementCount)
  }

  private func outputs(_ values: MutableFloatBuffer, _ samples: Range<Int>) -> MutableFloatBuffer {
    Self.slice(values, samples, outputShape.elementCount)
  }

  private static func slice(
    _ values: MutableFloatBuffer, _ samples: Range<Int>, _ count: Int
  ) -> MutableFloatBuffer {
    MutableFloatBuffer(rebasing: values[samples.lowerBound * count..<samples.upperBound * count])
  }
}
