import Base

/// Pixels of a coarse grid, each of which stands for a block of a fine grid's pixels.
///
/// Images are channels last. Rows and columns of the fine grid behind the last whole block belong
/// to no block, as in PyTorch's average pooling.
package struct PixelBlocks: Sendable, Equatable {
  /// Rows of the coarse grid; `width` are its columns.
  package let height: Int
  package let width: Int
  package let channels: Int
  package let blockHeight: Int
  package let blockWidth: Int
  package let fineHeight: Int
  package let fineWidth: Int

  /// The fine grid has exactly the blocks' pixels.
  package init(height: Int, width: Int, channels: Int, blockHeight: Int, blockWidth: Int) {
    self.height = height
    self.width = width
    self.channels = channels
    self.blockHeight = blockHeight
    self.blockWidth = blockWidth
    fineHeight = height * blockHeight
    fineWidth = width * blockWidth
  }

  /// As many whole blocks as the fine grid has.
  ///
  /// - Returns: nil where it has none.
  package init?(
    fineHeight: Int, fineWidth: Int, channels: Int, blockHeight: Int, blockWidth: Int
  ) {
    guard fineHeight >= blockHeight, fineWidth >= blockWidth else { return nil }
    self.height = fineHeight / blockHeight
    self.width = fineWidth / blockWidth
    self.channels = channels
    self.blockHeight = blockHeight
    self.blockWidth = blockWidth
    self.fineHeight = fineHeight
    self.fineWidth = fineWidth
  }

  package var coarseCount: Int { height * width * channels }
  package var fineCount: Int { fineHeight * fineWidth * channels }
  package var blockPixels: Int { blockHeight * blockWidth }
}

/// Upsampling and pooling, and what their backward passes need: each pair is a linear map and its
/// adjoint.
///
/// Outputs are overwritten and may not be inputs.
package enum Resampling {
  private static func check(
    _ blocks: PixelBlocks, images: Int, coarse: Int, fine: Int, _ what: String
  ) {
    precondition(
      coarse == images * blocks.coarseCount && fine == images * blocks.fineCount,
      "\(what) of \(images) images: \(coarse) and \(fine) values for \(blocks)")
  }

  /// y[p] = scale * x[the pixel whose block has p], 0 outside of all blocks: the nearest neighbour,
  /// and the adjoint of `sumBlocks`.
  ///
  /// x holds the coarse images, y the fine ones.
  package static func repeatPixels(
    _ blocks: PixelBlocks, images: Int, _ x: FloatBuffer, scale: Float,
    into y: MutableFloatBuffer
  ) {
    check(blocks, images: images, coarse: x.count, fine: y.count, "repeatPixels")
    guard let x = x.baseAddress, let y = y.baseAddress else { return }
    let channels = blocks.channels
    let rowCount = blocks.fineWidth * channels
    let covered = blocks.width * blocks.blockWidth * channels
    for image in 0..<images {
      let target = y + image * blocks.fineCount
      for row in 0..<blocks.height {
        let source = x + (image * blocks.height + row) * blocks.width * channels
        let first = target + row * blocks.blockHeight * rowCount
        for column in 0..<blocks.width {
          let pixel = FloatBuffer(start: source + column * channels, count: channels)
          for copy in column * blocks.blockWidth..<(column + 1) * blocks.blockWidth {
            Elementwise.scale(
              pixel, by: scale,
              into: MutableFloatBuffer(start: first + copy * channels, count: channels))
          }
        }
        (first + covered).update(repeating: 0, count: rowCount - covered)
        for copy in 1..<blocks.blockHeight {
          (first + copy * rowCount).update(from: first, count: rowCount)
        }
      }
      let rows = blocks.height * blocks.blockHeight
      (target + rows * rowCount).update(
        repeating: 0, count: (blocks.fineHeight - rows) * rowCount)
    }
  }

  /// y[p] = scale * the sum of x over p's block, in Double: a block may be a whole image.
  ///
  /// With scale = 1 / `blockPixels` the mean.
  ///
  /// x holds the fine images, y the coarse ones.
  package static func sumBlocks(
    _ blocks: PixelBlocks, images: Int, _ x: FloatBuffer, scale: Double,
    into y: MutableFloatBuffer
  ) {
    check(blocks, images: images, coarse: y.count, fine: x.count, "sumBlocks")
    guard let x = x.baseAddress, let y = y.baseAddress else { return }
    let channels = blocks.channels
    let rowCount = blocks.fineWidth * channels
    for image in 0..<images {
      for row in 0..<blocks.height {
        for column in 0..<blocks.width {
          let source =
            x + image * blocks.fineCount + row * blocks.blockHeight * rowCount
            + column * blocks.blockWidth * channels
          let target =
            y + ((image * blocks.height + row) * blocks.width + column) * channels
          var channel = 0
          while channel + 8 <= channels {
            var sum = SIMD8<Double>.zero
            for i in 0..<blocks.blockHeight {
              for j in 0..<blocks.blockWidth {
                sum += SIMD8<Double>(source.lanes(i * rowCount + j * channels + channel))
              }
            }
            target.setLanes(channel, SIMD8<Float>(sum * scale))
            channel += 8
          }
          while channel < channels {
            var sum = 0.0
            for i in 0..<blocks.blockHeight {
              for j in 0..<blocks.blockWidth {
                sum += Double(source[i * rowCount + j * channels + channel])
              }
            }
            target[channel] = Float(sum * scale)
            channel += 1
          }
        }
      }
    }
  }

  /// Upsampling as PaddleScience's WGAN-GP does it: f^2 copies of the channels behind each other,
  /// then `pixel_shuffle`, for blocks of f x f.
  ///
  ///     y[f h + i, f w + j, c] = x[h, w, (f^2 c + f i + j) mod channels]
  ///
  /// Unlike with TensorFlow's `depth_to_space`, whose order of channels differs, that is not the
  /// nearest neighbour.
  package static func shuffleUp(
    _ blocks: PixelBlocks, images: Int, _ x: FloatBuffer, into y: MutableFloatBuffer
  ) {
    check(blocks, images: images, coarse: x.count, fine: y.count, "shuffleUp")
    guard let x = x.baseAddress, let y = y.baseAddress else { return }
    forEachShuffledPixel(blocks, images: images) { y[$1] = x[$0] }
  }

  /// The adjoint of `shuffleUp`: x[k] = the sum of the y that were read from it, in Float.
  package static func shuffleDown(
    _ blocks: PixelBlocks, images: Int, _ y: FloatBuffer, into x: MutableFloatBuffer
  ) {
    check(blocks, images: images, coarse: x.count, fine: y.count, "shuffleDown")
    x.update(repeating: 0)
    guard let x = x.baseAddress, let y = y.baseAddress else { return }
    forEachShuffledPixel(blocks, images: images) { x[$0] += y[$1] }
  }

  /// Calls `body` with the places of all pairs that `shuffleUp` joins, for a place in x always in
  /// the same order.
  @inline(__always)
  private static func forEachShuffledPixel(
    _ blocks: PixelBlocks, images: Int, _ body: (_ coarse: Int, _ fine: Int) -> Void
  ) {
    let channels = blocks.channels
    let rowCount = blocks.fineWidth * channels
    for pixel in 0..<images * blocks.height * blocks.width {
      let (line, column) = pixel.quotientAndRemainder(dividingBy: blocks.width)
      let source = pixel * channels
      let target = (line * blocks.blockHeight * blocks.fineWidth + column * blocks.blockWidth)
      var from = 0
      for channel in 0..<channels {
        for i in 0..<blocks.blockHeight {
          for j in 0..<blocks.blockWidth {
            body(source + from, target * channels + i * rowCount + j * channels + channel)
            from += 1
            if from == channels { from = 0 }
          }
        }
      }
    }
  }
}
