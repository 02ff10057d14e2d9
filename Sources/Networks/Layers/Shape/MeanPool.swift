import Base
import Kernels

/// Means over blocks of pixels: PyTorch's `AvgPool2d(size)`, or that of lines or volumes, what is
/// behind the last whole block being left out; or over whole images.
package struct MeanPool: FixedLinearMap {
  package let kind: String
  package let inputShape: Shape
  package let outputShape: Shape
  private let blocks: PixelBlocks

  /// - Returns: nil for a block larger than the image.
  package init?(inputShape: Shape, size: Extents) {
    self.init("meanPool", inputShape, size)
  }

  /// The mean over all pixels: a vector of the channels.
  package init?(globalOver inputShape: Shape) {
    self.init("globalMean", inputShape, inputShape.extents)
  }

  private init?(_ kind: String, _ inputShape: Shape, _ block: Extents) {
    guard
      let blocks = PixelBlocks(
        fine: inputShape.extents, block: block, channels: inputShape.channels)
    else { return nil }
    self.kind = kind
    self.inputShape = inputShape
    self.blocks = blocks
    let size = blocks.coarse
    outputShape =
      kind == "globalMean"
      ? Shape(channels: blocks.channels)
      : Shape(
        channels: blocks.channels, depth: size.depth, height: size.height, width: size.width,
        dimensions: inputShape.dimensions)
  }

  package var options: [LayerOption] {
    kind == "globalMean" ? [] : [.each("size", blocks.block.numbers(inputShape.dimensions))]
  }

  package func apply(_ x: FloatBuffer, samples: Int, into y: MutableFloatBuffer) {
    Resampling.sumBlocks(
      blocks, images: samples, x, scale: 1 / Double(blocks.block.product), into: y)
  }

  package func applyAdjoint(_ dy: FloatBuffer, samples: Int, into dx: MutableFloatBuffer) {
    Resampling.repeatPixels(
      blocks, images: samples, dy, scale: Float(1 / Double(blocks.block.product)), into: dx)
  }
}
