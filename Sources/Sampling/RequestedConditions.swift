import Base
import Datasets
import Storage

/// Conditions that a user asks for: `--condition energy=65536`, or a file of them.
package struct RequestedConditions: Sendable {
  private let shape: ConditionShape
  /// What the numbers are called, as many as there are.
  private let names: [String]
  /// The column of a file that has the class.
  private static let classColumn = "class"

  /// - Parameters:
  ///   - shape: What the generator can be asked for.
  ///   - names: What its numbers are called.
  package init(_ shape: ConditionShape, names: [String]) {
    precondition(
      names.count == shape.numbers, "\(names.count) names of \(shape.numbers) numbers")
    self.shape = shape
    self.names = names
  }

  /// The numbers that a text names: `65536`, `0.5,65536` or `energy=65536,angle=0.5`.
  ///
  /// - Throws: `Fault` where it does not name all of them, once each.
  package func numbers(_ text: String) throws -> [Float] {
    let expected = "expected \(form), found '\(text)'"
    var found = [Float?](repeating: nil, count: names.count)
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let place = sides.count == 2 ? names.firstIndex(of: String(sides[0])) : index
      guard let place, found.indices.contains(place), found[place] == nil,
        let value = sides.last.flatMap({ Float($0) }), value.isFinite
      else { throw Fault("--condition: \(expected)") }
      found[place] = value
    }
    guard !found.contains(where: { $0 == nil }) else { throw Fault("--condition: \(expected)") }
    return found.compactMap { $0 }
  }

  /// `energy=NUMBER,angle=NUMBER`.
  private var form: String { names.map { "\($0)=NUMBER" }.joined(separator: ",") }

  /// The conditions of a file, one a row: a `.npy` array of as many columns as there are numbers,
  /// else a table in text, such as lines of numbers with commas between them (`CSVTable`).
  ///
  /// A first line that is no row of numbers names the columns, in any order; one called `class` has
  /// the classes.
  ///
  /// - Throws: `Fault` where it cannot be read, naming the line.
  package func read(_ path: String) throws -> [ConditionValues] {
    let rows = try path.hasSuffix(".npy") ? array(path) : lines(path)
    guard !rows.isEmpty else { throw Fault("\(path): has no conditions") }
    return rows
  }

  private func array(_ path: String) throws -> [ConditionValues] {
    let reader = try NumPyReader(path: path)
    let header = reader.header
    let isColumn = header.shape.count == 1 && names.count == 1
    guard isColumn || (header.shape.count == 2 && header.shape[1] == names.count),
      !header.isFortranOrdered || names.count == 1, shape.classes == 0
    else {
      throw Fault(
        "\(path): expected an array of N x \(names.count) numbers in C's order, for a generator "
          + "without classes; found \(header.shape.map(String.init).joined(separator: " x "))"
          + (header.isFortranOrdered ? " in Fortran's" : ""))
    }
    try MemoryLimit.require(header.elementCount * MemoryLayout<Float>.stride, for: path)
    var values: [Float] = []
    values.reserveCapacity(header.elementCount)
    try reader.forEachFloats { values += $0 }
    guard values.allSatisfy(\.isFinite) else { throw Fault("\(path): values are not all finite") }
    return stride(from: 0, to: values.count, by: names.count).map {
      ConditionValues(numbers: Array(values[$0..<$0 + names.count]))
    }
  }

  private func lines(_ path: String) throws -> [ConditionValues] {
    var columns = names + (shape.classes > 0 ? [Self.classColumn] : [])
    var rows: [ConditionValues] = []
    var isFirst = true
    try CSVTable.forEachRow(of: path) { line, fields in
      defer { isFirst = false }
      guard isFirst, fields.contains(where: { Double($0) == nil }) else {
        rows.append(try row(fields, of: columns, "\(path):\(line)"))
        return
      }
      guard Set(fields) == Set(columns), fields.count == columns.count else {
        throw Fault(
          "\(path):\(line): expected the columns \(columns.joined(separator: ",")), found "
            + "'\(String(fields.joined(separator: ",").prefix(80)).onOneLine)'")
      }
      columns = fields
    }
    return rows
  }

  private func row(
    _ fields: [String], of columns: [String], _ place: String
  ) throws -> ConditionValues {
    guard fields.count == columns.count else {
      throw Fault(
        "\(place): expected \(columns.count) fields (\(columns.joined(separator: ","))), found "
          + "\(fields.count)")
    }
    var values = ConditionValues(numbers: names.map { _ in 0 })
    for (field, column) in zip(fields, columns) {
      if column == Self.classColumn, shape.classes > 0 {
        guard let label = Int(field), (0..<shape.classes).contains(label) else {
          throw Fault(
            "\(place): class: found '\(field.onOneLine)', expected 0 ... \(shape.classes - 1)")
        }
        values.label = label
      } else if let number = names.firstIndex(of: column) {
        guard let value = Float(field), value.isFinite else {
          throw Fault("\(place): \(column): found '\(field.onOneLine)', expected a number")
        }
        values.numbers[number] = value
      }
    }
    return values
  }
}
