import Pictures

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
  ) -> Picture {
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
    return Picture(
      width: gridWidth * scale, height: gridHeight * scale, channels: channels, pixels: pixels)
  }

  /// The picture of `samples` with words around it, on white.
  ///
  /// For a conditional model, whose columns are classes, and for comparisons whose rows have names.
  /// A heading that does not fit over its column is set upright.
  ///
  /// - Parameters:
  ///   - samples: These five as of the plain grid.
  ///   - count: Samples.
  ///   - height: Pixels.
  ///   - width: Pixels.
  ///   - channels: 1 or 3.
  ///   - columnHeadings: From the left; none, or as many as there are columns or fewer.
  ///   - rowLabels: From the top; none, or as many as there are rows or fewer.
  ///   - textSize: Pixels between the dots of the 5 x 7 typeface.
  /// - Returns: The drawing; without any words the plain grid.
  package func draw(
    _ samples: UnsafeBufferPointer<Float>, count: Int, height: Int, width: Int, channels: Int,
    columnHeadings: [String], rowLabels: [String] = [], textSize: Double = 2
  ) -> Canvas {
    let grid = render(samples, count: count, height: height, width: width, channels: channels)
    let columnHeadings = columnHeadings.prefix(min(columns, count))
    let rowLabels = rowLabels.prefix((count + columns - 1) / columns)
    guard !columnHeadings.isEmpty || !rowLabels.isEmpty else { return Canvas(grid) }

    let ink = Colour(0x222222)
    let gap = Int(4 * textSize)
    let column = Double((width + padding) * scale)
    let row = Double((height + padding) * scale)
    let widest = columnHeadings.map { Canvas.textWidth($0, size: textSize) }.max() ?? 0
    // Neighbours keep a letter's distance.
    let isUpright = widest + 5 * textSize > column
    let lineHeight = StrokeFont.capHeight * textSize
    let top =
      columnHeadings.isEmpty
      ? gap : 2 * gap + Int((isUpright ? widest : lineHeight).rounded(.up))
    let labelWidth = rowLabels.map { Canvas.textWidth($0, size: textSize) }.max() ?? 0
    let left = rowLabels.isEmpty ? gap : 2 * gap + Int(labelWidth.rounded(.up))
    var canvas = Canvas(width: left + grid.width + gap, height: top + grid.height + gap)
    canvas.draw(grid, left: left, top: top)
    for (index, heading) in columnHeadings.enumerated() {
      let x =
        Double(left + padding * scale) + Double(index) * column + Double(width * scale) / 2
      canvas.text(
        heading, x: x, y: isUpright ? Double(top - gap) : Double(top - gap) - lineHeight / 2,
        anchor: isUpright ? .left : .centre, size: textSize, colour: ink, isUpright: isUpright)
    }
    for (index, label) in rowLabels.enumerated() {
      let y = Double(top + padding * scale) + Double(index) * row + Double(height * scale) / 2
      canvas.text(
        label, x: Double(left - gap), y: y, anchor: .right, size: textSize, colour: ink)
    }
    return canvas
  }

  private func level(_ value: Float) -> UInt8 {
    let unit = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    // The conversion to UInt8 would trap at NaN, which a diverging run can well give.
    if unit.isNaN { return 0 }
    return UInt8(min(max(unit * 255 + 0.5, 0), 255))
  }
}
