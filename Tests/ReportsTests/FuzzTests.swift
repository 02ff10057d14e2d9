import Base
import Foundation
import Pictures
import Reports
import Storage
import TestSupport
import Testing

/// Damaged logs are refused in one line that names them, or drawn; nothing crashes or hangs.
@Suite struct FuzzTests {
  private let log = Array(
    """
    iteration,w_distance,penalty,critic_loss,generator_loss,seconds (s)
    1,0.5,1e-3,-1.25,2,0.1
    2,nan,0,-inf,3,0.1
    3,0.75,2e-3,-1e30,4,0.1

    """.utf8)

  @Test func logs() throws {
    let result = try fuzz([log], count: 5000) { path in _ = try MetricsTable(path: path) }
    #expect(result.complaints.isEmpty, "\(result.complaints.prefix(3))")
    #expect(result.loaded > 500 && result.refused > 500, "\(result.loaded), \(result.refused)")
  }

  @Test func curves() throws {
    let result = try fuzz([log], count: 60) { path in
      let table = try MetricsTable(path: path)
      _ = table.curves(title: "x", scores: table)
    }
    #expect(result.complaints.isEmpty && result.loaded > 5, "\(result)")
  }

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
