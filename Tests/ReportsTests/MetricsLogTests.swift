import Foundation
import Reports
import TestSupport
import Testing

@Suite struct MetricsLogTests {
  final class Clock { var now = 0.0 }
  static let columns = ["iteration", "W (scores)", "time (s)"]

  static func text(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
  }

  static func fill(_ path: String, iterations: ClosedRange<Int>) throws {
    let log = try MetricsLog(path: path, columns: columns)
    for i in iterations { try log.append([.integer(i), .number(Double(i) / 4), 0.5]) }
    try log.close()
  }

  static let texts: [(MetricValue, String)] = [
    (.integer(-46_900), "-46900"), (.number(12), "12.0"),
    (.number(Double(Float(0.1))), "0.1"), (.number(0.1), "0.1"), (.number(1 / 3), "0.333333333"),
    (.number(1e-5), "1e-05"), (.number(1e300), "1e+300"), (.number(.nan), "nan"),
    (.number(-.infinity), "-inf"),
  ]

  @Test(arguments: texts)
  func numbersAreShort(value: MetricValue, text: String) {
    #expect(value.text == text)
  }

  @Test func rowsAreFlushedOnceASecondAndAtTheEnd() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/metrics.csv"
      let clock = Clock()
      let header = "iteration,W (scores),time (s)\n"
      let log = try MetricsLog(path: path, columns: Self.columns) { clock.now }
      try log.append([1, 0.25, 0.5])
      #expect(try Self.text(path) == header)
      clock.now = 1.0
      try log.append([2, 0.5, 1.5])
      #expect(try Self.text(path) == header + "1,0.25,0.5\n2,0.5,1.5\n")
      clock.now = 1.9
      try log.append([3, 1.5, 2.5])
      #expect(try Self.text(path) == header + "1,0.25,0.5\n2,0.5,1.5\n")
      try log.close()
      try log.close()
      #expect(try Self.text(path) == header + "1,0.25,0.5\n2,0.5,1.5\n3,1.5,2.5\n")
    }
  }

  @Test func resumingGivesTheFileOfAnUninterruptedRun() throws {
    try withTemporaryFolder { folder in
      try Self.fill("\(folder)/whole.csv", iterations: 1...20)
      let path = "\(folder)/metrics.csv"
      try Self.fill(path, iterations: 1...14)
      // Killed in the middle of a row that would read as iteration 1.
      let killed = try Self.text(path) + "1"
      try Data(killed.utf8).write(to: URL(fileURLWithPath: path))
      let log = try MetricsLog(path: path, columns: Self.columns)
      try log.truncate(afterIteration: 10)
      for i in 11...20 { try log.append([.integer(i), .number(Double(i) / 4), 0.5]) }
      try log.close()
      #expect(try Self.text(path) == Self.text("\(folder)/whole.csv"))
    }
  }

  /// What another machine still writes into the old file, late, is not in the new one.
  @Test func resumingReplacesTheFile() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/metrics.csv"
      try Self.fill(path, iterations: 1...5)
      let other = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
      try other.seekToEnd()
      let log = try MetricsLog(path: path, columns: Self.columns)
      try log.truncate(afterIteration: 5)
      try other.write(contentsOf: Data("6,late,0\n".utf8))
      try log.close()
      #expect(!(try Self.text(path)).contains("late"))
    }
  }

  @Test func truncateSeesRowsThatWereNotYetWritten() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/metrics.csv"
      let log = try MetricsLog(path: path, columns: ["i"]) { 0 }
      for i in 0..<5 { try log.append([.integer(i)]) }
      try log.truncate(afterIteration: 2)
      try log.append([3])
      try log.close()
      #expect(try Self.text(path) == "i\n0\n1\n2\n3\n")
    }
  }

  @Test(arguments: ["i,w\n1,2\n\u{0}\u{0}\n3,4\n5", "i,w\n1,2\nx,9\n3,4\n"])
  func brokenLinesGo(old: String) throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/metrics.csv"
      try Data(old.utf8).write(to: URL(fileURLWithPath: path))
      try MetricsLog(path: path, columns: ["i", "w"]).close()
      #expect(try Self.text(path) == "i,w\n1,2\n3,4\n")
    }
  }

  @Test func headers() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/metrics.csv"
      // An empty file and one with half a header are new files.
      for start in ["", "i,"] {
        try Data(start.utf8).write(to: URL(fileURLWithPath: path))
        try MetricsLog(path: path, columns: ["i", "w"]).close()
        #expect(try Self.text(path) == "i,w\n")
      }
      let other = message { _ = try MetricsLog(path: path, columns: ["i", "x"]) }
      #expect(other?.hasPrefix("\(path): has the columns 'i,w', 'i,x' is expected; ") == true)
      try Data("something".utf8).write(to: URL(fileURLWithPath: path))
      let none = message { _ = try MetricsLog(path: path, columns: ["i", "x"]) }
      #expect(none == "\(path): is not a metrics file; move it away")
      #expect(try Self.text(path) == "something")
    }
  }

  @Test func aFullDiskIsNamed() async {
    // A limit on the size of files stands for the full disk; it is the whole process's.
    await #expect(processExitsWith: .success) {
      try withTemporaryFolder { folder in
        let path = "\(folder)/metrics.csv"
        let log = try MetricsLog(path: path, columns: ["i"])
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: 8, rlim_max: 8)
        #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
        try log.append([1_234_567_890])
        #expect(message { try log.flush() } == "\(path): cannot write: File too large")
        #expect(try MetricsLogTests.text(path) == "i\n123456")
      }
    }
  }
}
