/// The shape of one sample: a picture, a volume, a line of values with channels, or a vector.
///
/// In memory it is depth x height x width x channels, channels last; a vector of n values is n
/// channels of one pixel, a line lies along the width. Written as PyTorch does: [c, l], [c, h, w],
/// [c, d, h, w].
package struct Shape: Sendable, CustomStringConvertible {
  package var channels: Int
  /// Planes of a volume; 1 for anything else.
  package var depth: Int
  /// Pixels.
  package var height: Int
  /// Pixels.
  package var width: Int
  /// In how many directions pixels lie: 1 for a line, 3 for a volume, 2 for a picture or a vector.
  package var dimensions: Int

  /// The shape of a picture, or of a vector of `channels` numbers.
  ///
  /// - Parameters:
  ///   - channels: Numbers a pixel.
  ///   - height: Pixels.
  ///   - width: Pixels.
  @inlinable
  package init(channels: Int, height: Int = 1, width: Int = 1) {
    self.init(channels: channels, depth: 1, height: height, width: width, dimensions: 2)
  }

  /// The shape of a volume.
  ///
  /// - Parameters:
  ///   - channels: Numbers a pixel.
  ///   - depth: Planes.
  ///   - height: Pixels.
  ///   - width: Pixels.
  @inlinable
  package init(channels: Int, depth: Int, height: Int, width: Int) {
    self.init(channels: channels, depth: depth, height: height, width: width, dimensions: 3)
  }

  /// The shape of a line of `length` pixels.
  @inlinable
  package init(channels: Int, length: Int) {
    self.init(channels: channels, depth: 1, height: 1, width: length, dimensions: 1)
  }

  /// A shape by its sizes as PyTorch has them: [n], [c, l], [c, h, w] or [c, d, h, w].
  ///
  /// - Parameter sizes: One to four positive numbers.
  package init(_ sizes: [Int]) {
    precondition((1...4).contains(sizes.count), "a sample of \(sizes.count) dimensions")
    switch sizes.count {
    case 1: self.init(channels: sizes[0])
    case 2: self.init(channels: sizes[0], length: sizes[1])
    case 3: self.init(channels: sizes[0], height: sizes[1], width: sizes[2])
    default: self.init(channels: sizes[0], depth: sizes[1], height: sizes[2], width: sizes[3])
    }
  }

  /// The shape whose pixels lie in `dimensions` directions; sizes of the others must be 1.
  @inlinable
  package init(channels: Int, depth: Int, height: Int, width: Int, dimensions: Int) {
    precondition(
      (1...3).contains(dimensions) && (dimensions > 2 || depth == 1)
        && (dimensions > 1 || height == 1),
      "\(depth) x \(height) x \(width) pixels in \(dimensions) dimensions")
    self.channels = channels
    self.depth = depth
    self.height = height
    self.width = width
    self.dimensions = dimensions
  }

  /// The numbers in one sample.
  @inlinable package var elementCount: Int { channels * pixels }
  /// The pixels of one sample.
  @inlinable package var pixels: Int { depth * height * width }
  /// The picture that shows a sample: a volume's planes one under the other, as they lie in memory.
  package var picture: Shape { Shape(channels: channels, height: depth * height, width: width) }
  /// Pixels in each direction, as PyTorch has them: [l], [h, w] or [d, h, w].
  package var pixelSizes: [Int] { Array([depth, height, width].suffix(dimensions)) }
  /// Channels, then pixels in each direction.
  package var sizes: [Int] { [channels] + pixelSizes }
  /// Sizes with x between them: `3x32x32`.
  package var description: String { sizes.map(String.init).joined(separator: "x") }
}

/// Shapes are equal where their samples are the same values in the same places: a line is equal to
/// a picture of one row.
extension Shape: Equatable {
  @inlinable
  package static func == (a: Shape, b: Shape) -> Bool {
    a.channels == b.channels && a.depth == b.depth && a.height == b.height && a.width == b.width
  }
}
