import Pictures

/// Pictures beside each other under headings: reals beside samples, the grids of several runs.
package enum PictureSheet {
  /// A picture and what stands over it.
  package struct Part: Equatable, Sendable {
    package var heading: String
    package var image: Picture

    package init(heading: String, image: Picture) {
      self.heading = heading
      self.image = image
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
  /// - Returns: An RGB picture.
  package static func render(
    _ parts: [Part], columns: Int? = nil, textSize: Double = 2
  ) -> Picture {
    precondition(!parts.isEmpty, "a sheet without pictures")
    let columns = min(max(1, columns ?? parts.count), parts.count)
    let rows = (parts.count + columns - 1) / columns
    let gap = Int(6 * textSize)
    let headLine = Int(14 * textSize)

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
    return canvas.picture
  }
}
