import Foundation
import Storage

/// The numbers of a `metrics.csv`, by column.
package struct MetricsTable: Sendable, Equatable {
  /// Column names without their units.
  package let names: [String]
  /// A column's values, in the order of the rows.
  package let columns: [[Double]]

  /// Reads a log, leaving out a last line that was cut off.
  ///
  /// - Throws: `ReportsError` where the file cannot be read or a field is no number.
  package init(path: String) throws {
    let text: String
    do { text = String(decoding: try FileSystem.readFile(path), as: UTF8.self) } catch {
      throw ReportsError("\(error)")
    }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: true)
    guard let header = lines.first else { throw ReportsError("\(path): empty, expected a header") }
    if !text.hasSuffix("\n") { lines.removeLast() }
    names = header.split(separator: ",").map { name in
      String(name.prefix { $0 != "(" }).trimmingCharacters(in: .whitespaces)
    }
    var columns = names.map { _ in [Double]() }
    for (number, line) in lines.dropFirst().enumerated() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
      guard fields.count == names.count else {
        throw ReportsError("\(path):\(number + 2): \(fields.count) fields, expected \(names.count)")
      }
      for (index, field) in fields.enumerated() {
        guard let field else {
          throw ReportsError("\(path):\(number + 2): field \(index + 1) is no number")
        }
        columns[index].append(field)
      }
    }
    self.columns = columns
  }

  /// The values of a column, empty where there is none of that name.
  package subscript(name: String) -> [Double] {
    names.firstIndex(of: name).map { columns[$0] } ?? []
  }

  /// Curves of the W distance, the penalty and the losses over the iterations.
  package func curves(title: String) -> Image {
    let x = self["iteration"]
    let line = { (name: String, column: String) in
      CurvePlot.Series(name: name, x: x, y: self[column])
    }
    return CurvePlot.render(
      [
        CurvePlot.Panel(
          title: "\(title): W distance", xLabel: "iteration", yLabel: "score",
          series: [line("", "w_distance")], yScale: .linear),
        CurvePlot.Panel(
          title: "penalty", xLabel: "iteration", yLabel: "score", series: [line("", "penalty")],
          yScale: .log),
        CurvePlot.Panel(
          title: "losses", xLabel: "iteration", yLabel: "score",
          series: [line("critic", "critic_loss"), line("generator", "generator_loss")],
          yScale: .linear),
      ], width: 1000, height: 900)
  }
}
