/// A plot's rectangle with its two axes: where values are, their ticks, the lines around.
struct PlotFrame {
  let xAxis: PlotAxis
  let yAxis: PlotAxis
  /// Between the axes.
  var plot: PixelRect
  /// Pixels between the dots of the typeface: lengths grow with the text.
  let textSize: Double

  /// The colour of lines and text.
  static let ink = Colour(0x222222)
  private static let gridColour = Colour(0xE4E4E4)

  // MARK: - From values to pixels

  /// The column of a place on the x axis, 0 its start and 1 its end.
  func x(_ place: Double) -> Double { Double(plot.left) + place * Double(plot.width) }

  /// The row of a place on the y axis, 0 its start, at the bottom, and 1 its end.
  func y(_ place: Double) -> Double { Double(plot.bottom) - place * Double(plot.height) }

  /// The pixel of two values; nil where one cannot be shown.
  func pixel(_ x: Double, _ y: Double) -> (x: Double, y: Double)? {
    guard let x = xAxis.place(x), let y = yAxis.place(y) else { return nil }
    return (self.x(x), self.y(y))
  }

  // MARK: - Drawing

  /// Draws ticks and their labels, to the left of the plot and below it.
  ///
  /// Hairlines are whole pixels: antialiased ones look smeared.
  ///
  /// - Parameters:
  ///   - xTicks: Values along the x axis.
  ///   - yTicks: Values along the y axis.
  ///   - hasGrid: Whether a pale line goes through the plot at each tick.
  ///   - canvas: The picture.
  func drawTicks(
    x xTicks: [PlotAxis.Tick], y yTicks: [PlotAxis.Tick], hasGrid: Bool, on canvas: inout Canvas
  ) {
    let length = dots(2.5)
    for tick in yTicks {
      guard let place = yAxis.place(tick.value) else { continue }
      let y = Int(self.y(place))
      let row = { (left: Int, right: Int) in
        PixelRect(left: left, top: y, right: right, bottom: y + 1)
      }
      if hasGrid { canvas.fill(row(plot.left, plot.right), Self.gridColour) }
      canvas.fill(row(plot.left - length, plot.left), Self.ink)
      canvas.text(
        tick.label, x: Double(plot.left - dots(5)), y: Double(y) + 0.5, anchor: .right,
        size: textSize, colour: Self.ink)
    }
    for tick in xTicks {
      guard let place = xAxis.place(tick.value) else { continue }
      let x = Int(self.x(place))
      let column = { (top: Int, bottom: Int) in
        PixelRect(left: x, top: top, right: x + 1, bottom: bottom)
      }
      if hasGrid { canvas.fill(column(plot.top, plot.bottom), Self.gridColour) }
      canvas.fill(column(plot.bottom, plot.bottom + length), Self.ink)
      canvas.text(
        tick.label, x: Double(x) + 0.5, y: Double(plot.bottom + dots(8.5)), anchor: .centre,
        size: textSize, colour: Self.ink)
    }
  }

  /// A title's size, as a share of that of the other text: one for all figures.
  static let titleShare = 1.1

  /// Draws a title over the plot's left edge; a long one gets smaller before it leaves the picture.
  func drawTitle(_ title: String, y: Double, on canvas: inout Canvas) {
    let room = Double(canvas.width - plot.left - dots(4))
    canvas.text(
      title, x: Double(plot.left), y: y, anchor: .left,
      size: Canvas.size(textSize * Self.titleShare, fitting: title, in: room), colour: Self.ink,
      isBold: true)
  }

  /// Draws the two axes' lines, on the plot's left and lower edge.
  func drawAxes(on canvas: inout Canvas) {
    let (left, bottom) = (plot.left, plot.bottom)
    canvas.fill(
      PixelRect(left: left, top: plot.top, right: left + 1, bottom: bottom + 1), Self.ink)
    canvas.fill(
      PixelRect(left: left, top: bottom, right: plot.right, bottom: bottom + 1), Self.ink)
  }

  /// Draws a line of one pixel around a rectangle.
  static func drawBox(around rect: PixelRect, on canvas: inout Canvas) {
    let (left, right) = (rect.left - 1, rect.right + 1)
    let (top, bottom) = (rect.top - 1, rect.bottom + 1)
    for edge in [
      PixelRect(left: left, top: top, right: left + 1, bottom: bottom),
      PixelRect(left: right - 1, top: top, right: right, bottom: bottom),
      PixelRect(left: left, top: top, right: right, bottom: top + 1),
      PixelRect(left: left, top: bottom - 1, right: right, bottom: bottom),
    ] { canvas.fill(edge, ink) }
  }

  /// A length in dots of the typeface, in whole pixels.
  func dots(_ count: Double) -> Int { Canvas.dots(count, size: textSize) }
}
