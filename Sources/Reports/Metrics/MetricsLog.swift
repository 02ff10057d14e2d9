import Base
import Foundation
import Storage

/// One field of a metrics row.
package enum MetricValue: Equatable, Sendable, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral
{
  case integer(Int)
  case number(Double)

  package init(integerLiteral value: Int) { self = .integer(value) }
  package init(floatLiteral value: Double) { self = .number(value) }

  package var value: Double {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    }
  }

  /// The field's text.
  ///
  /// The shortest that gives the same Float back; 9 significant digits for a value that no Float
  /// has. `nan`, `inf` and `-inf` as NumPy and pandas read them.
  package var text: String {
    switch self {
    case .integer(let value): return String(value)
    case .number(let value):
      // Metrics are mostly Floats that were widened; 0.1 is to stand as 0.1, not as 0.10000000149.
      if Double(Float(value)) == value || !value.isFinite { return Float(value).description }
      return String(format: "%.9g", value)
    }
  }
}

/// The run's `metrics.csv`: a header with units, a row an iteration.
///
/// The first column is the iteration. Rows are gathered in memory and appended to the file about
/// once a second, so that a row costs the training loop a microsecond or so. Use from one thread.
package final class MetricsLog {
  /// The file.
  package let path: String
  /// The names in the header.
  package let columns: [String]
  private let flushInterval: Double
  private let clock: () -> Double
  private var file: OutputFile?
  private var pending: [UInt8] = []
  private var lastFlush: Double

  /// Opens the log and, if it is new, writes the header.
  ///
  /// A last line that a killed job left unfinished is dropped.
  ///
  /// - Parameters:
  ///   - path: The file; its folder must be there.
  ///   - columns: Names with units, `seconds (s)`; no commas, quotes or line breaks. The first is
  ///     the iteration.
  ///   - flushInterval: Seconds between writes to the file.
  ///   - clock: Seconds since any fixed moment, never going back.
  /// - Throws: `Fault` if the system refuses, or the file has another header.
  package init(
    path: String, columns: [String], flushInterval: Double = 1,
    clock: @escaping () -> Double = monotonicSeconds
  ) throws {
    precondition(!columns.isEmpty, "a metrics log needs columns")
    for column in columns {
      precondition(
        !column.contains { $0 == "," || $0 == "\"" || $0.isNewline },
        "the column name '\(column)' has a comma, quote or line break")
    }
    self.path = path
    self.columns = columns
    self.flushInterval = flushInterval
    self.clock = clock
    lastFlush = clock()
    if FileSystem.exists(path) { try rewrite { _ in true } }
    if try !FileSystem.exists(path) || FileSystem.fileSize(path) == 0 {
      try FileSystem.writeAtomically(header, to: path)
    }
    file = try OutputFile(path: path, mode: .append)
  }

  deinit {
    // Errors cannot leave from here: who wants to know calls `close()`.
    try? flush()
  }

  /// Adds a row, and now and then writes the rows gathered to the file.
  ///
  /// - Parameter row: As many values as there are columns.
  /// - Throws: `Fault` if the system refuses (a full disk).
  package func append(_ row: [MetricValue]) throws {
    precondition(file != nil, "\(path): append after close")
    precondition(row.count == columns.count, "\(row.count) values, \(columns.count) columns")
    for (index, value) in row.enumerated() {
      if index > 0 { pending.append(UInt8(ascii: ",")) }
      pending.append(contentsOf: value.text.utf8)
    }
    pending.append(UInt8(ascii: "\n"))
    if clock() - lastFlush >= flushInterval { try flush() }
  }

  /// Writes the rows gathered so far to the file.
  ///
  /// - Throws: `Fault`; a row may then be in the file in part, which reopening repairs.
  package func flush() throws {
    lastFlush = clock()
    guard let file, !pending.isEmpty else { return }
    defer { pending.removeAll(keepingCapacity: true) }
    try pending.withUnsafeBytes { try file.write($0) }
  }

  /// Writes what is left, to the device, and closes the file; closing twice does nothing.
  ///
  /// - Throws: `Fault` if the system refuses.
  package func close() throws {
    guard let file else { return }
    try flush()
    self.file = nil
    try file.synchronize()
    try file.close()
  }

  /// Drops the rows after an iteration, which a resumed run is about to write again.
  ///
  /// Lines whose first field is no number, which a crash can leave, go too. The file is replaced
  /// as a whole, in any case: what a client of NFS that was cut off has not written yet comes late,
  /// and must not get into this one.
  ///
  /// - Parameter iteration: The last one that stays, the checkpoint's.
  /// - Throws: `Fault` if the system refuses.
  package func truncate(afterIteration iteration: Int) throws {
    precondition(file != nil, "\(path): truncate after close")
    try flush()
    try file?.close()
    file = nil
    try rewrite(always: true) { $0 <= iteration }
    file = try OutputFile(path: path, mode: .append)
  }

  private var header: String { columns.joined(separator: ",") + "\n" }

  /// Checks the header and rewrites the file, if anything changes or `always`, without an
  /// unfinished last line and the rows whose iteration is not to stay.
  private func rewrite(
    always: Bool = false, keeping stays: (_ iteration: Int) -> Bool
  ) throws {
    let old = try FileSystem.readFile(path)
    // A crash can cut the header itself short: then there were no rows.
    if Array(header.utf8).starts(with: old), old.count < header.utf8.count {
      return try FileSystem.writeAtomically(header, to: path)
    }
    var new: [UInt8] = []
    new.reserveCapacity(old.count)
    var start = 0
    while let end = old[start...].firstIndex(of: UInt8(ascii: "\n")) {
      let line = old[start..<end]
      if start == 0 {
        let found = String(decoding: line, as: UTF8.self)
        guard found + "\n" == header else {
          throw Fault(
            "\(path): has the columns '\(found)', '\(header.dropLast())' is expected; "
              + "move the file away, or resume with the version that wrote it")
        }
        new += old[start...end]
      } else if let iteration = Int(
        String(decoding: line.prefix { $0 != UInt8(ascii: ",") }, as: UTF8.self)),
        stays(iteration)
      {
        new += old[start...end]
      }
      start = end + 1
    }
    if new.isEmpty {
      throw Fault("\(path): is not a metrics file; move it away")
    }
    if always || new != old { try FileSystem.writeAtomically(new, to: path) }
  }
}
