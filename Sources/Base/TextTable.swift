/// A table for people: a line a row under a header, if there is one; texts at the left and numbers
/// at the right of their columns.
///
/// A cell may have several lines; the further ones stand below in the same column.
package struct TextTable {
  /// A column's header, and where its cells stand.
  package struct Column {
    fileprivate let title: String
    fileprivate let isNumber: Bool

    /// Cells at the left.
    package static func text(_ title: String) -> Self { Self(title: title, isNumber: false) }

    /// Cells at the right, the header too.
    package static func number(_ title: String) -> Self { Self(title: title, isNumber: true) }
  }

  private let columns: [Column]
  private var rows: [[String]] = []

  /// A table without rows.
  package init(_ columns: [Column]) { self.columns = columns }

  /// Adds a row, a cell a column.
  package mutating func add(_ cells: [String]) {
    precondition(
      cells.count == columns.count, "\(cells.count) cells for \(columns.count) columns")
    rows.append(cells)
  }

  /// The lines, two blanks between columns and none at the end of a line; first the header, unless
  /// all titles are empty.
  package var lines: [String] {
    let titles = columns.map(\.title)
    let all = ((titles.allSatisfy(\.isEmpty) ? [] : [titles]) + rows).map { row in
      row.map { $0.split(separator: "\n", omittingEmptySubsequences: false) }
    }
    let widths = columns.indices.map { column in
      all.flatMap { $0[column] }.map(\.count).max() ?? 0
    }
    return all.flatMap { row in
      (0..<(row.map(\.count).max() ?? 1)).map { line in
        columns.indices.map { column in
          let text = line < row[column].count ? String(row[column][line]) : ""
          let room = String(repeating: " ", count: widths[column] - text.count)
          return columns[column].isNumber ? room + text : text + room
        }.joined(separator: "  ").withoutTrailingBlanks
      }
    }
  }

  /// The lines in one text, without a line break at the end.
  package var text: String { lines.joined(separator: "\n") }
}

extension String {
  fileprivate var withoutTrailingBlanks: String {
    String(self[..<(lastIndex { $0 != " " }.map(index(after:)) ?? startIndex)])
  }
}
