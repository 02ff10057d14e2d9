import Foundation
import Storage
import TestSupport
import Testing

@Suite struct MessageLogTests {
  /// Lines behind the time, at the end of what is there; folders are made.
  @Test func linesAreAdded() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/logs/deep/a.log"
      try MessageLog(path: path).add("first")
      let log = try MessageLog(path: path)
      log.add("second\nthird")
      let text = try String(contentsOfFile: path, encoding: .utf8)
      let lines = text.components(separatedBy: "\n").dropLast()
      let dates = try lines.map { line in
        let date = try #require(line.split(separator: " ").first)
        return try #require(ISO8601DateFormatter().date(from: String(date)), "\(line)")
      }
      #expect(dates.allSatisfy { abs($0.timeIntervalSinceNow) < 60 })
      #expect(lines.map { $0.dropFirst(21) } == ["first", "second", "third"])
    }
  }

  @Test func whatIsNoPlaceForALogIsRefused() throws {
    try withTemporaryFolder { folder in
      let fifo = "\(folder)/fifo"
      try #require(mkfifo(fifo, 0o600) == 0)
      // It would wait for a reader.
      #expect(
        message { _ = try MessageLog(path: fifo) } == "\(fifo): is a fifo; a file is expected")
      #expect(
        message { _ = try MessageLog(path: folder) }
          == "\(folder): cannot open for writing: Is a directory")
    }
  }
}
