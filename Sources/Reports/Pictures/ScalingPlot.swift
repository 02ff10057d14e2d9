import Foundation
import Pictures

/// How a job's speed depends on its ranks and sizes, as a picture: a row a question, seconds on the
/// left and where they go on the right.
package enum ScalingPlot {
  /// A measured job.
  package struct Point: Equatable, Sendable {
    /// Along the axis: ranks, samples, channels or pixels.
    package var value: Int
    /// Seconds an iteration: median, fastest and slowest.
    package var seconds: Double
    package var range: ClosedRange<Double>
    /// Shares of compute, exchange and waiting, from 0 to 1; empty where they were not measured.
    package var shares: [Double]

    package init(
      value: Int, seconds: Double, range: ClosedRange<Double>, shares: [Double] = []
    ) {
      self.value = value
      self.seconds = seconds
      self.range = range
      self.shares = shares
    }
  }

  /// Points that a line joins.
  package struct Series: Equatable, Sendable {
    package var name: String
    /// In the order of their values.
    package var points: [Point]

    package init(name: String, points: [Point]) {
      self.name = name
      self.points = points
    }
  }

  /// A row of the picture.
  package struct Row: Equatable, Sendable {
    package var title: String
    /// What the values are: `ranks`.
    package var xLabel: String
    /// At least one; the last one's shares are shown.
    package var series: [Series]
    /// What would be perfect, drawn dashed; a name for the legend and a line.
    package var ideal: Series?

    package init(title: String, xLabel: String, series: [Series], ideal: Series? = nil) {
      precondition(!series.isEmpty, "the row '\(title)' has no series")
      self.title = title
      self.xLabel = xLabel
      self.series = series
      self.ideal = ideal
    }
  }

  /// The parts of a bar, from below.
  package static let shareNames = ["compute", "exchange", "waiting"]
  private static let shareColours = [Colour(0x56B4E9), Colour(0xD55E00), Colour(0xC8C8C8)]
  private static let lineColours = [Colour(0x0072B2), Colour(0x009E73), Colour(0xCC79A7)]
  private static let ink = Colour(0x222222)
  private static let gridColour = Colour(0xE4E4E4)
  private static let idealColour = Colour(0x888888)

  /// Draws the rows below each other.
  ///
  /// Both axes of the seconds are logarithmic: what grows or falls with a power of a size is a
  /// straight line. Bars at a point reach from the fastest to the slowest iteration.
  ///
  /// - Parameters:
  ///   - rows: At least one.
  ///   - width: Pixels; 600 or more.
  ///   - rowHeight: Pixels; 200 or more.
  /// - Returns: An RGB picture. The same input gives the same bytes.
  package static func render(_ rows: [Row], width: Int = 1300, rowHeight: Int = 380) -> Picture {
    precondition(!rows.isEmpty, "a plot needs rows")
    precondition(width >= 600 && rowHeight >= 200, "\(width) x \(rowHeight) pixels a row")
    var canvas = Canvas(width: width, height: rowHeight * rows.count)
    let middle = width * 6 / 10
    // One left edge for all rows.
    let widest =
      rows.flatMap { ticks(along: axes($0).y) }
      .map { Canvas.textWidth($0.label, size: size) }.max() ?? 0
    for (index, row) in rows.enumerated() {
      let (top, bottom) = (index * rowHeight, (index + 1) * rowHeight)
      drawSeconds(
        row, in: PixelRect(left: 0, top: top, right: middle, bottom: bottom),
        labelWidth: Int(widest.rounded(.up)), on: &canvas)
      drawShares(
        row, in: PixelRect(left: middle, top: top, right: width, bottom: bottom), on: &canvas)
    }
    return canvas.picture
  }

  private static let size = 2.0

  /// Title line, legend line, then the plot, below it the values and the label.
  private static func frame(_ area: PixelRect, labelWidth: Int) -> PixelRect {
    PixelRect(
      left: area.left + 50 + labelWidth, top: area.top + 66, right: area.right - 24,
      bottom: area.bottom - 62)
  }

  // MARK: - Seconds

  private static func lines(_ row: Row) -> [Series] {
    row.series + (row.ideal.map { [$0] } ?? [])
  }

  private static func axes(_ row: Row) -> (x: PlotAxis, y: PlotAxis) {
    let points = lines(row).flatMap(\.points)
    return (
      PlotAxis(values: points.map { Double($0.value) }, scale: .log, margin: 0.06),
      PlotAxis(
        values: points.flatMap { [$0.seconds, $0.range.lowerBound, $0.range.upperBound] },
        scale: .log, margin: 0.08)
    )
  }

  private static func drawSeconds(
    _ row: Row, in area: PixelRect, labelWidth: Int, on canvas: inout Canvas
  ) {
    let lines = lines(row)
    let values = Set(lines.flatMap(\.points).map(\.value)).sorted()
    let (xAxis, yAxis) = axes(row)
    let plot = frame(area, labelWidth: labelWidth)
    func placeX(_ value: Double) -> Double? {
      xAxis.place(value).map { Double(plot.left) + $0 * Double(plot.width) }
    }
    func placeY(_ value: Double) -> Double? {
      yAxis.place(value).map { Double(plot.bottom) - $0 * Double(plot.height) }
    }

    for tick in ticks(along: yAxis) {
      guard let y = placeY(tick.value) else { continue }
      drawTick(tick.label, atY: y, plot, on: &canvas)
    }
    for value in values {
      guard let x = placeX(Double(value)) else { continue }
      let column = Int(x)
      canvas.fill(
        PixelRect(left: column, top: plot.top, right: column + 1, bottom: plot.bottom), gridColour)
      drawValue(value, atX: x, plot, on: &canvas)
    }

    if let ideal = row.ideal {
      let places = ideal.points.compactMap { point in
        placeX(Double(point.value)).flatMap { x in placeY(point.seconds).map { (x: x, y: $0) } }
      }
      canvas.stroke(
        CurvePlot.segments(along: places, isDashed: true), thickness: 1.5, colour: idealColour)
    }
    for (index, series) in row.series.enumerated() {
      let colour = lineColours[index % lineColours.count]
      var line: [(x: Double, y: Double)] = []
      for point in series.points {
        guard let x = placeX(Double(point.value)), let place = placeY(point.seconds) else {
          continue
        }
        line.append((x, place))
        if let low = placeY(point.range.lowerBound), let high = placeY(point.range.upperBound) {
          canvas.stroke(
            [
              Segment(x0: x, y0: low, x1: x, y1: high),
              Segment(x0: x - 4, y0: low, x1: x + 4, y1: low),
              Segment(x0: x - 4, y0: high, x1: x + 4, y1: high),
            ], thickness: 1.2, colour: colour, opacity: 0.7)
        }
      }
      canvas.stroke(
        CurvePlot.segments(along: line, isDashed: false), thickness: 2, colour: colour)
      for point in line {
        // A stroke without length is a dot.
        canvas.stroke(
          [Segment(x0: point.x, y0: point.y, x1: point.x, y1: point.y)], thickness: 9,
          colour: colour)
      }
    }
    drawAxes(plot, on: &canvas)

    canvas.text(
      row.title, x: Double(plot.left), y: Double(area.top) + 22, anchor: .left, size: size * 1.1,
      colour: ink, isBold: true)
    var at = Double(plot.left)
    for (index, series) in lines.enumerated() where !series.name.isEmpty {
      let isIdeal = index == row.series.count
      let colour = isIdeal ? idealColour : lineColours[index % lineColours.count]
      let y = Double(area.top) + 47
      canvas.stroke(
        CurvePlot.segments(along: [(at, y), (at + 26, y)], isDashed: isIdeal),
        thickness: isIdeal ? 1.5 : 2.5, colour: colour)
      canvas.text(series.name, x: at + 34, y: y, anchor: .left, size: size, colour: ink)
      at += 34 + Canvas.textWidth(series.name, size: size) + 28
    }
    canvas.text(
      row.xLabel, x: Double(plot.left + plot.right) / 2, y: Double(plot.bottom) + 43,
      anchor: .centre, size: size, colour: ink)
    canvas.text(
      "seconds an iteration", x: Double(area.left) + 18, y: Double(plot.top + plot.bottom) / 2,
      anchor: .centre, size: size, colour: ink, isUpright: true)
  }

  /// Round values along a logarithmic axis, at least three if its range is wider than by a half.
  ///
  /// `PlotAxis` labels decades where it sees one; seconds of a study rarely span more than two.
  private static func ticks(along axis: PlotAxis) -> [PlotAxis.Tick] {
    let steps: [[Double]] = [
      [1], [1, 2, 5], [1, 1.5, 2, 3, 5, 7],
      [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9],
    ]
    let exponents = Int(axis.start.rounded(.down))...Int(axis.end.rounded(.up))
    var found: [Double] = []
    for mantissas in steps where found.count < 4 {
      found = exponents.flatMap { exponent in
        mantissas.map { $0 * pow(10, Double(exponent)) }
      }.filter { (axis.place($0) ?? -1) >= 0 && (axis.place($0) ?? 2) <= 1 }
    }
    guard found.count >= 2 else {
      return PlotAxis.linearTicks(from: pow(10, axis.start), to: pow(10, axis.end), count: 5)
    }
    return found.map { .init(value: $0, label: String(format: "%.4g", $0)) }
  }

  // MARK: - Shares

  private static func drawShares(_ row: Row, in area: PixelRect, on canvas: inout Canvas) {
    guard let series = row.series.last, series.points.contains(where: { !$0.shares.isEmpty })
    else { return }
    let labels = (0...4).map { ("\($0 * 25) %", Double($0) / 4) }
    let widest = labels.map { Canvas.textWidth($0.0, size: size) }.max() ?? 0
    let plot = frame(area, labelWidth: Int(widest.rounded(.up)) - 30)
    for (label, share) in labels {
      drawTick(label, atY: Double(plot.bottom) - share * Double(plot.height), plot, on: &canvas)
    }
    let pitch = Double(plot.width) / Double(series.points.count)
    let barWidth = min(70, pitch * 0.62)
    for (index, point) in series.points.enumerated() {
      let x = Double(plot.left) + (Double(index) + 0.5) * pitch
      var bottom = Double(plot.bottom)
      for (part, share) in point.shares.enumerated() {
        let top = bottom - min(max(share, 0), 1) * Double(plot.height)
        let rect = PixelRect(
          left: Int(x - barWidth / 2), top: Int(top.rounded()), right: Int(x + barWidth / 2),
          bottom: Int(bottom.rounded()))
        canvas.fill(rect, shareColours[part % shareColours.count])
        // A thin part's number would not fit; the table has it.
        if rect.height >= 18, barWidth >= 40 {
          canvas.text(
            String(format: "%.0f", 100 * share), x: x, y: (top + bottom) / 2, anchor: .centre,
            size: size * 0.85, colour: ink)
        }
        bottom = top
      }
      drawValue(point.value, atX: x, plot, on: &canvas)
    }
    drawAxes(plot, on: &canvas)

    let title = row.series.count > 1 ? "Shares of time, \(series.name)" : "Shares of time"
    canvas.text(
      title, x: Double(plot.left), y: Double(area.top) + 22, anchor: .left, size: size * 1.1,
      colour: ink, isBold: true)
    var at = Double(plot.left)
    for (name, colour) in zip(shareNames, shareColours) {
      let y = area.top + 47
      canvas.fill(PixelRect(left: Int(at), top: y - 7, right: Int(at) + 14, bottom: y + 7), colour)
      canvas.text(name, x: at + 21, y: Double(y), anchor: .left, size: size, colour: ink)
      at += 21 + Canvas.textWidth(name, size: size) + 24
    }
    canvas.text(
      row.xLabel, x: Double(plot.left + plot.right) / 2, y: Double(plot.bottom) + 43,
      anchor: .centre, size: size, colour: ink)
  }

  // MARK: - Axes

  private static func drawAxes(_ plot: PixelRect, on canvas: inout Canvas) {
    canvas.fill(
      PixelRect(left: plot.left, top: plot.top, right: plot.left + 1, bottom: plot.bottom + 1), ink)
    canvas.fill(
      PixelRect(left: plot.left, top: plot.bottom, right: plot.right, bottom: plot.bottom + 1), ink)
  }

  private static func drawTick(
    _ label: String, atY y: Double, _ plot: PixelRect, on canvas: inout Canvas
  ) {
    let line = Int(y)
    canvas.fill(
      PixelRect(left: plot.left, top: line, right: plot.right, bottom: line + 1), gridColour)
    canvas.fill(PixelRect(left: plot.left - 5, top: line, right: plot.left, bottom: line + 1), ink)
    canvas.text(
      label, x: Double(plot.left) - 10, y: Double(line) + 0.5, anchor: .right, size: size,
      colour: ink)
  }

  private static func drawValue(
    _ value: Int, atX x: Double, _ plot: PixelRect, on canvas: inout Canvas
  ) {
    let column = Int(x)
    canvas.fill(
      PixelRect(left: column, top: plot.bottom, right: column + 1, bottom: plot.bottom + 5), ink)
    canvas.text(
      "\(value)", x: x, y: Double(plot.bottom) + 18, anchor: .centre, size: size, colour: ink)
  }
}
