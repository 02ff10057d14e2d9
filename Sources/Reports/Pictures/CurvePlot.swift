import Pictures

/// Line plots as pictures, without a plotting library: panels one below the other.
///
/// Colours: Okabe and Ito 2008, "Color Universal Design", which readers with any of the common
/// colour blindnesses can tell apart; from the eighth series on the colours return dashed.
package enum CurvePlot {
  /// One line of a panel.
  package struct Series: Equatable, Sendable {
    /// For the legend; an empty name has none.
    package var name: String
    package var x: [Double]
    /// As many as `x`; what is not finite is a gap.
    package var y: [Double]

    package init(name: String, x: [Double], y: [Double]) {
      precondition(x.count == y.count, "'\(name)' has \(x.count) x and \(y.count) y")
      self.name = name
      self.x = x
      self.y = y
    }
  }

  /// One coordinate system.
  package struct Panel: Equatable, Sendable {
    package var title: String
    package var xLabel: String
    package var yLabel: String
    package var series: [Series]
    package var yScale: PlotScale
    /// What the x axis covers beside the series, so that panels of fewer points line up.
    package var xExtent: [Double]

    package init(
      title: String, xLabel: String, yLabel: String, series: [Series],
      yScale: PlotScale = .linear, xExtent: [Double] = []
    ) {
      if case .symlog(let limit) = yScale {
        precondition(limit > 0, "the linear part ends at \(limit)")
      }
      self.title = title
      self.xLabel = xLabel
      self.yLabel = yLabel
      self.series = series
      self.yScale = yScale
      self.xExtent = xExtent
    }
  }

  // Black last but one and no yellow: a grid is grey, and yellow on white is hard to see.
  private static let colours: [Colour] = [
    Colour(0x0072B2), Colour(0xD55E00), Colour(0x009E73), Colour(0xCC79A7), Colour(0xE69F00),
    Colour(0x56B4E9), Colour(0x000000),
  ]
  private static let ink = Colour(0x222222)
  private static let gridColour = Colour(0xE4E4E4)
  private static let lineThickness = 2.0
  private static let bandOpacity = 0.25

  /// Draws panels one below the other, each of the same height.
  ///
  /// - Parameters:
  ///   - panels: At least one.
  ///   - width: Width of the picture in pixels; 320 or more.
  ///   - height: Height of the picture in pixels; 160 or more a panel.
  ///   - textSize: Pixels between the dots of the 5 x 7 typeface.
  /// - Returns: An RGB picture, white where nothing is. The same input gives the same bytes.
  package static func render(
    _ panels: [Panel], width: Int = 1200, height: Int? = nil, textSize: Double = 2
  ) -> Picture {
    let height = height ?? 420 * panels.count
    precondition(!panels.isEmpty, "a plot needs panels")
    precondition(
      width >= 320 && height >= 160 * panels.count,
      "\(width) x \(height) pixels are too few for \(panels.count) panels")
    var canvas = Canvas(width: width, height: height)
    let frames = panels.enumerated().map { index, panel in
      let area = PixelRect(
        left: 0, top: height * index / panels.count, right: width,
        bottom: height * (index + 1) / panels.count)
      return Frame(panel, in: area, size: textSize)
    }
    // One left and one right edge for all: panels over the same iterations line up.
    let left = frames.map(\.plot.left).max() ?? 0
    let right = frames.map(\.plot.right).min() ?? width
    for (panel, var frame) in zip(panels, frames) {
      frame.plot.left = left
      frame.plot.right = right
      draw(panel, in: frame, on: &canvas, size: textSize)
    }
    return canvas.picture
  }

  // MARK: - A panel

  /// Where the parts of a panel are.
  private struct Frame {
    let area: PixelRect
    let xAxis: PlotAxis
    let yAxis: PlotAxis
    let yTicks: [PlotAxis.Tick]
    let legend: [LegendRow]
    /// Whether the legend stands to the right of the title.
    let sharesTitleLine: Bool
    /// Between the axes.
    var plot: PixelRect

    init(_ panel: Panel, in area: PixelRect, size: Double) {
      self.area = area
      xAxis = PlotAxis(
        values: panel.series.lazy.flatMap { series in
          // A point whose y is missing does not count: it must not make the axis longer.
          zip(series.x, series.y).lazy.filter { $0.1.isFinite }.map(\.0)
        } + panel.xExtent, scale: .linear, margin: 0)
      yAxis = PlotAxis(
        values: panel.series.lazy.flatMap { series in
          zip(series.x, series.y).lazy.filter { $0.0.isFinite }.map(\.1)
        }, scale: panel.yScale, margin: 0.05)

      // Lengths in dots of the typeface, so that everything grows with the text.
      func dots(_ count: Double) -> Int { Int((count * size).rounded()) }
      legend = CurvePlot.legendRows(panel, width: area.width - dots(30), size: size)
      let titleWidth = Canvas.textWidth(panel.title, size: size * 1.1)
      sharesTitleLine =
        legend.count == 1
        && titleWidth + legend[0].width + Double(dots(60)) < Double(area.width)
      let headLines = sharesTitleLine ? 1 : (panel.title.isEmpty ? 0 : 1) + legend.count
      let top = area.top + dots(6) + headLines * dots(13)
      let bottom = area.bottom - dots(panel.xLabel.isEmpty ? 18 : 30)
      yTicks = yAxis.ticks(count: max(2, (bottom - top) / dots(20)))
      let labelWidth = yTicks.map { Canvas.textWidth($0.label, size: size) }.max() ?? 0
      let left = area.left + dots(panel.yLabel.isEmpty ? 12 : 24) + Int(labelWidth.rounded(.up))
      // The last label is centred on a tick that can be at the very end.
      let lastLabel = xAxis.ticks(count: 6).last.map { Canvas.textWidth($0.label, size: size) }
      let right = area.right - max(dots(14), Int((lastLabel ?? 0) / 2) + dots(5))
      plot = PixelRect(left: left, top: top, right: right, bottom: bottom)
    }
  }

  private static func draw(
    _ panel: Panel, in frame: Frame, on canvas: inout Canvas, size: Double
  ) {
    let (area, plot, legend) = (frame.area, frame.plot, frame.legend)
    let (xAxis, yAxis, yTicks) = (frame.xAxis, frame.yAxis, frame.yTicks)
    func dots(_ count: Double) -> Int { Int((count * size).rounded()) }
    guard plot.width > 0, plot.height > 0 else { return }
    func pixelX(_ place: Double) -> Double { Double(plot.left) + place * Double(plot.width) }
    func pixelY(_ place: Double) -> Double { Double(plot.bottom) - place * Double(plot.height) }

    // Grid, ticks and their labels. Hairlines are whole pixels: antialiased ones look smeared.
    for tick in yTicks {
      guard let place = yAxis.place(tick.value) else { continue }
      let y = Int(pixelY(place))
      canvas.fill(
        PixelRect(left: plot.left, top: y, right: plot.right, bottom: y + 1), gridColour)
      canvas.fill(
        PixelRect(left: plot.left - dots(2.5), top: y, right: plot.left, bottom: y + 1), ink)
      canvas.text(
        tick.label, x: Double(plot.left - dots(5)), y: Double(y) + 0.5, anchor: .right,
        size: size, colour: ink)
    }
    let widestLabel = xAxis.ticks(count: 6).map { Canvas.textWidth($0.label, size: size) }.max()
    let xTickCount = Int(Double(plot.width) / max(1, (widestLabel ?? 0) + Double(dots(20))))
    for tick in xAxis.ticks(count: min(10, max(2, xTickCount))) {
      guard let place = xAxis.place(tick.value) else { continue }
      let x = Int(pixelX(place))
      canvas.fill(
        PixelRect(left: x, top: plot.top, right: x + 1, bottom: plot.bottom), gridColour)
      canvas.fill(
        PixelRect(left: x, top: plot.bottom, right: x + 1, bottom: plot.bottom + dots(2.5)), ink)
      canvas.text(
        tick.label, x: Double(x) + 0.5, y: Double(plot.bottom + dots(8.5)), anchor: .centre,
        size: size, colour: ink)
    }

    // Room for half a line's thickness: curves begin and end on the frame.
    let clip = PixelRect(
      left: plot.left - 2, top: plot.top - 2, right: plot.right + 2, bottom: plot.bottom + 2)
    let curves = panel.series.map { series in
      curve(of: series, lastColumn: plot.right - 1) { x, y in
        guard let x = xAxis.place(x), let y = yAxis.place(y) else { return nil }
        return (pixelX(x), pixelY(y))
      }
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

    // The axes go over the curves.
    canvas.fill(
      PixelRect(left: plot.left, top: plot.top, right: plot.left + 1, bottom: plot.bottom + 1), ink)
    canvas.fill(
      PixelRect(left: plot.left, top: plot.bottom, right: plot.right, bottom: plot.bottom + 1), ink)
    if !panel.series.contains(where: { zip($0.x, $0.y).contains { $0.isFinite && $1.isFinite } }) {
      canvas.text(
        "no data", x: pixelX(0.5), y: pixelY(0.5), anchor: .centre, size: size, colour: ink)
    }

    // Title, legend, labels.
    var line = Double(area.top + dots(10))
    canvas.text(
      panel.title, x: Double(plot.left), y: line, anchor: .left, size: size * 1.1, colour: ink,
      isBold: true)
    if !frame.sharesTitleLine && !panel.title.isEmpty { line += Double(dots(13)) }
    for row in legend {
      var x = frame.sharesTitleLine ? Double(plot.right) - row.width : Double(plot.left)
      for entry in row.entries {
        let key = [Segment(x0: x, y0: line, x1: x + 12 * size, y1: line)]
        let isDashed = entry.index >= colours.count
        canvas.stroke(
          isDashed ? segments(along: [(x, line), (x + 12 * size, line)], isDashed: true) : key,
          thickness: lineThickness + 0.5, colour: colours[entry.index % colours.count])
        canvas.text(
          entry.name, x: x + 16 * size, y: line, anchor: .left, size: size, colour: ink)
        x += entry.width
      }
      line += Double(dots(13))
    }
    canvas.text(
      panel.xLabel, x: pixelX(0.5), y: Double(plot.bottom + dots(20.5)), anchor: .centre,
      size: size, colour: ink)
    canvas.text(
      panel.yLabel, x: Double(area.left + dots(9)), y: pixelY(0.5), anchor: .centre, size: size,
      colour: ink, isUpright: true)
  }

  // MARK: - Legend

  private struct LegendEntry {
    var index: Int
    var name: String
    var width: Double
  }

  private struct LegendRow {
    var entries: [LegendEntry] = []
    var width = 0.0
  }

  private static func legendRows(_ panel: Panel, width: Int, size: Double) -> [LegendRow] {
    var rows: [LegendRow] = []
    for (index, series) in panel.series.enumerated() where !series.name.isEmpty {
      // Key, gap, name, and the gap to the next.
      let needed = (16 + 10) * size + Canvas.textWidth(series.name, size: size)
      if rows.isEmpty || (rows[rows.count - 1].width + needed > Double(width)) {
        rows.append(LegendRow())
      }
      rows[rows.count - 1].entries.append(
        LegendEntry(index: index, name: series.name, width: needed))
      rows[rows.count - 1].width += needed
    }
    return rows
  }

  // MARK: - Curves

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
