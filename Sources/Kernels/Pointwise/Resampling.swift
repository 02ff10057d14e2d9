import Base

/// Pixels of a coarse grid, each of which stands for a block of a fine grid's pixels.
///
/// Images are channels last. What the fine grid has behind the last whole block, in any direction,
/// belongs to no block, as in PyTorch's average pooling.
package struct PixelBlocks: Sendable, Equatable {
  package let coarse: Extents
  package let fine: Extents
  package let block: Extents
  package let channels: Int

  /// The fine grid has exactly the blocks' pixels.
  package init(coarse: Extents, block: Extents, channels: Int) {
    self.coarse = coarse
    self.block = block
    self.channels = channels
    fine = Extents(
      depth: coarse.depth * block.depth, height: coarse.height * block.height,
      width: coarse.width * block.width)
  }

  /// As many whole blocks as the fine grid has.
  ///
  /// - Returns: nil where it has none.
  package init?(fine: Extents, block: Extents, channels: Int) {
    guard fine.depth >= block.depth, fine.height >= block.height, fine.width >= block.width else {
      return nil
    }
    self.fine = fine
    self.block = block
    self.channels = channels
    coarse = Extents(
      depth: fine.depth / block.depth, height: fine.height / block.height,
      width: fine.width / block.width)
  }

  package var coarseCount: Int { coarse.product * channels }
  package var fineCount: Int { fine.product * channels }
  /// Values of a row and of a plane of the fine grid.
  var fineRow: Int { fine.width * channels }
  var finePlane: Int { fine.height * fineRow }
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
    let plane = blocks.finePlane
    let sourcePlane = blocks.coarse.height * blocks.coarse.width * blocks.channels
    for image in 0..<images {
      let target = y + image * blocks.fineCount
      for slice in 0..<blocks.coarse.depth {
        let first = target + slice * blocks.block.depth * plane
        repeatPlane(
          blocks, x + (image * blocks.coarse.depth + slice) * sourcePlane, scale: scale,
          into: first)
        for copy in 1..<blocks.block.depth {
          (first + copy * plane).update(from: first, count: plane)
        }
      }
      let planes = blocks.coarse.depth * blocks.block.depth
      (target + planes * plane).update(
        repeating: 0, count: (blocks.fine.depth - planes) * plane)
    }
  }

  /// `repeatPixels` of a plane of the coarse grid into one of the fine one.
  private static func repeatPlane(
    _ blocks: PixelBlocks, _ x: UnsafePointer<Float>, scale: Float,
    into target: UnsafeMutablePointer<Float>
  ) {
    let (channels, rowCount, block) = (blocks.channels, blocks.fineRow, blocks.block)
    let covered = blocks.coarse.width * block.width * channels
    for row in 0..<blocks.coarse.height {
      let source = x + row * blocks.coarse.width * channels
      let first = target + row * block.height * rowCount
      for column in 0..<blocks.coarse.width {
        let pixel = FloatBuffer(start: source + column * channels, count: channels)
        for copy in column * block.width..<(column + 1) * block.width {
          Elementwise.scale(
            pixel, by: scale,
            into: MutableFloatBuffer(start: first + copy * channels, count: channels))
        }
      }
      (first + covered).update(repeating: 0, count: rowCount - covered)
      for copy in 1..<block.height {
        (first + copy * rowCount).update(from: first, count: rowCount)
      }
    }
    let rows = blocks.coarse.height * block.height
    (target + rows * rowCount).update(
      repeating: 0, count: (blocks.fine.height - rows) * rowCount)
  }

  /// y[p] = scale * the sum of x over p's block, in Double: a block may be a whole image.
  ///
  /// With scale = 1 / the block's pixels the mean.
  ///
  /// x holds the fine images, y the coarse ones.
  package static func sumBlocks(
    _ blocks: PixelBlocks, images: Int, _ x: FloatBuffer, scale: Double,
    into y: MutableFloatBuffer
  ) {
    check(blocks, images: images, coarse: y.count, fine: x.count, "sumBlocks")
    guard let x = x.baseAddress, let y = y.baseAddress else { return }
    let (channels, block, coarse) = (blocks.channels, blocks.block, blocks.coarse)
    let (rowCount, plane) = (blocks.fineRow, blocks.finePlane)
    for pixel in 0..<images * coarse.product {
      let (line, column) = pixel.quotientAndRemainder(dividingBy: coarse.width)
      let (slice, row) = line.quotientAndRemainder(dividingBy: coarse.height)
      let (image, place) = slice.quotientAndRemainder(dividingBy: coarse.depth)
      let source =
        x + image * blocks.fineCount + place * block.depth * plane
        + row * block.height * rowCount + column * block.width * channels
      let target = y + pixel * channels
      var channel = 0
      while channel + 8 <= channels {
        var sum = SIMD8<Double>.zero
        for d in 0..<block.depth {
          for i in 0..<block.height {
            let line = source + d * plane + i * rowCount + channel
            for j in 0..<block.width {
              sum += SIMD8<Double>(line.lanes(j * channels))
            }
          }
        }
        target.setLanes(channel, SIMD8<Float>(sum * scale))
        channel += 8
      }
      while channel < channels {
        var sum = 0.0
        for d in 0..<block.depth {
          for i in 0..<block.height {
            let line = source + d * plane + i * rowCount + channel
            for j in 0..<block.width { sum += Double(line[j * channels]) }
          }
        }
        target[channel] = Float(sum * scale)
        channel += 1
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
    let (channels, block) = (blocks.channels, blocks.block)
    precondition(blocks.fine.depth == 1, "a shuffled volume")
    let rowCount = blocks.fineRow
    for pixel in 0..<images * blocks.coarse.product {
      let (line, column) = pixel.quotientAndRemainder(dividingBy: blocks.coarse.width)
      let source = pixel * channels
      let target = line * block.height * blocks.fine.width + column * block.width
      var from = 0
      for channel in 0..<channels {
        for i in 0..<block.height {
          for j in 0..<block.width {
            body(source + from, target * channels + i * rowCount + j * channels + channel)
            from += 1
            if from == channels { from = 0 }
          }
        }
      }
    }
  }
}
