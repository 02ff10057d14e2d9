import Base
import Configuration
import Kernels

/// A finer grid of `factor` times the pixels in each direction.
package struct Upsample: FixedLinearMap {
  package enum Order: String, Sendable, CaseIterable {
    /// A pixel becomes a block: PyTorch's `Upsample(mode='nearest')`.
    case nearest
    /// As PaddleScience's WGAN-GP: see `Resampling.shuffleUp`.
    case shuffled
  }

  package let kind = "upsample"
  package let inputShape: Shape
  package let outputShape: Shape
  private let order: Order
  private let blocks: PixelBlocks

  package init(inputShape: Shape, factor: Extents, order: Order) {
    self.inputShape = inputShape
    self.order = order
    blocks = PixelBlocks(
      coarse: inputShape.extents, block: factor, channels: inputShape.channels)
    let size = blocks.fine
    outputShape = Shape(
      channels: inputShape.channels, depth: size.depth, height: size.height, width: size.width,
      dimensions: inputShape.dimensions)
  }

  package var options: [LayerOption] {
    [
      .each("factor", blocks.block.numbers(inputShape.dimensions), default: 2),
      .init("order", order, default: .nearest),
    ]
  }

  package func apply(_ x: FloatBuffer, samples: Int, into y: MutableFloatBuffer) {
    switch order {
    case .nearest: Resampling.repeatPixels(blocks, images: samples, x, scale: 1, into: y)
    case .shuffled: Resampling.shuffleUp(blocks, images: samples, x, into: y)
    }
  }

  package func applyAdjoint(_ dy: FloatBuffer, samples: Int, into dx: MutableFloatBuffer) {
    switch order {
    case .nearest: Resampling.sumBlocks(blocks, images: samples, dy, scale: 1, into: dx)
    case .shuffled: Resampling.shuffleDown(blocks, images: samples, dy, into: dx)
    }
  }
}
