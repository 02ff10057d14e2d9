import Pictures
import Reports
import Testing

@Suite struct HistogramPlotTests {
  private static func panel(
    _ first: [Double], _ second: [Double], xScale: PlotScale = .linear
  ) -> HistogramPlot.Panel {
    .init(
      title: "T", xLabel: "x", edges: (0...first.count).map { Double($0 + 1) }, first: first,
      second: second, xScale: xScale)
  }

  @Test func panelsStandBesideEachOther() {
    let panels = [Self.panel([0.5, 0.5, 0], [0, 0.5, 0.5]), Self.panel([1, 0], [0, 1])]
    let image = HistogramPlot.render(
      panels, names: ("reals", "samples"), panelWidth: 240, panelHeight: 160)
    #expect(image.width == 480 && image.channels == 3 && image.height > 160)
    #expect(
      image
        == HistogramPlot.render(
          panels, names: ("reals", "samples"), panelWidth: 240, panelHeight: 160))
    // Below the key both colours in both panels.
    for colour in [CurvePlotTests.blue, CurvePlotTests.vermillion] {
      let places = CurvePlotTests.places(of: colour, in: image).filter { $0.y > 40 }
      #expect(places.contains { $0.x < 240 } && places.contains { $0.x > 240 }, "\(colour)")
    }
  }

  /// What is filled lies to the left where the first set's values do.
  @Test func binsStandAtTheirValues() throws {
    let image = HistogramPlot.render(
      [Self.panel([1, 0, 0, 0], [0, 0, 0, 1])], names: ("a", "b"), panelWidth: 400,
      panelHeight: 300)
    let filled = CurvePlotTests.places(of: [0xC6, 0xDF, 0xF0], in: image).filter { $0.y > 60 }
    let line = CurvePlotTests.places(of: CurvePlotTests.vermillion, in: image)
      .filter { $0.y > 60 && $0.y < 200 }
    let (end, start) = (try #require(filled.map(\.x).max()), try #require(line.map(\.x).min()))
    #expect(end < 150 && start > 250)
    // Up to the top of the plot.
    #expect(try #require(filled.map(\.y).min()) < 80)
  }

  @Test func nothingToShow() {
    let image = HistogramPlot.render(
      [Self.panel([0, 0], [0, 0], xScale: .log)], names: ("a", "b"))
    #expect(image.width == 420 && image.height > 300)
  }
}
