import Pictures

extension CurvePlot {
  /// Where the parts of a panel are.
  struct PanelLayout {
    let area: PixelRect
    var frame: PlotFrame
    let yTicks: [PlotAxis.Tick]
    let legend: [LegendRow]
    /// Whether the legend stands to the right of the title.
    let sharesTitleLine: Bool

    /// As many ticks along x as their labels have room.
    var xTicks: [PlotAxis.Tick] {
      let widest =
        frame.xAxis.ticks(count: 6)
        .map { Canvas.textWidth($0.label, size: frame.textSize) }.max() ?? 0
      let most = Int(Double(frame.plot.width) / max(1, widest + Double(frame.dots(20))))
      return frame.xAxis.ticks(count: min(10, max(2, most)))
    }

    init(_ panel: Panel, in area: PixelRect, textSize size: Double) {
      self.area = area
      func dots(_ count: Double) -> Int { Canvas.dots(count, size: size) }
      legend = CurvePlot.legendRows(panel, width: area.width - dots(30), size: size)
      let titleWidth = Canvas.textWidth(panel.title, size: size * PlotFrame.titleShare)
      sharesTitleLine =
        legend.count == 1
        && titleWidth + legend[0].width + Double(dots(60)) < Double(area.width)
      let headLines = sharesTitleLine ? 1 : (panel.title.isEmpty ? 0 : 1) + legend.count
      let top = area.top + dots(6) + headLines * dots(13)
      let bottom = area.bottom - dots(panel.xLabel.isEmpty ? 18 : 30)
      let (xAxis, yAxis) = panel.axes
      yTicks = yAxis.ticks(count: max(2, (bottom - top) / dots(20)))
      let labelWidth = yTicks.map { Canvas.textWidth($0.label, size: size) }.max() ?? 0
      let left = area.left + dots(panel.yLabel.isEmpty ? 12 : 24) + Int(labelWidth.rounded(.up))
      // The last label is centred on a tick that can be at the very end.
      let lastLabel = xAxis.ticks(count: 6).last.map { Canvas.textWidth($0.label, size: size) }
      let right = area.right - max(dots(14), Int((lastLabel ?? 0) / 2) + dots(5))
      frame = PlotFrame(
        xAxis: xAxis, yAxis: yAxis,
        plot: PixelRect(left: left, top: top, right: right, bottom: bottom), textSize: size)
    }
  }

  static func draw(_ panel: Panel, in layout: PanelLayout, on canvas: inout Canvas) {
    let frame = layout.frame
    guard frame.plot.width > 0, frame.plot.height > 0 else { return }
    frame.drawTicks(x: layout.xTicks, y: layout.yTicks, hasGrid: true, on: &canvas)
    drawCurves(of: panel, in: frame, on: &canvas)
    // The axes go over the curves.
    frame.drawAxes(on: &canvas)
    drawHead(of: panel, layout, on: &canvas)
    drawLabels(of: panel, layout, on: &canvas)
  }

  /// Draws the title and the legend.
  private static func drawHead(
    of panel: Panel, _ layout: PanelLayout, on canvas: inout Canvas
  ) {
    let (frame, size) = (layout.frame, layout.frame.textSize)
    var line = Double(layout.area.top + frame.dots(10))
    frame.drawTitle(panel.title, y: line, on: &canvas)
    if !layout.sharesTitleLine && !panel.title.isEmpty { line += Double(frame.dots(13)) }
    for row in layout.legend {
      var x =
        layout.sharesTitleLine ? Double(frame.plot.right) - row.width : Double(frame.plot.left)
      for entry in row.entries {
        let key = segments(
          along: [(x, line), (x + 12 * size, line)], isDashed: entry.index >= colours.count)
        canvas.stroke(
          key, thickness: lineThickness + 0.5, colour: colours[entry.index % colours.count])
        canvas.text(
          entry.name, x: x + 16 * size, y: line, anchor: .left, size: size, colour: PlotFrame.ink)
        x += entry.width
      }
      line += Double(frame.dots(13))
    }
  }

  /// Draws the axes' labels, and where there is no curve a note.
  private static func drawLabels(
    of panel: Panel, _ layout: PanelLayout, on canvas: inout Canvas
  ) {
    let (frame, size, ink) = (layout.frame, layout.frame.textSize, PlotFrame.ink)
    let (middle, centre) = (frame.x(0.5), frame.y(0.5))
    if !panel.hasPoints {
      canvas.text("no data", x: middle, y: centre, anchor: .centre, size: size, colour: ink)
    }
    canvas.text(
      panel.xLabel, x: middle, y: Double(frame.plot.bottom + frame.dots(20.5)), anchor: .centre,
      size: size, colour: ink)
    // A long one gets smaller before it reaches another panel.
    let room = Double(frame.plot.height + frame.dots(16))
    canvas.text(
      panel.yLabel, x: Double(layout.area.left + frame.dots(9)), y: centre, anchor: .centre,
      size: Canvas.size(size, fitting: panel.yLabel, in: room), colour: ink, isUpright: true)
  }

  // MARK: - Legend

  struct LegendEntry {
    var index: Int
    var name: String
    var width: Double
  }

  struct LegendRow {
    var entries: [LegendEntry] = []
    var width = 0.0
  }

  static func legendRows(_ panel: Panel, width: Int, size: Double) -> [LegendRow] {
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
}

extension CurvePlot.Panel {
  /// The axes that fit the series.
  fileprivate var axes: (x: PlotAxis, y: PlotAxis) {
    // A point whose other value is missing does not count: it must not make an axis longer.
    let x = series.lazy.flatMap { series in
      zip(series.x, series.y).lazy.filter { $0.1.isFinite }.map(\.0)
    }
    let y = series.lazy.flatMap { series in
      zip(series.x, series.y).lazy.filter { $0.0.isFinite }.map(\.1)
    }
    return (
      PlotAxis(values: x + xExtent, scale: .linear, margin: 0),
      PlotAxis(values: y, scale: yScale, margin: 0.05)
    )
  }

  /// Whether a series has a point that a linear scale can show.
  fileprivate var hasPoints: Bool {
    series.contains { zip($0.x, $0.y).contains { $0.isFinite && $1.isFinite } }
  }
}
