import Base
import Kernels

/// PyTorch's `reshape` of a sample: the values keep their order with channels first (channel,
/// plane, row, column), so that the weights of a linear layer on either side mean the same as
/// PyTorch's.
///
/// In memory channels are last, so images move their values on the way to and from vectors.
package struct Reshape: FixedLinearMap {
  package let kind: String
  package let inputShape: Shape
  package let outputShape: Shape

  /// Makes a map between two shapes with as many values.
  package init(kind: String = "reshape", inputShape: Shape, outputShape: Shape) {
    precondition(
      inputShape.elementCount == outputShape.elementCount,
      "reshape of \(inputShape) to \(outputShape)")
    self.kind = kind
    self.inputShape = inputShape
    self.outputShape = outputShape
  }

  package var options: [LayerOption] {
    let sizes = outputShape.pixels == 1 ? [outputShape.channels] : outputShape.sizes
    return kind == "flatten" ? [] : [.init("to", .integers(sizes))]
  }

  package func apply(_ x: FloatBuffer, samples: Int, into y: MutableFloatBuffer) {
    Rearrangement.reshape(
      x, from: (inputShape.channels, inputShape.pixels),
      to: (outputShape.channels, outputShape.pixels), samples: samples, into: y)
  }

  package func applyAdjoint(_ dy: FloatBuffer, samples: Int, into dx: MutableFloatBuffer) {
    Rearrangement.reshape(
      dy, from: (outputShape.channels, outputShape.pixels),
      to: (inputShape.channels, inputShape.pixels), samples: samples, into: dx)
  }
}
