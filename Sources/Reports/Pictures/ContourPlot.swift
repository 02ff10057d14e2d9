import Pictures

/// A place in a plot, in the axes' units.
package struct PlotPoint: Equatable, Sendable {
  package var x: Double
  package var y: Double

  package init(x: Double, y: Double) {
    self.x = x
    self.y = y
  }

  /// The points of a list x0, y0, x1, y1, ...
  package static func pairs(_ values: [Float]) -> [PlotPoint] {
    precondition(values.count % 2 == 0, "\(values.count) values are not pairs")
    return stride(from: 0, to: values.count, by: 2).map {
      PlotPoint(x: Double(values[$0]), y: Double(values[$0 + 1]))
    }
  }
}

/// A critic's landscape over the plane, with reals and generator samples.
///
/// The picture by which Gulrajani et al. 2017 (arXiv:1704.00028, figure 1) judge a critic on toy
/// data.
///
/// Bands between round levels from pale (low) to blue (high), lines at the levels, a colour bar;
/// reals as orange, samples as green crosses. A sequential scale of one hue, so that crosses of
/// both colours stand out everywhere, also to readers with any of the common colour blindnesses and
/// on paper without colour.
package struct ContourPlot: Equatable, Sendable {
  package var title: String
  /// Both axes go over this range.
  package var range: ClosedRange<Double>
  /// `gridSize * gridSize` values, row by row.
  ///
  /// Row r, column c is the value at the r-th y and the c-th x of `gridSize` even places from the
  /// lower to the upper end of the range. What is not finite stays white.
  package var values: [Float]
  package var gridSize: Int
  package var reals: [PlotPoint]
  package var samples: [PlotPoint]
  package var valueLabel = "critic value"

  // ColorBrewer's Blues without its dark end, in which crosses would drown.
  private static let shades = [0xF7FBFF, 0xDEEBF7, 0xC6DBEF, 0x9ECAE1, 0x6BAED6]
    .map { Colour($0) }
  private static let lineColour = Colour(0x3D6A96)
  private static let realColour = Colour(0xE65100)
  private static let sampleColour = Colour(0x00703C)

  package init(
    title: String, range: ClosedRange<Double> = -3...3, values: [Float], gridSize: Int,
    reals: [PlotPoint], samples: [PlotPoint]
  ) {
    precondition(gridSize >= 2, "a grid of \(gridSize)")
    precondition(
      values.count == gridSize * gridSize, "\(values.count) values for a grid of \(gridSize)")
    precondition(range.lowerBound < range.upperBound, "the range \(range) is empty")
    self.title = title
    self.range = range
    self.values = values
    self.gridSize = gridSize
    self.reals = reals
    self.samples = samples
  }

  /// The places of a grid in the order of `values`, as a list x0, y0, x1, y1 and on.
  package static func places(range: ClosedRange<Double> = -3...3, gridSize: Int) -> [Float] {
    let step = (range.upperBound - range.lowerBound) / Double(gridSize - 1)
    let line = (0..<gridSize).map { Float(range.lowerBound + Double($0) * step) }
    return line.flatMap { y in line.flatMap { [$0, y] } }
  }

  /// Draws the plot.
  ///
  /// - Parameters:
  ///   - width: Width of the picture in pixels; 320 or more. The plane is square, so the height
  ///     follows.
  ///   - textSize: Pixels between the dots of the 5 x 7 typeface.
  /// - Returns: The drawing.
  package func draw(width: Int = 900, textSize: Double = 2) -> Canvas {
    precondition(width >= 320, "\(width) pixels are too few")
    let scale = ValueScale(values)
    let axis = PlotAxis(
      values: [range.lowerBound, range.upperBound], scale: .linear, margin: 0)
    let ticks = axis.ticks(count: 6)
    let plot = place(ticks, scale.levels, width: width, size: textSize)
    let frame = PlotFrame(xAxis: axis, yAxis: axis, plot: plot, textSize: textSize)
    var canvas = Canvas(width: width, height: plot.bottom + frame.dots(20))
    drawLandscape(scale, in: plot, on: &canvas)
    drawPoints(in: frame, on: &canvas)
    PlotFrame.drawBox(around: plot, on: &canvas)
    frame.drawTicks(x: ticks, y: ticks, hasGrid: false, on: &canvas)
    drawBar(scale, beside: plot, size: textSize, on: &canvas)
    drawHead(over: frame, on: &canvas)
    return canvas
  }

  /// The same as an RGB picture; the same input gives the same bytes.
  package func render(width: Int = 900, textSize: Double = 2) -> Picture {
    draw(width: width, textSize: textSize).picture
  }

  /// The plane's square: room beside it for the ticks' labels and the colour bar with its own.
  private func place(
    _ ticks: [PlotAxis.Tick], _ levels: [PlotAxis.Tick], width: Int, size: Double
  ) -> PixelRect {
    func widest(_ ticks: [PlotAxis.Tick]) -> Int {
      Int((ticks.map { Canvas.textWidth($0.label, size: size) }.max() ?? 0).rounded(.up))
    }
    let left = Canvas.dots(14, size: size) + widest(ticks)
    let right = width - Canvas.dots(44, size: size) - widest(levels)
    let top = Canvas.dots(title.isEmpty ? 20 : 33, size: size)
    return PixelRect(left: left, top: top, right: right, bottom: top + max(1, right - left))
  }

  private func drawPoints(in frame: PlotFrame, on canvas: inout Canvas) {
    // Reals first: the samples are what the reader looks for.
    for (points, colour) in [(reals, Self.realColour), (samples, Self.sampleColour)] {
      let crosses = points.compactMap { frame.pixel($0.x, $0.y) }
        .flatMap { Self.cross($0.x, $0.y, reach: 2.25 * frame.textSize) }
      canvas.stroke(
        crosses, thickness: 0.75 * frame.textSize, colour: colour, clip: frame.plot)
    }
  }

  /// Draws the title and the legend.
  private func drawHead(over frame: PlotFrame, on canvas: inout Canvas) {
    let (left, size) = (Double(frame.plot.left), frame.textSize)
    var line = Double(frame.dots(10))
    if !title.isEmpty {
      frame.drawTitle(title, y: line, on: &canvas)
      line += Double(frame.dots(13))
    }
    var x = left
    for (name, points, colour) in [
      ("reals", reals, Self.realColour), ("generator samples", samples, Self.sampleColour),
    ] where !points.isEmpty {
      canvas.stroke(
        Self.cross(x + 4 * size, line, reach: 3 * size), thickness: size, colour: colour)
      canvas.text(
        name, x: x + 11 * size, y: line, anchor: .left, size: size, colour: PlotFrame.ink)
      x += 29 * size + Canvas.textWidth(name, size: size)
    }
  }

  // MARK: - Values and colours

  /// The levels, and the values' range.
  private struct ValueScale {
    let axis: PlotAxis
    let low: Double
    let high: Double
    let levels: [PlotAxis.Tick]

    init(_ values: [Float]) {
      let finite = values.lazy.filter(\.isFinite).map(Double.init)
      low = finite.min() ?? 0
      high = finite.max() ?? 0
      axis = PlotAxis(values: [low, high], scale: .linear, margin: 0)
      // A constant has no lines, only one shade.
      levels = high > low ? PlotAxis.linearTicks(from: low, to: high, count: 20) : []
    }

    /// The band a value is in: 0 below the lowest level.
    func band(_ value: Double) -> Int {
      var (low, high) = (0, levels.count)
      while low < high {
        let middle = (low + high) / 2
        if value >= levels[middle].value { low = middle + 1 } else { high = middle }
      }
      return low
    }

    func colour(band: Int) -> Colour {
      let shades = ContourPlot.shades
      let place = (Double(band) + 0.5) / Double(levels.count + 1) * Double(shades.count - 1)
      let first = min(Int(place), shades.count - 2)
      func mix(_ a: UInt8, _ b: UInt8) -> UInt32 {
        UInt32(Double(a) + (Double(b) - Double(a)) * (place - Double(first)) + 0.5)
      }
      let (a, b) = (shades[first], shades[first + 1])
      return Colour(
        mix(a.red, b.red) << 16 | mix(a.green, b.green) << 8 | mix(a.blue, b.blue))
    }
  }

  private func drawLandscape(_ scale: ValueScale, in plot: PixelRect, on canvas: inout Canvas) {
    let colours = (0...scale.levels.count).map { scale.colour(band: $0) }
    let cells = Double(gridSize - 1)
    let step = cells / Double(plot.width)
    // White where there is no value.
    var bands = [UInt8](repeating: 255, count: plot.width * plot.height * 3)
    for y in plot.top..<plot.bottom {
      // Rows of the grid go up, rows of pixels down.
      let v = cells - (Double(y - plot.top) + 0.5) * step
      let row = min(Int(v), gridSize - 2)
      let up = v - Double(row)
      for x in plot.left..<plot.right {
        let u = (Double(x - plot.left) + 0.5) * step
        let column = min(Int(u), gridSize - 2)
        let along = u - Double(column)
        let index = row * gridSize + column
        let below = Double(values[index]) * (1 - along) + Double(values[index + 1]) * along
        let above =
          Double(values[index + gridSize]) * (1 - along)
          + Double(values[index + gridSize + 1]) * along
        let value = below * (1 - up) + above * up
        guard value.isFinite else { continue }
        let colour = colours[scale.band(value)]
        let place = ((y - plot.top) * plot.width + x - plot.left) * 3
        bands[place] = colour.red
        bands[place + 1] = colour.green
        bands[place + 2] = colour.blue
      }
    }
    canvas.draw(
      Picture(width: plot.width, height: plot.height, channels: 3, pixels: bands),
      left: plot.left, top: plot.top)
    let pixels = Double(plot.width) / cells
    for level in scale.levels {
      let lines = ContourLines.segments(
        values, columns: gridSize, rows: gridSize, level: level.value)
      canvas.stroke(
        lines.map {
          Segment(
            x0: Double(plot.left) + $0.x0 * pixels, y0: Double(plot.bottom) - $0.y0 * pixels,
            x1: Double(plot.left) + $0.x1 * pixels, y1: Double(plot.bottom) - $0.y1 * pixels)
        }, thickness: 1, colour: Self.lineColour, opacity: 0.75, clip: plot)
    }
  }

  private func drawBar(
    _ scale: ValueScale, beside plot: PixelRect, size: Double, on canvas: inout Canvas
  ) {
    func dots(_ count: Double) -> Int { Canvas.dots(count, size: size) }
    let bar = PixelRect(
      left: plot.right + dots(8), top: plot.top, right: plot.right + dots(18), bottom: plot.bottom)
    func y(_ value: Double) -> Int {
      let place = scale.axis.place(value) ?? 0
      return min(bar.bottom - 1, bar.bottom - Int((place * Double(bar.height)).rounded()))
    }
    guard values.contains(where: \.isFinite) else { return }
    for band in 0...scale.levels.count {
      let bottom = band == 0 ? bar.bottom : y(scale.levels[band - 1].value)
      let top = band == scale.levels.count ? bar.top : y(scale.levels[band].value)
      canvas.fill(
        PixelRect(left: bar.left, top: top, right: bar.right, bottom: bottom),
        scale.colour(band: band))
    }
    PlotFrame.drawBox(around: bar, on: &canvas)
    // Labels on every level, or every so many where they would touch.
    let spacing = Double(bar.height) / Double(max(1, scale.levels.count))
    let every = max(1, Int((Double(dots(14)) / spacing).rounded(.up)))
    for (index, level) in scale.levels.enumerated() {
      let place = y(level.value)
      canvas.fill(
        PixelRect(left: bar.left, top: place, right: bar.right + dots(2), bottom: place + 1),
        Self.lineColour)
      guard index % every == 0 else { continue }
      canvas.text(
        level.label, x: Double(bar.right + dots(5)), y: Double(place) + 0.5, anchor: .left,
        size: size, colour: PlotFrame.ink)
    }
    canvas.text(
      valueLabel, x: Double(canvas.width - dots(7)), y: Double(bar.top + bar.bottom) / 2,
      anchor: .centre, size: size, colour: PlotFrame.ink, isUpright: true)
  }

  private static func cross(_ x: Double, _ y: Double, reach: Double) -> [Segment] {
    [
      Segment(x0: x - reach, y0: y, x1: x + reach, y1: y),
      Segment(x0: x, y0: y - reach, x1: x, y1: y + reach),
    ]
  }
}
