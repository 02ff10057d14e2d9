import Base
import Configuration
import Kernels

/// A finer grid of `factor` times the rows and columns.
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

  package init(inputShape: Shape, factor: Int, order: Order) {
    self.inputShape = inputShape
    self.order = order
    blocks = PixelBlocks(
      height: inputShape.height, width: inputShape.width, channels: inputShape.channels,
      blockHeight: factor, blockWidth: factor)
    outputShape = Shape(
      channels: inputShape.channels, height: blocks.fineHeight, width: blocks.fineWidth)
  }

  package var options: [LayerOption] {
    [
      .init("factor", blocks.blockHeight, default: 2),
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
