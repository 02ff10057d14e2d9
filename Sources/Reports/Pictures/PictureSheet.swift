import Pictures

/// Pictures beside each other under headings: reals beside samples, the grids of several runs.
package enum PictureSheet {
  /// A picture and what stands over it.
  package struct Part: Sendable {
    package var heading: String
    package var image: Canvas

    package init(heading: String, image: Canvas) {
      self.heading = heading
      self.image = image
    }

    package init(heading: String, image: Picture) {
      self.init(heading: heading, image: Canvas(image))
    }
  }

  private static let ink = Colour(0x222222)

  /// Lays pictures out in rows from the left, on white.
  ///
  /// - Parameters:
  ///   - parts: At least one; pictures may differ in size, a row is as high as its highest.
  ///   - columns: Pictures in a row; all in one row unless given.
  ///   - textSize: Pixels between the dots of the 5 x 7 typeface. A heading that is wider than its
  ///     picture is set smaller, down to 1, before the picture gets more room.
  /// - Returns: The drawing.
  package static func draw(
    _ parts: [Part], columns: Int? = nil, textSize: Double = 2
  ) -> Canvas {
    precondition(!parts.isEmpty, "a sheet without pictures")
    let columns = min(max(1, columns ?? parts.count), parts.count)
    let rows = (parts.count + columns - 1) / columns
    let (gap, headLine) = (margin(textSize), headLine(textSize))

    let sizes = parts.map { part in
      min(
        textSize,
        max(
          1, Double(part.image.width) / max(1, Canvas.textWidth(part.heading, size: 1))))
    }
    var columnWidths = [Int](repeating: 0, count: columns)
    var rowHeights = [Int](repeating: 0, count: rows)
    for (index, part) in parts.enumerated() {
      let heading = Int(Canvas.textWidth(part.heading, size: sizes[index]).rounded(.up))
      columnWidths[index % columns] = max(
        columnWidths[index % columns], part.image.width, heading)
      rowHeights[index / columns] = max(rowHeights[index / columns], part.image.height + headLine)
    }
    var canvas = Canvas(
      width: columnWidths.reduce(gap) { $0 + $1 + gap },
      height: rowHeights.reduce(0) { $0 + $1 + gap })
    var top = 0
    for row in 0..<rows {
      var left = gap
      for column in 0..<columns where row * columns + column < parts.count {
        let part = parts[row * columns + column]
        let middle = Double(left) + Double(columnWidths[column]) / 2
        canvas.text(
          part.heading, x: middle, y: Double(top) + Double(headLine) / 2, anchor: .centre,
          size: sizes[row * columns + column], colour: ink)
        canvas.draw(
          part.image, left: left + (columnWidths[column] - part.image.width) / 2,
          top: top + headLine)
        left += columnWidths[column] + gap
      }
      top += rowHeights[row] + gap
    }
    return canvas
  }

  /// The first of two pictures of one size that `draw` has laid out in a row.
  ///
  /// - Parameters:
  ///   - sheet: The sheet's pixels.
  ///   - width: Of one of the pictures.
  ///   - height: Likewise.
  /// - Returns: nil where the sheet is not of two such pictures.
  package static func first(of sheet: Picture, width: Int, height: Int) -> Picture? {
    let (gap, headLine) = (margin(2), headLine(2))
    guard sheet.width == 2 * width + 3 * gap, sheet.height == headLine + height + gap else {
      return nil
    }
    var pixels: [UInt8] = []
    pixels.reserveCapacity(width * height * sheet.channels)
    for y in headLine..<headLine + height {
      let start = (y * sheet.width + gap) * sheet.channels
      pixels += sheet.pixels[start..<start + width * sheet.channels]
    }
    return Picture(width: width, height: height, channels: sheet.channels, pixels: pixels)
  }

  /// Between pictures and around them, and above them for a heading, pixels.
  private static func margin(_ textSize: Double) -> Int { Int(6 * textSize) }
  private static func headLine(_ textSize: Double) -> Int { Int(14 * textSize) }
}
