extension CurvePlot {
  private static let bandOpacity = 0.25

  /// Draws the series of a panel, the earlier ones below the later.
  static func drawCurves(of panel: Panel, in frame: PlotFrame, on canvas: inout Canvas) {
    let plot = frame.plot
    // Room for half a line's thickness: curves begin and end on the frame.
    let clip = PixelRect(
      left: plot.left - 2, top: plot.top - 2, right: plot.right + 2, bottom: plot.bottom + 2)
    let curves = panel.series.map {
      curve(of: $0, lastColumn: plot.right - 1, place: frame.pixel)
    }
    // All bands under all lines, or one series' noise would hide another's course.
    for (index, curve) in curves.enumerated() {
      canvas.stroke(
        curve.band, thickness: 1, colour: colours[index % colours.count], opacity: bandOpacity,
        clip: clip)
    }
    for (index, curve) in curves.enumerated() {
      let strokes = curve.runs.flatMap { segments(along: $0, isDashed: index >= colours.count) }
      canvas.stroke(
        strokes, thickness: lineThickness, colour: colours[index % colours.count], clip: clip)
    }
  }

  /// A curve in pixels.
  private struct Curve {
    /// The line's points, cut at gaps.
    var runs: [[(x: Double, y: Double)]] = []
    /// From the lowest to the highest of the points that share a column of pixels.
    var band: [Segment] = []
  }

  /// A series with no more points than can be seen.
  ///
  /// Where many neighbouring points fall into one column of pixels, their mean (along the axis as
  /// it is scaled) is a point of the line, and a pale band shows from where to where they reach:
  /// 50 000 noisy iterations stay readable, and the cost does not grow with the run's length.
  private static func curve(
    of series: Series, lastColumn: Int,
    place: (Double, Double) -> (x: Double, y: Double)?
  ) -> Curve {
    var curve = Curve()
    var run: [(x: Double, y: Double)] = []
    var column: [(x: Double, y: Double)] = []

    func endColumn() {
      if column.count > 4 {
        let x = column[0].x.rounded(.down) + 0.5
        let low = column.map(\.y).min() ?? 0
        let high = column.map(\.y).max() ?? 0
        curve.band.append(Segment(x0: x, y0: low, x1: x, y1: high))
        run.append((x, column.map(\.y).reduce(0, +) / Double(column.count)))
      } else {
        run += column
      }
      column.removeAll(keepingCapacity: true)
    }

    // The axis's very end belongs to the last column: alone, the last point of a noisy series
    // would stand out from the means before it.
    func number(_ x: Double) -> Double { min(x.rounded(.down), Double(lastColumn)) }
    for (x, y) in zip(series.x, series.y) {
      if let point = place(x, y) {
        if let last = column.last, number(last.x) != number(point.x) { endColumn() }
        column.append(point)
      } else {
        endColumn()
        if !run.isEmpty { curve.runs.append(run) }
        run = []
      }
    }
    endColumn()
    if !run.isEmpty { curve.runs.append(run) }
    return curve
  }

  /// Strokes along points; a single point gives a dot.
  static func segments(along points: [(x: Double, y: Double)], isDashed: Bool)
    -> [Segment]
  {
    guard points.count > 1 else {
      // A square of strokes: a dot twice as thick as the line.
      return points.flatMap { point in
        [-1.0, 0, 1].map {
          Segment(x0: point.x - 1, y0: point.y + $0, x1: point.x + 1, y1: point.y + $0)
        }
      }
    }
    let whole = zip(points, points.dropFirst()).map {
      Segment(x0: $0.x, y0: $0.y, x1: $1.x, y1: $1.y)
    }
    guard isDashed else { return whole }
    let (dash, period) = (8.0, 14.0)
    var dashes: [Segment] = []
    var travelled = 0.0
    for segment in whole {
      let (dx, dy) = (segment.x1 - segment.x0, segment.y1 - segment.y0)
      let length = (dx * dx + dy * dy).squareRoot()
      var position = 0.0
      while position < length {
        let phase = (travelled + position).truncatingRemainder(dividingBy: period)
        let rest = max(1e-6, (phase < dash ? dash : period) - phase)
        let next = min(length, position + rest)
        if phase < dash {
          dashes.append(
            Segment(
              x0: segment.x0 + dx * position / length, y0: segment.y0 + dy * position / length,
              x1: segment.x0 + dx * next / length, y1: segment.y0 + dy * next / length))
        }
        position = next
      }
      travelled += length
    }
    return dashes
  }
}
