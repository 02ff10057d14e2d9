/// Samples in rows and columns as one picture, as torchvision's `make_grid` and `save_image` lay
/// it out.
///
/// Shapes: `n` samples of `height x width` pixels with `channels` channels (channels last) give
/// `rows * (height + padding) + padding` by `columns * (width + padding) + padding` pixels: 64 of
/// 28 x 28 in 8 columns 242 x 242. Unlike torchvision, a single sample has its border too, and grey
/// samples give a grey picture.
package struct SampleGrid: Sendable {
  /// Samples beside each other; fewer samples make a narrower grid.
  package var columns: Int
  /// Pixels between samples and around them.
  package var padding: Int
  /// What is black and what is white in the samples.
  package var range: ClosedRange<Float>
  /// The padding's value, in the samples' range: 0 is mid-grey (128) if that is -1...1.
  package var padValue: Float
  /// How many pixels of the picture, each way, show one of a sample.
  package var scale: Int

  package init(
    columns: Int = 8, padding: Int = 2, range: ClosedRange<Float> = -1...1, padValue: Float = 0,
    scale: Int = 1
  ) {
    precondition(columns >= 1 && padding >= 0 && scale >= 1, "\(columns), \(padding), \(scale)")
    precondition(range.lowerBound < range.upperBound, "the range \(range) is empty")
    self.columns = columns
    self.padding = padding
    self.range = range
    self.padValue = padValue
    self.scale = scale
  }

  /// The picture of `samples`.
  ///
  /// A value x becomes `round((x - low) / (high - low) * 255)`, halves up, cut to 0...255; NaN
  /// becomes 0.
  ///
  /// - Parameters:
  ///   - samples: `count * height * width * channels` values in `range`.
  ///   - count: Samples, at least 1.
  ///   - height: Pixels.
  ///   - width: Pixels.
  ///   - channels: 1 or 3.
  /// - Returns: A picture of as many channels.
  package func render(
    _ samples: UnsafeBufferPointer<Float>, count: Int, height: Int, width: Int, channels: Int
  ) -> Image {
    precondition(count >= 1 && height >= 1 && width >= 1, "\(count) x \(height) x \(width)")
    precondition(
      samples.count == count * height * width * channels,
      "\(samples.count) values for \(count) x \(height) x \(width) x \(channels)")
    let columns = min(columns, count)
    let rows = (count + columns - 1) / columns
    let gridWidth = columns * (width + padding) + padding
    let gridHeight = rows * (height + padding) + padding
    let rowBytes = gridWidth * scale * channels
    var pixels = [UInt8](repeating: level(padValue), count: gridHeight * scale * rowBytes)
    for index in 0..<count {
      let top = (index / columns) * (height + padding) + padding
      let left = (index % columns) * (width + padding) + padding
      for y in 0..<height {
        for x in 0..<width {
          for channel in 0..<channels {
            let value = level(samples[((index * height + y) * width + x) * channels + channel])
            for dy in 0..<scale {
              let row = ((top + y) * scale + dy) * rowBytes
              for dx in 0..<scale {
                pixels[row + ((left + x) * scale + dx) * channels + channel] = value
              }
            }
          }
        }
      }
    }
    return Image(
      width: gridWidth * scale, height: gridHeight * scale, channels: channels, pixels: pixels)
  }

  private func level(_ value: Float) -> UInt8 {
    let unit = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    // The conversion to UInt8 would trap at NaN, which a diverging run can well give.
    if unit.isNaN { return 0 }
    return UInt8(min(max(unit * 255 + 0.5, 0), 255))
  }
}
