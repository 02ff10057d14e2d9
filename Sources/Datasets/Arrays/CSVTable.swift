import Base
import Storage

/// Columns of a table in text: numbers between commas, semicolons or tabs, the columns' names in
/// the first line, in quotes or not (RFC 4180), plain or compressed with gzip.
///
/// A first line of nothing but numbers is a row, and the columns are called 0, 1 and on.
package final class CSVTable: ArrayField {
  let name: String
  let type = ElementType.float64
  let isBigEndian = false
  let sizes: [Int]
  private(set) var rows: Int?
  let offset: Int? = nil
  private let names: [String]
  let path: String
  private let separator: UInt8
  private let hasHeader: Bool
  /// Columns of the file.
  private let width: Int
  /// For each column of the file where it goes; nil for one that is not wanted.
  private let places: [Int?]

  var columns: [String]? { names }

  /// Bytes of a line that are the most: 2^18 numbers of 17 digits.
  private static let mostLine = 8 << 20

  /// - Parameters:
  ///   - path: The file.
  ///   - columns: Names, in the order in which they are wanted; empty for all but `others`.
  ///   - others: Names of columns that are something else.
  /// - Throws: `Fault` where the file cannot be read, or lacks a column.
  init(path: String, columns: [String], others: [String]) throws {
    self.path = path
    name = columns.isEmpty ? path : "\(path): \(columns.prefix(3).joined(separator: ", "))"
    var first: [String] = []
    let start = try Self.firstLine(of: path)
    separator = Self.separator(of: start)
    try Self.forEachRecord(of: path, separator: separator, most: 1) { _, cells in
      first = cells.map { String(decoding: $0, as: UTF8.self).trimmed }
    }
    guard !first.isEmpty else { throw Fault("\(path): empty; expected a table") }
    width = first.count
    hasHeader = !first.allSatisfy { Double($0) != nil }
    let all = hasHeader ? first : first.indices.map(String.init)
    var columnOfName: [String: Int] = [:]
    for (column, name) in all.enumerated() {
      let other = columnOfName.updateValue(column, forKey: name)
      guard let other, columns.isEmpty || columns.contains(name) else { continue }
      throw Fault(
        "\(path):1: columns \(other + 1) and \(column + 1) are both called '\(name.onOneLine)'")
    }
    names = columns.isEmpty ? all.filter { !others.contains($0) } : columns
    var places = [Int?](repeating: nil, count: width)
    for (place, name) in names.enumerated() {
      guard let column = columnOfName[name] else {
        let list = all.prefix(20).joined(separator: ", ") + (all.count > 20 ? ", ..." : "")
        throw Fault("\(path): expected a column '\(name.onOneLine)', found \(list.onOneLine)")
      }
      guard places[column] == nil else {
        throw Fault("\(path): column '\(name.onOneLine)' is wanted twice")
      }
      places[column] = place
    }
    self.places = places
    // One named column is one number, as a list of numbers in a file of arrays.
    sizes = columns.count == 1 ? [] : [names.count]
  }

  func read(rows wanted: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Int
  {
    var row = hasHeader ? -1 : 0
    var numbers = [Double](repeating: 0, count: names.count)
    try Self.forEachRecord(of: path, separator: separator) { line, cells in
      defer { row += 1 }
      guard row >= 0 else { return true }
      guard cells.count == width else {
        throw Fault(
          "\(path):\(line): found \(cells.count) columns, expected \(width) as in the first line")
      }
      guard wanted.contains(row) else { return row < wanted.upperBound }
      for (column, place) in places.enumerated() {
        guard let place else { continue }
        numbers[place] = try number(cells[column], line: line, column: column, name: names[place])
      }
      try numbers.withUnsafeBytes(body)
      return true
    }
    rows = max(row, 0)
    return max(row, 0)
  }

  private func number(
    _ cell: ArraySlice<UInt8>, line: Int, column: Int, name: String
  ) throws -> Double {
    // No number that means something has more digits.
    let text = String(decoding: cell.prefix(400), as: UTF8.self).trimmed
    guard let value = Double(text), value.isFinite else {
      let shown = String(text.prefix(40)).debugDescription.dropFirst().dropLast()
      let found = text.isEmpty ? "nothing" : "'\(shown)'"
      throw Fault(
        "\(path):\(line): column \(column + 1) ('\(name.onOneLine)'): expected a number, found "
          + found)
    }
    return value
  }

  // MARK: - Text

  /// Calls `body` with each row of a table that is not empty, a first line of names included.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - body: Takes the number of the line and its cells, without spaces at their ends.
  /// - Throws: `Fault` where the file cannot be read, and what `body` throws.
  package static func forEachRow(
    of path: String, _ body: (_ line: Int, _ cells: [String]) throws -> Void
  ) throws {
    let separator = separator(of: try firstLine(of: path))
    try forEachRecord(of: path, separator: separator) { line, cells in
      try body(line, cells.map { String(decoding: $0, as: UTF8.self).trimmed })
      return true
    }
  }

  private static func firstLine(of path: String) throws -> [UInt8] {
    let file = try DecompressedFile(path: path)
    var start: [UInt8] = []
    _ = try file.read(upTo: 1 << 16, appendingTo: &start)
    return start
  }

  /// What stands between the cells of the first line: a tab, a semicolon or a comma.
  private static func separator(of start: [UInt8]) -> UInt8 {
    var isQuoted = false
    var found = Set<UInt8>()
    for byte in start {
      if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      if byte == UInt8(ascii: "\n"), !isQuoted { break }
      if !isQuoted { found.insert(byte) }
    }
    return [UInt8(ascii: "\t"), UInt8(ascii: ";")].first(where: found.contains)
      ?? UInt8(ascii: ",")
  }

  /// Calls `body` with the number of the line and the cells of each record that is not empty.
  private static func forEachRecord(
    of path: String, separator: UInt8, most: Int,
    _ body: (_ line: Int, _ cells: [ArraySlice<UInt8>]) throws -> Void
  ) throws {
    var left = most
    try forEachRecord(of: path, separator: separator) { line, cells in
      try body(line, cells)
      left -= 1
      return left > 0
    }
  }

  /// Calls `body` likewise, for as long as it returns true.
  private static func forEachRecord(
    of path: String, separator: UInt8,
    _ body: (_ line: Int, _ cells: [ArraySlice<UInt8>]) throws -> Bool
  ) throws {
    let file = try DecompressedFile(path: path)
    var bytes: [UInt8] = []
    var (line, isEnd) = (1, false)
    while !isEnd {
      isEnd = try file.read(upTo: 1 << 20, appendingTo: &bytes) < 1 << 20
      if line == 1, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
      var scanner = CSVScanner(bytes, separator: separator, isWhole: isEnd)
      while let record = try scanner.next(path: path, line: line) {
        let here = line
        line += record.lines
        if record.cells.count == 1, record.cells[0].isEmpty { continue }
        guard try body(here, record.cells) else { return }
      }
      bytes.removeFirst(scanner.position)
      guard bytes.count <= mostLine else {
        throw Fault(
          "\(path):\(line): a line of more than \(mostLine) bytes", advice: "is it a table?")
      }
    }
  }
}

/// Cuts text into records and cells.
struct CSVScanner {
  private let bytes: [UInt8]
  private let separator: UInt8
  /// Whether nothing follows.
  private let isWhole: Bool
  private static let mostColumns = 1 << 18

  /// Behind the last record.
  private(set) var position = 0

  init(_ bytes: [UInt8], separator: UInt8, isWhole: Bool) {
    self.bytes = bytes
    self.separator = separator
    self.isWhole = isWhole
  }

  /// The next record with its line breaks; nil where it is not whole, or there is none.
  mutating func next(
    path: String, line: Int
  ) throws -> (cells: [ArraySlice<UInt8>], lines: Int)? {
    guard position < bytes.count else { return nil }
    var cells: [ArraySlice<UInt8>] = []
    var (place, lines) = (position, 1)
    while true {
      guard let cell = try cell(&place, &lines, path: path, line: line) else { return nil }
      cells.append(cell)
      guard cells.count <= Self.mostColumns else {
        throw Fault("\(path):\(line): more than \(Self.mostColumns) columns")
      }
      guard place < bytes.count else {
        guard isWhole else { return nil }
        break
      }
      let end = bytes[place]
      if end == separator {
        place += 1
        continue
      }
      place += 1
      break
    }
    position = place
    return (cells, lines)
  }

  /// The cell that begins at `place`, which is moved to what ends it.
  private func cell(
    _ place: inout Int, _ lines: inout Int, path: String, line: Int
  ) throws -> ArraySlice<UInt8>? {
    let quote = UInt8(ascii: "\"")
    guard place < bytes.count, bytes[place] == quote else {
      let start = place
      while place < bytes.count, bytes[place] != separator, bytes[place] != UInt8(ascii: "\n") {
        place += 1
      }
      let end = place > start && bytes[place - 1] == UInt8(ascii: "\r") ? place - 1 : place
      return bytes[start..<end]
    }
    var text: [UInt8] = []
    place += 1
    while place < bytes.count {
      let byte = bytes[place]
      place += 1
      guard byte == quote else {
        if byte == UInt8(ascii: "\n") { lines += 1 }
        text.append(byte)
        continue
      }
      guard place < bytes.count, bytes[place] == quote else {
        return try endOfQuoted(text, &place, path: path, line: line)
      }
      text.append(quote)
      place += 1
    }
    guard !isWhole else { throw Fault("\(path):\(line): a quote that is never closed") }
    return nil
  }

  private func endOfQuoted(
    _ text: [UInt8], _ place: inout Int, path: String, line: Int
  ) throws -> ArraySlice<UInt8>? {
    if place < bytes.count, bytes[place] == UInt8(ascii: "\r") { place += 1 }
    guard place >= bytes.count || bytes[place] == separator || bytes[place] == UInt8(ascii: "\n")
    else { throw Fault("\(path):\(line): letters behind a closed quote") }
    return text[...]
  }
}

extension String {
  /// Without spaces at its ends.
  fileprivate var trimmed: String {
    var text = self[...]
    while text.first == " " || text.first == "\t" { text.removeFirst() }
    while text.last == " " || text.last == "\t" { text.removeLast() }
    return String(text)
  }
}
