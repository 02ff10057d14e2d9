import Base
import Foundation
import Pictures
import Reports
import Storage
import TestSupport
import Testing

/// Logs with odd headers, lines and values; damaged ones are ReaderTests'.
@Suite struct BadFileTests {
  private func read(_ text: String) throws -> MetricsTable {
    try withTemporaryFolder { folder in
      try FileSystem.writeAtomically(text, to: "\(folder)/metrics.csv")
      return try MetricsTable(path: "\(folder)/metrics.csv")
    }
  }

  @Test func whatSpreadsheetsWriteIsRead() throws {
    let table = try read("\u{FEFF}iteration,loss (nats)\r\n1,2\r\n2,3\r\n")
    #expect(table.names == ["iteration", "loss"] && table.units == ["", "nats"])
    #expect(table.columns == [[1, 2], [2, 3]])
  }

  @Test func otherHeadersAreRefused() throws {
    #expect(
      message { try read("step,loss\n1,2\n") }?.hasSuffix(
        "metrics.csv:1: expected a header with a column 'iteration', found 'step,loss'") == true)
    let wide = (0..<10_000).map { "c\($0)" }.joined(separator: ",")
    #expect(
      message { try read("iteration,\(wide)\n") }?.hasSuffix(
        "10001 columns, at most 128 are expected") == true)
    #expect(message { try read("iteration,,\n1,2,3\n") } == nil)
  }

  /// Values whose differences are infinite or below the smallest number, and all the same ones.
  @Test(arguments: [
    [1e308, -1e308], [1.7e308, 1.7e308], [5e-324, 1e-323], [1e300, -1e299], [9e15, 9e15 + 2],
    [-0.0, 0], [1e-300, 1e308],
  ])
  func extremeValuesAreDrawn(values: [Double]) throws {
    for scale in [PlotScale.linear, .log, .symlog(linearUpTo: 1)] {
      for (x, y) in [([1, 2], values), (values, [1, 2])] {
        let panel = CurvePlot.Panel(
          title: "x", xLabel: "iteration", yLabel: "", series: [.init(name: "", x: x, y: y)],
          yScale: scale)
        let picture = CurvePlot.render([panel], width: 320, height: 160)
        #expect(picture.pixels.contains { $0 < 255 })
      }
    }
  }
}
