/// The shape of one sample.
///
/// In memory it is height x width x channels, channels last; a vector of n values is n channels of
/// 1 x 1. Written as PyTorch does: channels x height x width.
package struct Shape: Sendable, Equatable, CustomStringConvertible {
  package var channels: Int
  package var height: Int
  package var width: Int

  package init(channels: Int, height: Int = 1, width: Int = 1) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  package var elementCount: Int { channels * height * width }
  package var pixels: Int { height * width }
  package var description: String { "\(channels)x\(height)x\(width)" }
}
