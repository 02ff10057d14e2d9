import Foundation
import Reports
import Synchronization
import Testing

@Suite struct ProgressReporterTests {
  /// A sink, a clock and a terminal of settable width.
  final class Screen: Sendable {
    private let state = Mutex((text: "", now: 0.0, columns: 0))
    var text: String { state.withLock { $0.text } }
    var now: Double {
      get { state.withLock { $0.now } }
      set { state.withLock { $0.now = newValue } }
    }

    init(columns: Int) { state.withLock { $0.columns = columns } }

    func write(_ text: String) { state.withLock { $0.text += text } }

    func reporter() -> ProgressReporter {
      ProgressReporter(
        output: ProgressOutput(
          columns: { self.state.withLock { $0.columns } },
          write: { text in self.state.withLock { $0.text += text } }),
        imagesPerIteration: 64, plainInterval: 5, clock: { self.now })
    }
  }

  static let status = ProgressStatus(
    iteration: 1234, iterations: 2400, epoch: (3, 100),
    values: [.init("W", 12.3451), .init("penalty", 0.123)])

  static func line(_ width: Int?) -> String {
    ProgressReporter.line(status, imagesPerSecond: 812.4, secondsLeft: 5025, width: width)
  }

  @Test func linesAreFittedToTheTerminal() {
    let tail = "it 1234/2400  812 images/s  W 12.345  penalty 0.123  1:23:45 left"
    #expect(Self.line(nil) == "epoch 3/100 \(tail)")
    #expect(Self.line(200) == "epoch 3/100 [##########----------] \(tail)")
    // 12 before the bar, 23 for the bar, 65 after: the last column stays free.
    #expect(Self.line(101) == Self.line(200))
    #expect(Self.line(100) == "epoch 3/100 [#####-----] \(tail)")
    #expect(Self.line(91) == Self.line(100))
    #expect(Self.line(90) == Self.line(nil))
    #expect(Self.line(77) == "epoch 3/100 it 1234/2400  812 images/s  W 12.345  1:23:45 left")
    #expect(Self.line(60) == "epoch 3/100 it 1234/2400  812 images/s  1:23:45 left")
    #expect(Self.line(40) == "epoch 3/100 it 1234/2400  1:23:45 left")
    #expect(Self.line(30) == "it 1234/2400  1:23:45 left")
    #expect(Self.line(6) == "it 12")
    #expect(Self.line(1) == "")
    for width in 1...120 { #expect(Self.line(width).count < width) }
  }

  @Test func whatIsUnknownIsLeftOut() {
    let status = ProgressStatus(
      iteration: 0, iterations: 0,
      values: [.init("a", .nan), .init("b", 1e-9), .init("c", -250_000), .init("d", 0)])
    #expect(
      ProgressReporter.line(status, imagesPerSecond: nil, secondsLeft: nil, width: 80)
        == "[####################] it 0/0  a nan  b 1.00e-09  c -2.50e+05  d 0.000")
  }

  static let durationTexts: [(Double, String)] = [
    (0, "0:00"), (-3, "0:00"), (7, "0:07"), (59.6, "1:00"), (754, "12:34"), (3723, "1:02:03"),
    (86399, "23:59:59"), (183_845, "2 d 03:04"), (Double.infinity, "?"), (Double.nan, "?"),
  ]

  @Test(arguments: durationTexts)
  func durations(seconds: Double, text: String) {
    #expect(ProgressReporter.duration(seconds) == text)
  }

  @Test func aTerminalsLineIsRedrawnTenTimesASecond() {
    let screen = Screen(columns: 60)
    let reporter = screen.reporter()
    for i in 0...100 {
      screen.now = Double(i) * 0.01
      reporter.update(ProgressStatus(iteration: i, iterations: 200))
    }
    let redraws = screen.text.split(separator: "\r", omittingEmptySubsequences: true)
    #expect((9...11).contains(redraws.count))
    #expect(redraws.allSatisfy { $0.hasSuffix("\u{1B}[K") && !$0.contains("\n") })
    // 64 images in each hundredth of a second, a hundred iterations to go.
    let before = screen.text.count
    reporter.log("saved")
    #expect(
      screen.text.dropFirst(before)
        == "\r\u{1B}[Ksaved\n\r[##########----------] it 100/200  6400 images/s  0:01 left\u{1B}[K"
    )
    reporter.finish()
    #expect(screen.text.hasSuffix("left\u{1B}[K\n"))
    reporter.log("after")
    #expect(screen.text.hasSuffix("left\u{1B}[K\nafter\n"))
  }

  /// A message on another stream of the same terminal: the bar makes way, and comes back unless
  /// that was the last word.
  @Test(arguments: [true, false]) func messagesDoNotRunIntoTheBar(redraws: Bool) {
    let screen = Screen(columns: 100)
    let reporter = screen.reporter()
    reporter.interrupt(redraws: redraws) { screen.write("first\n") }
    #expect(screen.text == "first\n")
    reporter.update(ProgressStatus(iteration: 0, iterations: 2))
    let bar = screen.text.dropFirst("first\n".count)
    #expect(bar.hasPrefix("\r["))
    let before = screen.text.count
    reporter.interrupt(redraws: redraws) { screen.write("second\n") }
    #expect(screen.text.dropFirst(before) == "\r\u{1B}[Ksecond\n" + (redraws ? bar : ""))
    // Nothing is left to end.
    reporter.finish()
    #expect(screen.text.hasSuffix(redraws ? "\u{1B}[K\n" : "second\n"))
  }

  @Test func elsewhereALineComesNowAndThen() {
    let screen = Screen(columns: 0)
    let reporter = screen.reporter()
    reporter.log("hello")
    for i in 0...12 {
      screen.now = Double(i)
      reporter.update(ProgressStatus(iteration: i, iterations: 12))
    }
    reporter.finish()
    reporter.finish()
    #expect(
      screen.text == """
        hello
        it 0/12
        it 5/12  64.0 images/s  0:07 left
        it 10/12  64.0 images/s  0:02 left
        it 12/12  64.0 images/s  0:00 left

        """)
  }

  @Test func theRateForgetsAndStartsAnew() throws {
    var rate = SmoothedRate()
    rate.add(iteration: 500, at: 0)
    #expect(rate.perSecond == nil)
    for second in 1...10 { rate.add(iteration: 500 + second, at: Double(second)) }
    #expect(abs(try #require(rate.perSecond) - 1) < 1e-12)
    for second in 1...300 { rate.add(iteration: 510 + 4 * second, at: 10 + Double(second)) }
    #expect(abs(try #require(rate.perSecond) - 4) < 0.001)
    rate.add(iteration: 3, at: 400)
    #expect(rate.perSecond == nil)
    for second in 1...10 { rate.add(iteration: 3 + second, at: 400 + Double(second)) }
    #expect(abs(try #require(rate.perSecond) - 1) < 1e-12)
  }

  @Test func onlyATerminalWithAWidthIsOne() throws {
    var (controller, terminal): (Int32, Int32) = (0, 0)
    // As mpirun makes it when its own output is a file: a pty of 0 columns.
    try #require(openpty(&controller, &terminal, nil, nil, nil) == 0)
    defer {
      close(controller)
      close(terminal)
    }
    let environment = ["TERM": "xterm"]
    func columns(_ environment: [String: String]) -> Int? {
      ProgressOutput.descriptor(terminal, environment: environment).columns()
    }
    #expect(isatty(terminal) == 1)
    #expect(columns(environment) == nil)
    var size = winsize(ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0)
    try #require(ioctl(terminal, UInt(TIOCSWINSZ), &size) == 0)
    #expect(columns(environment) == 100)
    #expect(columns(["TERM": "dumb"]) == nil && columns([:]) == nil)
    #expect(columns(["TERM": "xterm", "OMPI_MCA_orte_tag_output": "1"]) == nil)
    #expect(columns(["TERM": "xterm", "OMPI_MCA_orte_tag_output": "0"]) == 100)
    ProgressOutput.descriptor(terminal, environment: environment).write("x")
    var byte: UInt8 = 0
    #expect(read(controller, &byte, 1) == 1 && byte == UInt8(ascii: "x"))
    #expect(ProgressOutput.terminalColumns(-1) == nil)
  }
}
