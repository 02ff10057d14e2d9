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

  /// Columns of a log: a picture of curves has a panel for each.
  package static let mostColumns = 128

  /// Reads a log, leaving out a last line that was cut off.
  ///
  /// - Throws: `Fault` where the file cannot be read, its header has no column `iteration` or too
  ///   many, or a field is no number.
  package init(path: String) throws {
    var bytes = try FileSystem.readFile(path)[...]
    // What spreadsheets write: a mark in front, and lines that end in two signs.
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    let isWhole = bytes.last == UInt8(ascii: "\n")
    var lines = bytes.split(separator: UInt8(ascii: "\n")).map {
      $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0
    }
    guard let header = lines.first else { throw Fault("\(path): empty, expected a header") }
    if !isWhole { lines.removeLast() }
    let fields = Self.fields(header)
    guard fields.count <= Self.mostColumns else {
      throw Fault("\(path): \(fields.count) columns, at most \(Self.mostColumns) are expected")
    }
    names = fields.map { name in
      String(name.prefix { $0 != "(" }).trimmingCharacters(in: .whitespaces)
    }
    units = fields.map { name in
      String(name.drop { $0 != "(" }.dropFirst().prefix { $0 != ")" })
    }
    guard names.contains("iteration") else {
      throw Fault(
        "\(path):1: expected a header with a column 'iteration', found '\(header.text.prefix(80))'")
    }
    var columns = names.map { _ in [Double]() }
    for (number, line) in lines.dropFirst().enumerated() {
      let fields = Self.fields(line).map { Double($0) }
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

  private static func fields(_ line: ArraySlice<UInt8>) -> [String] {
    line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map(\.text)
  }

  /// The values of a column, empty where there is none of that name.
  package subscript(name: String) -> [Double] {
    names.firstIndex(of: name).map { columns[$0] } ?? []
  }
}

extension ArraySlice<UInt8> {
  fileprivate var text: String { String(decoding: self, as: UTF8.self) }
}
