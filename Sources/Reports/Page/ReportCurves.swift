import Foundation

/// The curves of a page: of one run its panels, of several a panel a column with a line a run.
struct ReportCurves {
  /// The section.
  let html: String
  /// What the script reads values from.
  let json: String

  /// Pixels of a panel, and of the typeface's dots.
  private static let (width, height, textSize) = (480, 270, 1.5)
  /// Points of a line that can be read, of all runs together.
  private static let mostPoints = 1000

  /// A panel as the script knows it.
  private struct Panel: Encodable {
    var name: String
    var label: String
    /// Left, top, right and bottom of the plot.
    var plot: [Int]
    /// Ends of the axes, as they are scaled.
    var x: [Double]
    var y: [Double]
    /// `linear`, `log`, or where a symmetric logarithm begins.
    var scale: String
    var lines: [Line]
  }

  private struct Line: Encodable {
    var name: String
    var colour: String
    var x: [Double]
    /// null for what is no number.
    var y: [Double?]
  }

  init(_ runs: [RunPage]) throws {
    let tables = runs.map { [$0.metrics, $0.scores].compactMap { $0 } }
    let panels: [CurvePlot.Panel]
    if runs.count == 1 {
      panels = runs[0].metrics?.panels(scores: runs[0].scores) ?? []
    } else {
      panels = try MetricsTable.comparisonPanels(zip(runs, tables).map { ($0.name, $1) })
    }
    var figures = ""
    var data: [Panel] = []
    let points = max(50, Self.mostPoints / runs.count)
    let rows = tables.compactMap { $0.first?["iteration"].count }.max() ?? 0
    for (index, panel) in panels.enumerated() {
      let figure = CurvePlot.figure(
        panel, width: Self.width, height: Self.height, textSize: Self.textSize)
      let name = "panel\(index)"
      let svg = try SVGWriter.element(
        figure.canvas, title: "\(panel.yLabel) over iterations", name: name)
      figures += """
        <figure class="curve" tabindex="0" aria-label="\(Markup.escaped(panel.yLabel)): \
        left and right arrow keys read values">
        \(svg)<figcaption class="readout"></figcaption>
        </figure>

        """
      data.append(Self.panel(panel, figure, name: name, points: points))
    }
    let words =
      rows > points
      ? "<p class=\"quiet\">Curves show all iterations; the cursor reads every "
        + "\((rows + points - 1) / points)th.</p>\n" : ""
    html = """
      <section>
      <h2>Curves</h2>
      \(panels.isEmpty ? "<p>There is no iteration yet.</p>\n" : words)<div class="curves">
      \(figures)</div>
      </section>

      """
    json = try Self.text(data)
  }

  private static func panel(
    _ panel: CurvePlot.Panel, _ figure: CurvePlot.Figure, name: String, points: Int
  ) -> Panel {
    let plot = figure.plot
    let scale =
      switch panel.yScale {
      case .linear: "linear"
      case .log: "log"
      case .symlog(let limit): "\(limit)"
      }
    let lines = zip(panel.series, figure.colours).map { series, colour in
      // Every so many, and the last one.
      let step = max(1, (series.x.count + points - 1) / points)
      let chosen = series.x.indices.filter { (series.x.count - 1 - $0) % step == 0 }
      return Line(
        name: series.name, colour: "--c\(colour)", x: chosen.map { series.x[$0] },
        y: chosen.map { series.y[$0].isFinite ? series.y[$0] : nil })
    }
    return Panel(
      name: name, label: panel.yLabel, plot: [plot.left, plot.top, plot.right, plot.bottom],
      x: [figure.xAxis.start, figure.xAxis.end], y: [figure.yAxis.start, figure.yAxis.end],
      scale: scale, lines: lines)
  }

  /// JSON that can stand in a page: nothing in it ends the element.
  private static func text(_ data: [Panel]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return String(decoding: try encoder.encode(data), as: UTF8.self)
      .replacingOccurrences(of: "<", with: "\\u003c")
  }
}
