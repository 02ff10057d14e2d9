import Pictures

/// Histograms of two sets over one another: panels beside and below each other.
package enum HistogramPlot {
  /// One quantity's histograms.
  package struct Panel: Equatable, Sendable {
    package var title: String
    package var xLabel: String
    /// Edges of the bins, ascending.
    package var edges: [Double]
    /// The share of each set in each bin: the first is filled, the second a line.
    package var first: [Double]
    package var second: [Double]
    package var xScale: PlotScale
    package var yScale: PlotScale

    package init(
      title: String, xLabel: String, edges: [Double], first: [Double], second: [Double],
      xScale: PlotScale = .linear, yScale: PlotScale = .linear
    ) {
      precondition(
        edges.count > 1 && first.count == edges.count - 1 && second.count == first.count,
        "\(edges.count) edges, \(first.count) and \(second.count) bins")
      self.title = title
      self.xLabel = xLabel
      self.edges = edges
      self.first = first
      self.second = second
      self.xScale = xScale
      self.yScale = yScale
    }
  }

  private static let colours = (first: Colour(0x0072B2), second: Colour(0xD55E00))
  private static let filling = Colour(0xC6DFF0)

  /// Draws panels row by row, below a line that says which set is which.
  ///
  /// - Parameters:
  ///   - panels: At least one.
  ///   - names: What the two sets are called.
  ///   - columns: Panels beside each other; nil for as many as make the picture nearly square.
  ///   - panelWidth: Pixels, 240 or more.
  ///   - panelHeight: Pixels, 160 or more.
  ///   - textSize: Pixels between the dots of the 5 x 7 typeface.
  /// - Returns: An RGB picture; the same input gives the same bytes.
  package static func render(
    _ panels: [Panel], names: (first: String, second: String), columns: Int? = nil,
    panelWidth: Int = 420, panelHeight: Int = 300, textSize: Double = 1.6
  ) -> Picture {
    precondition(!panels.isEmpty, "a plot needs panels")
    precondition(panelWidth >= 240 && panelHeight >= 160, "\(panelWidth) x \(panelHeight) pixels")
    let columns = min(
      panels.count, columns ?? max(1, Int(Double(panels.count).squareRoot().rounded(.up))))
    let rows = (panels.count + columns - 1) / columns
    let head = Canvas.dots(18, size: textSize)
    var canvas = Canvas(width: columns * panelWidth, height: head + rows * panelHeight)
    drawKey(names, textSize, on: &canvas)
    for (index, panel) in panels.enumerated() {
      let (left, top) = (index % columns * panelWidth, head + index / columns * panelHeight)
      draw(
        panel,
        in: PixelRect(
          left: left, top: top, right: left + panelWidth, bottom: top + panelHeight),
        textSize, on: &canvas)
    }
    return canvas.picture
  }

  private static func drawKey(
    _ names: (first: String, second: String), _ size: Double, on canvas: inout Canvas
  ) {
    var x = 14 * size
    let line = 10 * size
    for (name, isFirst) in [(names.first, true), (names.second, false)] {
      let end = x + 14 * size
      if isFirst {
        canvas.fill(
          PixelRect(
            left: Int(x), top: Int(line - 3 * size), right: Int(end), bottom: Int(line + 3 * size)),
          filling)
      }
      let y = line - (isFirst ? 3 * size : 0)
      let key = [Segment(x0: x, y0: y, x1: end, y1: y)]
      canvas.stroke(key, thickness: 2, colour: isFirst ? colours.first : colours.second)
      canvas.text(
        name, x: end + 5 * size, y: line, anchor: .left, size: size, colour: PlotFrame.ink)
      x = end + 5 * size + Canvas.textWidth(name, size: size) + 16 * size
    }
  }

  private static func draw(
    _ panel: Panel, in area: PixelRect, _ size: Double, on canvas: inout Canvas
  ) {
    func dots(_ count: Double) -> Int { Canvas.dots(count, size: size) }
    let filled = (panel.first + panel.second).filter { $0 > 0 }
    // From 0 on, or on a logarithmic scale from below the smallest that there is.
    let isLinear = panel.yScale == .linear
    let ends = [
      isLinear ? 0 : (filled.min() ?? 1) / 2, (filled.max() ?? 1) * (isLinear ? 1.05 : 2),
    ]
    let yAxis = PlotAxis(values: ends, scale: panel.yScale, margin: 0)
    let xAxis = PlotAxis(values: panel.edges, scale: panel.xScale, margin: 0)
    let top = area.top + dots(18)
    let bottom = area.bottom - dots(31)
    let yTicks = yAxis.ticks(count: max(2, (bottom - top) / dots(20)))
      .filter { (0...1).contains(yAxis.place($0.value) ?? -1) }
    let labelWidth = yTicks.map { Canvas.textWidth($0.label, size: size) }.max() ?? 0
    let frame = PlotFrame(
      xAxis: xAxis, yAxis: yAxis,
      plot: PixelRect(
        left: area.left + dots(12) + Int(labelWidth.rounded(.up)), top: top,
        right: area.right - dots(16), bottom: bottom), textSize: size)
    frame.drawTicks(x: xTicks(frame), y: yTicks, hasGrid: true, on: &canvas)
    drawBins(panel, frame, on: &canvas)
    frame.drawAxes(on: &canvas)
    canvas.text(
      panel.title, x: Double(frame.plot.left), y: Double(area.top + dots(9)), anchor: .left,
      size: size, colour: PlotFrame.ink, isBold: true)
    canvas.text(
      panel.xLabel, x: frame.x(0.5), y: Double(bottom + dots(21)), anchor: .centre, size: size,
      colour: PlotFrame.ink)
    guard filled.isEmpty else { return }
    canvas.text(
      "no data", x: frame.x(0.5), y: frame.y(0.5), anchor: .centre, size: size,
      colour: PlotFrame.ink)
  }

  /// As many as their labels have room.
  private static func xTicks(_ frame: PlotFrame) -> [PlotAxis.Tick] {
    let widest =
      frame.xAxis.ticks(count: 5).map { Canvas.textWidth($0.label, size: frame.textSize) }.max()
      ?? 0
    let most = Int(Double(frame.plot.width) / max(1, widest + Double(frame.dots(12))))
    return frame.xAxis.ticks(count: min(8, max(2, most)))
  }

  private static func drawBins(
    _ panel: Panel, _ frame: PlotFrame, on canvas: inout Canvas
  ) {
    let columns = panel.edges.map { frame.xAxis.place($0).map(frame.x) ?? Double(frame.plot.left) }
    func row(_ value: Double) -> Double {
      frame.yAxis.place(value).map(frame.y) ?? Double(frame.plot.bottom)
    }
    for (index, value) in panel.first.enumerated() where value > 0 {
      canvas.fill(
        PixelRect(
          left: Int(columns[index].rounded()), top: Int(row(value).rounded()),
          right: Int(columns[index + 1].rounded()), bottom: frame.plot.bottom), filling)
    }
    for (values, colour) in [(panel.first, colours.first), (panel.second, colours.second)] {
      var steps: [Segment] = []
      var last = Double(frame.plot.bottom)
      for (index, value) in values.enumerated() {
        let (left, right, next) = (columns[index], columns[index + 1], row(value))
        steps.append(Segment(x0: left, y0: last, x1: left, y1: next))
        steps.append(Segment(x0: left, y0: next, x1: right, y1: next))
        last = next
      }
      steps.append(
        Segment(
          x0: columns[columns.count - 1], y0: last, x1: columns[columns.count - 1],
          y1: Double(frame.plot.bottom)))
      canvas.stroke(
        steps, thickness: 2, colour: colour,
        clip: PixelRect(
          left: frame.plot.left, top: frame.plot.top - 1, right: frame.plot.right + 1,
          bottom: frame.plot.bottom))
    }
  }
}
