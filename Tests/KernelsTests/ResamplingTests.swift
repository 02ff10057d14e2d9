import Base
import Kernels
import TestSupport
import Testing

@Suite struct ResamplingTests {
  static let images = 2

  struct Case: Sendable {
    var blocks: PixelBlocks
  }

  /// Blocks that fill the fine grid, and some that leave planes, rows and columns over.
  static let whole = [
    ([1, 3, 2], 11, [1, 2, 2]), ([1, 1, 4], 3, [1, 3, 3]), ([1, 2, 2], 8, [1, 1, 1]),
    ([1, 2, 3], 17, [1, 3, 2]), ([2, 3, 2], 3, [3, 1, 2]), ([1, 1, 5], 9, [1, 1, 2]),
  ].map {
    PixelBlocks(
      coarse: Extents($0.0, other: 1), block: Extents($0.2, other: 1), channels: $0.1)
  }
  static let all =
    whole
    + [
      ([1, 5, 7], 11, [1, 2, 2]), ([1, 4, 6], 3, [1, 3, 3]), ([1, 5, 4], 8, [1, 5, 4]),
      ([1, 3, 5], 9, [1, 3, 4]), ([5, 4, 3], 9, [2, 3, 2]),
    ].compactMap {
      PixelBlocks(fine: Extents($0.0, other: 1), block: Extents($0.2, other: 1), channels: $0.1)
    }

  @Test func wholeBlocksOfAGrid() throws {
    #expect(Self.all.count == 11)
    let block = Extents(depth: 2, height: 2, width: 3)
    let blocks = try #require(
      PixelBlocks(fine: Extents(depth: 3, height: 5, width: 7), block: block, channels: 1))
    #expect(blocks.coarse == Extents(depth: 1, height: 2, width: 2))
    for fine in [[1, 5, 7], [3, 1, 7], [3, 5, 2]] {
      #expect(PixelBlocks(fine: Extents(fine, other: 1), block: block, channels: 1) == nil)
    }
  }

  /// The coarse place of a fine one, nil outside of all blocks.
  private func coarse(_ b: PixelBlocks, _ fine: Int) -> Int? {
    let (c, column) = (fine % b.channels, fine / b.channels % b.fine.width)
    let row = fine / (b.channels * b.fine.width) % b.fine.height
    let plane = fine / (b.channels * b.fine.width * b.fine.height) % b.fine.depth
    let image = fine / b.fineCount
    let (h, w) = (row / b.block.height, column / b.block.width)
    let d = plane / b.block.depth
    guard d < b.coarse.depth, h < b.coarse.height, w < b.coarse.width else { return nil }
    let line = (image * b.coarse.depth + d) * b.coarse.height + h
    return (line * b.coarse.width + w) * b.channels + c
  }

  @Test(arguments: all)
  func repeatedAndSummedBlocks(blocks: PixelBlocks) {
    var data = TestData(seed: 1)
    let x = data.normals(Self.images * blocks.coarseCount)
    let repeated = x.read { x in
      withOutput(Self.images * blocks.fineCount) {
        Resampling.repeatPixels(blocks, images: Self.images, x, scale: 0.3, into: $0)
      }
    }
    expectSameBits(
      repeated, repeated.indices.map { coarse(blocks, $0).map { x[$0] * 0.3 } ?? 0 })

    let fine = data.normals(Self.images * blocks.fineCount, mean: 2)
    let sums = fine.read { fine in
      withOutput(x.count) {
        Resampling.sumBlocks(blocks, images: Self.images, fine, scale: 0.3, into: $0)
      }
    }
    var expected = [Double](repeating: 0, count: x.count)
    for (index, value) in fine.enumerated() {
      if let place = coarse(blocks, index) { expected[place] += Double(value) * 0.3 }
    }
    expectClose(sums, expected, absolute: 0, relative: 1.2e-7)
  }

  @Test(arguments: whole.filter { $0.block.height == $0.block.width && $0.fine.depth == 1 })
  func shuffledPixels(b: PixelBlocks) {
    var data = TestData(seed: 2)
    let factor = b.block.height
    let x = data.normals(Self.images * b.coarseCount)
    let up = x.read { x in
      withOutput(Self.images * b.fineCount) {
        Resampling.shuffleUp(b, images: Self.images, x, into: $0)
      }
    }
    /// What PyTorch's concatenation and pixel_shuffle read for a fine place.
    func source(_ fine: Int) -> Int {
      let (c, column) = (fine % b.channels, fine / b.channels % b.fine.width)
      let row = fine / (b.channels * b.fine.width) % b.fine.height
      let pixel =
        (fine / b.fineCount * b.coarse.height + row / factor) * b.coarse.width + column / factor
      let concatenated = factor * factor * c + factor * (row % factor) + column % factor
      return pixel * b.channels + concatenated % b.channels
    }
    expectSameBits(up, up.indices.map { x[source($0)] })
    let fine = data.normals(up.count)
    let down = fine.read { fine in
      withOutput(x.count) { Resampling.shuffleDown(b, images: Self.images, fine, into: $0) }
    }
    var expected = [Double](repeating: 0, count: x.count)
    for index in fine.indices { expected[source(index)] += Double(fine[index]) }
    expectClose(down, expected, absolute: 2e-6)
  }

  /// One pixel of 6 channels from 1 to 6: `F.pixel_shuffle(torch.cat([x] * 4, 1), 2)` of PyTorch
  /// 2.15.0 gives 6 x 2 x 2 pixels with these values.
  @Test func shuffledPixelsOfPyTorch() {
    let blocks = PixelBlocks(
      coarse: Extents(height: 1, width: 1), block: Extents(height: 2, width: 2), channels: 6)
    let x: [Float] = [1, 2, 3, 4, 5, 6]
    let up = x.read { x in
      withOutput(24) { Resampling.shuffleUp(blocks, images: 1, x, into: $0) }
    }
    let channels: [[Float]] = [
      [1, 2, 3, 4], [5, 6, 1, 2], [3, 4, 5, 6], [1, 2, 3, 4], [5, 6, 1, 2], [3, 4, 5, 6],
    ]
    #expect(up == (0..<4).flatMap { pixel in channels.map { $0[pixel] } })
  }

  /// A mean over many pixels keeps its digits.
  @Test(arguments: [3, 8])
  func longMeans(channels: Int) throws {
    let blocks = try #require(
      PixelBlocks(
        fine: Extents(height: 100, width: 100), block: Extents(height: 100, width: 100),
        channels: channels))
    let x = (0..<blocks.fineCount).map { Float(1e6 + Double($0 / channels % 2)) }
    let mean = x.read { x in
      withOutput(channels) { Resampling.sumBlocks(blocks, images: 1, x, scale: 1e-4, into: $0) }
    }
    #expect(mean == [Float](repeating: 1_000_000.5, count: channels))
  }
}
