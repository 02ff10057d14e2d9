/// Lines of equal value of a function that is known on a grid.
package enum ContourLines {
  /// The lines at `level` by marching squares (Lorensen and Cline 1987, in two dimensions).
  ///
  /// On a cell's edge whose ends lie on different sides of the level, the line crosses where linear
  /// interpolation has the level. A saddle, whose opposite corners lie on the same side, is cut as
  /// the mean of its corners says. Cells with a corner that is not finite have no line.
  ///
  /// - Parameters:
  ///   - values: `rows * columns` values, row by row.
  ///   - columns: Values in a row, at least 2.
  ///   - rows: At least 2.
  ///   - level: The value.
  /// - Returns: Strokes in the grid's coordinates: value (row, column) is at x = column, y = row.
  package static func segments(
    _ values: [Float], columns: Int, rows: Int, level: Double
  ) -> [Segment] {
    precondition(columns >= 2 && rows >= 2, "a grid of \(columns) x \(rows)")
    precondition(values.count == columns * rows, "\(values.count) values, \(columns) x \(rows)")
    var segments: [Segment] = []
    for row in 0..<rows - 1 {
      for column in 0..<columns - 1 {
        let first = row * columns + column
        // Around the cell, so that corner i and i + 1 share an edge.
        let corners = [
          (x: 0.0, y: 0.0, value: Double(values[first])),
          (x: 1.0, y: 0.0, value: Double(values[first + 1])),
          (x: 1.0, y: 1.0, value: Double(values[first + columns + 1])),
          (x: 0.0, y: 1.0, value: Double(values[first + columns])),
        ]
        guard corners.allSatisfy(\.value.isFinite) else { continue }
        // Crossed edges in the order around the cell.
        var crossings: [(x: Double, y: Double)] = []
        for index in 0..<4 {
          let (a, b) = (corners[index], corners[(index + 1) % 4])
          guard (a.value >= level) != (b.value >= level) else { continue }
          let share = (level - a.value) / (b.value - a.value)
          crossings.append(
            (
              Double(column) + a.x + share * (b.x - a.x), Double(row) + a.y + share * (b.y - a.y)
            ))
        }
        if crossings.count == 4 {
          // Edge i leaves corner i. Where the middle is on the side of corner 0, the lines cut off
          // corners 1 and 3, and else corners 0 and 2.
          let mean = corners.reduce(0) { $0 + $1.value } / 4
          let joinsFirst = (mean >= level) == (corners[0].value >= level)
          let pairs = joinsFirst ? [(0, 1), (2, 3)] : [(3, 0), (1, 2)]
          for (from, to) in pairs { segments.append(join(crossings[from], crossings[to])) }
        } else if crossings.count == 2 {
          segments.append(join(crossings[0], crossings[1]))
        }
      }
    }
    return segments
  }

  private static func join(
    _ start: (x: Double, y: Double), _ end: (x: Double, y: Double)
  ) -> Segment { Segment(x0: start.x, y0: start.y, x1: end.x, y1: end.y) }
}
