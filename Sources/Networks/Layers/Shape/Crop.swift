import Base
import Kernels

/// The top left pixels: `x[..., :height, :width]`.
package struct Crop: FixedLinearMap {
  package let kind = "crop"
  package let inputShape: Shape
  package let outputShape: Shape

  /// Makes a map to `height` x `width` pixels, each at most the input's.
  package init(inputShape: Shape, height: Int, width: Int) {
    self.inputShape = inputShape
    outputShape = Shape(channels: inputShape.channels, height: height, width: width)
  }

  package var options: [LayerOption] {
    [.init("height", outputShape.height), .init("width", outputShape.width)]
  }

  package func apply(_ x: FloatBuffer, samples: Int, into y: MutableFloatBuffer) {
    Rearrangement.crop(
      x, large: Self.rows(inputShape), small: Self.rows(outputShape), images: samples, into: y)
  }

  package func applyAdjoint(_ dy: FloatBuffer, samples: Int, into dx: MutableFloatBuffer) {
    Rearrangement.pad(
      dy, large: Self.rows(inputShape), small: Self.rows(outputShape), images: samples, into: dx)
  }

  private static func rows(_ shape: Shape) -> (rows: Int, count: Int) {
    (shape.height, shape.width * shape.channels)
  }
}
