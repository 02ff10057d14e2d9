import Base
import Foundation
import Storage

/// The numbers of a `metrics.csv`, by column.
package struct MetricsTable: Sendable, Equatable {
  /// Column names without their units.
  package let names: [String]
  /// The columns' units, as the header has them in brackets; empty where it has none.
  package let units: [String]
  /// A column's values, in the order of the rows.
  package let columns: [[Double]]

  /// Reads a log, leaving out a last line that was cut off.
  ///
  /// - Throws: `Fault` where the file cannot be read or a field is no number.
  package init(path: String) throws {
    let text: String
    do { text = String(decoding: try FileSystem.readFile(path), as: UTF8.self) } catch {
      throw Fault("\(error)")
    }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: true)
    guard let header = lines.first else { throw Fault("\(path): empty, expected a header") }
    if !text.hasSuffix("\n") { lines.removeLast() }
    names = header.split(separator: ",").map { name in
      String(name.prefix { $0 != "(" }).trimmingCharacters(in: .whitespaces)
    }
    units = header.split(separator: ",").map { name in
      String(name.drop { $0 != "(" }.dropFirst().prefix { $0 != ")" })
    }
    var columns = names.map { _ in [Double]() }
    for (number, line) in lines.dropFirst().enumerated() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
      guard fields.count == names.count else {
        throw Fault("\(path):\(number + 2): \(fields.count) fields, expected \(names.count)")
      }
      for (index, field) in fields.enumerated() {
        guard let field else {
          throw Fault("\(path):\(number + 2): field \(index + 1) is no number")
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
}
