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
  static let colours: [Colour] = [
    Colour(0x0072B2), Colour(0xD55E00), Colour(0x009E73), Colour(0xCC79A7), Colour(0xE69F00),
    Colour(0x56B4E9), Colour(0x000000),
  ]
  static let lineThickness = 2.0

  /// Draws panels one below the other, each of the same height.
  ///
  /// - Parameters:
  ///   - panels: At least one.
  ///   - width: Width of the picture in pixels; 320 or more.
  ///   - height: Height of the picture in pixels; 160 or more a panel.
  ///   - textSize: Pixels between the dots of the 5 x 7 typeface.
  /// - Returns: The drawing.
  package static func draw(
    _ panels: [Panel], width: Int = 1200, height: Int? = nil, textSize: Double = 2
  ) -> Canvas {
    let height = height ?? 420 * panels.count
    precondition(!panels.isEmpty, "a plot needs panels")
    precondition(
      width >= 320 && height >= 160 * panels.count,
      "\(width) x \(height) pixels are too few for \(panels.count) panels")
    var canvas = Canvas(width: width, height: height)
    var layouts = panels.enumerated().map { index, panel in
      let area = PixelRect(
        left: 0, top: height * index / panels.count, right: width,
        bottom: height * (index + 1) / panels.count)
      return PanelLayout(panel, in: area, textSize: textSize)
    }
    // One left and one right edge for all: panels over the same iterations line up.
    let left = layouts.map(\.frame.plot.left).max() ?? 0
    let right = layouts.map(\.frame.plot.right).min() ?? width
    for (index, panel) in panels.enumerated() {
      layouts[index].frame.plot.left = left
      layouts[index].frame.plot.right = right
      draw(panel, in: layouts[index], on: &canvas)
    }
    return canvas
  }

  /// The same as an RGB picture, white where nothing is; the same input gives the same bytes.
  package static func render(
    _ panels: [Panel], width: Int = 1200, height: Int? = nil, textSize: Double = 2
  ) -> Picture { draw(panels, width: width, height: height, textSize: textSize).picture }

  /// A panel by itself, and where its values are: for who draws over it.
  package struct Figure: Sendable {
    package let canvas: Canvas
    /// Between the axes, pixels.
    package let plot: PixelRect
    package let xAxis: PlotAxis
    package let yAxis: PlotAxis
    /// A series' colour, as six hexadecimal digits.
    package let colours: [String]
  }

  /// Draws one panel.
  ///
  /// - Parameters:
  ///   - panel: The panel.
  ///   - width: Width of the drawing in pixels; 320 or more.
  ///   - height: Height in pixels; 160 or more.
  ///   - textSize: Pixels between the dots of the 5 x 7 typeface.
  /// - Returns: The drawing, and the axes' places in it.
  package static func figure(
    _ panel: Panel, width: Int, height: Int, textSize: Double
  ) -> Figure {
    var canvas = Canvas(width: width, height: height)
    let area = PixelRect(left: 0, top: 0, right: width, bottom: height)
    let layout = PanelLayout(panel, in: area, textSize: textSize)
    draw(panel, in: layout, on: &canvas)
    return Figure(
      canvas: canvas, plot: layout.frame.plot, xAxis: layout.frame.xAxis,
      yAxis: layout.frame.yAxis,
      colours: panel.series.indices.map { colours[$0 % colours.count].hex })
  }
}
