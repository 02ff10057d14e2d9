import Pictures

/// Pictures of what a data set holds: rows of samples with their labels, or points in the plane.
package enum DatasetPicture {
  /// A row: what it is called, and its samples one after the other.
  package struct Row: Sendable {
    package var label: String
    /// Any number of height x width x channels.
    package var samples: [Float]

    package init(label: String, samples: [Float]) {
      self.label = label
      self.samples = samples
    }
  }

  /// Samples in rows, each with its label on the left, on white.
  ///
  /// Samples are enlarged by a whole number to about 48 pixels, so that small ones can be seen.
  ///
  /// - Parameters:
  ///   - rows: at least one, with at least one sample between them; labels may be empty.
  ///   - height: Pixels of a sample.
  ///   - width: Pixels of a sample.
  ///   - channels: 1 or 3.
  ///   - range: what is black and what is white.
  /// - Returns: The drawing.
  package static func draw(
    _ rows: [Row], height: Int, width: Int, channels: Int, range: ClosedRange<Float>
  ) -> Canvas {
    let size = height * width * channels
    let counts = rows.map { $0.samples.count / size }
    let columns = counts.max() ?? 0
    precondition(columns > 0, "no samples to show")
    let scale = max(1, 48 / max(height, width))
    let gap = 3
    let labelWidth = rows.map { Canvas.textWidth($0.label, size: fontSize) }.max() ?? 0
    let left = labelWidth > 0 ? Int(labelWidth) + 6 * gap : gap
    var canvas = Canvas(
      width: left + columns * (width * scale + gap),
      height: gap + rows.count * (height * scale + gap))
    for (index, row) in rows.enumerated() {
      let middle = gap + index * (height * scale + gap) + height * scale / 2
      canvas.text(
        row.label, x: Double(left - 2 * gap), y: Double(middle), anchor: .right, size: fontSize,
        colour: Colour(0x333333))
    }
    let grid = SampleGrid(columns: 1, padding: 0, range: range, scale: scale)
    for (index, row) in rows.enumerated() {
      for column in 0..<counts[index] {
        let tile = row.samples.withUnsafeBufferPointer {
          grid.render(
            UnsafeBufferPointer(rebasing: $0[column * size..<(column + 1) * size]), count: 1,
            height: height, width: width, channels: channels)
        }
        let top = gap + index * (height * scale + gap)
        let start = left + column * (width * scale + gap)
        canvas.draw(tile, left: start, top: top)
      }
    }
    return canvas
  }

  /// Points as dots in a square that holds them all, with its corners' coordinates.
  ///
  /// - Parameter points: x and y of at least one point, one after the other; others than finite
  ///   numbers are left out.
  /// - Returns: A drawing of 512 x 512 pixels.
  package static func draw(points: [Float]) -> Canvas {
    let side = 512
    let margin = 36
    let reach = points.reduce(Float(0)) { $1.isFinite ? max($0, abs($1)) : $0 }
    // Half units, so that the labels are short.
    let extent = max(0.5, (Double(reach) * 2).rounded(.up) / 2)
    var canvas = Canvas(width: side, height: side)
    let frame = PixelRect(left: margin, top: 10, right: side - 10, bottom: side - margin)
    let place = { (x: Double, y: Double) in
      (
        Double(frame.left) + (x + extent) / (2 * extent) * Double(frame.width),
        Double(frame.bottom) - (y + extent) / (2 * extent) * Double(frame.height)
      )
    }
    let corners = [(-extent, -extent), (extent, -extent), (extent, extent), (-extent, extent)]
      .map { place($0.0, $0.1) }
    for index in 0..<4 {
      let (a, b) = (corners[index], corners[(index + 1) % 4])
      canvas.stroke(
        [Segment(x0: a.0, y0: a.1, x1: b.0, y1: b.1)], thickness: 1, colour: Colour(0xBBBBBB))
    }
    for value in [-extent, 0, extent] {
      let (x, y) = place(value, value)
      let text = value == value.rounded() ? "\(Int(value))" : "\(value)"
      canvas.text(
        text, x: x, y: Double(side - margin / 2), anchor: .centre, size: fontSize,
        colour: Colour(0x333333))
      canvas.text(
        text, x: Double(margin - 6), y: y, anchor: .right, size: fontSize,
        colour: Colour(0x333333))
    }
    for index in stride(from: 0, to: points.count - 1, by: 2) {
      guard points[index].isFinite, points[index + 1].isFinite else { continue }
      let (x, y) = place(Double(points[index]), Double(points[index + 1]))
      canvas.stroke(
        [Segment(x0: x, y0: y, x1: x, y1: y)], thickness: 2.5, colour: Colour(0x1F6FB4),
        opacity: 0.4, clip: frame)
    }
    return canvas
  }

  /// Pixels between the dots of a letter.
  private static let fontSize = 1.5
}
