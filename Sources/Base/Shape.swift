/// The shape of one sample.
///
/// In memory it is height x width x channels, channels last; a vector of n values is n channels of
/// 1 x 1. Written as PyTorch does: channels x height x width.
package struct Shape: Sendable, Equatable, CustomStringConvertible {
  package var channels: Int
  /// Pixels.
  package var height: Int
  /// Pixels.
  package var width: Int

  /// The shape of a picture, or of a vector of `channels` numbers.
  ///
  /// - Parameters:
  ///   - channels: Numbers a pixel.
  ///   - height: Pixels.
  ///   - width: Pixels.
  @inlinable
  package init(channels: Int, height: Int = 1, width: Int = 1) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// The numbers in one sample.
  @inlinable package var elementCount: Int { channels * height * width }
  /// The pixels of one sample.
  @inlinable package var pixels: Int { height * width }
  /// Channels x height x width: `3x32x32`.
  package var description: String { "\(channels)x\(height)x\(width)" }
}
