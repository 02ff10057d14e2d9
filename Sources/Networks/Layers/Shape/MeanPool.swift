import Base
import Kernels

/// Means over blocks of pixels: PyTorch's `AvgPool2d(size)`, rows and columns behind the last whole
/// block being left out; or over whole images.
package struct MeanPool: FixedLinearMap {
  package let kind: String
  package let inputShape: Shape
  package let outputShape: Shape
  private let blocks: PixelBlocks

  /// - Returns: nil for a block larger than the image.
  package init?(inputShape: Shape, size: Int) {
    self.init("meanPool", inputShape, blockHeight: size, blockWidth: size)
  }

  /// The mean over all pixels: a vector of the channels.
  package init?(globalOver inputShape: Shape) {
    self.init(
      "globalMean", inputShape, blockHeight: inputShape.height, blockWidth: inputShape.width)
  }

  private init?(_ kind: String, _ inputShape: Shape, blockHeight: Int, blockWidth: Int) {
    guard
      let blocks = PixelBlocks(
        fineHeight: inputShape.height, fineWidth: inputShape.width, channels: inputShape.channels,
        blockHeight: blockHeight, blockWidth: blockWidth)
    else { return nil }
    self.kind = kind
    self.inputShape = inputShape
    self.blocks = blocks
    outputShape = Shape(channels: blocks.channels, height: blocks.height, width: blocks.width)
  }

  package var options: [LayerOption] {
    kind == "globalMean" ? [] : [.init("size", blocks.blockHeight)]
  }

  package func apply(_ x: FloatBuffer, samples: Int, into y: MutableFloatBuffer) {
    Resampling.sumBlocks(
      blocks, images: samples, x, scale: 1 / Double(blocks.blockPixels), into: y)
  }

  package func applyAdjoint(_ dy: FloatBuffer, samples: Int, into dx: MutableFloatBuffer) {
    Resampling.repeatPixels(
      blocks, images: samples, dy, scale: Float(1 / Double(blocks.blockPixels)), into: dx)
  }
}
