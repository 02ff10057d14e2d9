import Base
import Foundation
import Synchronization

/// How far a run is.
package struct ProgressStatus: Equatable, Sendable {
  /// A named number of the line, `W 12.345`.
  package struct Value: Equatable, Sendable {
    package let name: String
    package let value: Double

    package init(_ name: String, _ value: Double) {
      self.name = name
      self.value = value
    }
  }

  /// Iterations done.
  package var iteration: Int
  /// Iterations of the whole run.
  package var iterations: Int
  /// The epoch under way and their number; nil if the run counts none.
  package var epoch: (current: Int, total: Int)?
  /// What the line shows after the rate, the most important first.
  package var values: [Value]

  package init(
    iteration: Int, iterations: Int, epoch: (current: Int, total: Int)? = nil, values: [Value] = []
  ) {
    self.iteration = iteration
    self.iterations = iterations
    self.epoch = epoch
    self.values = values
  }

  package static func == (left: Self, right: Self) -> Bool {
    left.iteration == right.iteration && left.iterations == right.iterations
      && left.epoch?.current == right.epoch?.current && left.epoch?.total == right.epoch?.total
      && left.values == right.values
  }
}

/// Shows the run's progress: one redrawn line on a terminal, a plain line now and then elsewhere,
/// and in a log.
///
/// `update(_:)` costs well under a microsecond between redraws. All methods may be called from any
/// thread.
package final class ProgressReporter: ProgressLine {
  private struct State {
    var status: ProgressStatus?
    var isShown = false
    var hasBar = false
    var lastShown = -Double.infinity
    var isLogged = false
    var lastLogged = -Double.infinity
    var rate = SmoothedRate()
  }

  private let output: ProgressOutput
  private let log: (@Sendable (_ line: String) -> Void)?
  private let imagesPerIteration: Int
  private let plainInterval: Double
  private let redrawInterval = 0.1
  private let clock: @Sendable () -> Double
  private let state = Mutex(State())

  /// - Parameters:
  ///   - output: Where to; standard output unless said otherwise.
  ///   - log: Takes plain lines too; nil for none. Called by the thread that calls this.
  ///   - imagesPerIteration: What an iteration counts for in images/s: the global batch.
  ///   - plainInterval: Seconds between lines in the log, and if the output is no terminal.
  ///   - clock: Seconds since any fixed moment, never going back.
  package init(
    output: ProgressOutput = .descriptor(1), log: (@Sendable (_ line: String) -> Void)? = nil,
    imagesPerIteration: Int, plainInterval: Double = 5,
    clock: @escaping @Sendable () -> Double = { monotonicSeconds() }
  ) {
    self.output = output
    self.log = log
    self.imagesPerIteration = imagesPerIteration
    self.plainInterval = plainInterval
    self.clock = clock
  }

  /// Tells how far the run is; shows it if it is time to.
  ///
  /// The first call is the start of the time measurement: make it before the first iteration, with
  /// the iteration a resumed run starts from.
  package func update(_ status: ProgressStatus) {
    let now = clock()
    let isDue = state.withLock { state in
      state.rate.add(iteration: status.iteration, at: now)
      state.status = status
      state.isShown = false
      state.isLogged = false
      let width = terminalWidth
      if now - state.lastShown >= (width == nil ? plainInterval : redrawInterval) {
        show(&state, now: now, width: width)
      }
      return now - state.lastLogged >= plainInterval
    }
    if isDue { logLine(now: now) }
  }

  package func interrupt(redraws: Bool, _ write: () -> Void) {
    state.withLock { state in
      guard state.hasBar else { return write() }
      state.hasBar = false
      output.write("\r\u{1B}[K")
      write()
      if redraws { show(&state, now: clock(), width: terminalWidth) }
    }
  }

  /// Shows and logs the last status, if that has not been done, and ends the line.
  package func finish() {
    state.withLock { state in
      if !state.isShown { show(&state, now: clock(), width: terminalWidth) }
      if state.hasBar { output.write("\n") }
      state.hasBar = false
    }
    logLine(now: clock())
  }

  /// Logs the last status, if that has not been done.
  private func logLine(now: Double) {
    guard let log else { return }
    let text = state.withLock { state -> String? in
      guard !state.isLogged, let line = line(state, width: nil) else { return nil }
      state.isLogged = true
      state.lastLogged = now
      return line
    }
    // Not while the state is held: a log that fails says so by a message, for which the bar makes
    // way.
    if let text { log(text) }
  }

  private var terminalWidth: Int? {
    guard let width = output.columns(), width > 0 else { return nil }
    return width
  }

  private func show(_ state: inout State, now: Double, width: Int?) {
    guard let text = line(state, width: width) else { return }
    if width != nil {
      output.write("\r" + text + "\u{1B}[K")
      state.hasBar = true
    } else {
      output.write(text + "\n")
    }
    state.isShown = true
    state.lastShown = now
  }

  /// The last status as a line; nil before the first.
  private func line(_ state: State, width: Int?) -> String? {
    guard let status = state.status else { return nil }
    let rate = state.rate.perSecond
    let remaining = rate.map { Double(max(0, status.iterations - status.iteration)) / $0 }
    return Self.line(
      status, imagesPerSecond: rate.map { $0 * Double(imagesPerIteration) },
      secondsLeft: remaining, width: width)
  }

  // MARK: - Text

  /// `epoch 3/100 [#####-----] it 1234/46900  812 images/s  W 12.345  penalty 0.123  1:23:45 left`.
  ///
  /// - Parameters:
  ///   - status: What to show.
  ///   - imagesPerSecond: The rate, nil while it is not known.
  ///   - secondsLeft: Until the end, nil while it is not known.
  ///   - width: The terminal's columns; the line takes at most one less, because writing the last
  ///     column makes some terminals go to the next line. What does not fit goes in this order:
  ///     half the bar, the bar, values from the last, the rate, the epoch. Nil gives a plain line
  ///     of any length, without a bar.
  /// - Returns: The line, without line break or control characters.
  package static func line(
    _ status: ProgressStatus, imagesPerSecond: Double?, secondsLeft: Double?, width: Int?
  ) -> String {
    func compose(bar: Int, values: Int, rate: Bool = true, epoch: Bool = true) -> String {
      var head: [String] = []
      if epoch, let (current, total) = status.epoch { head.append("epoch \(current)/\(total)") }
      if bar > 0 { head.append(Self.bar(status, width: bar)) }
      head.append("it \(status.iteration)/\(status.iterations)")
      var fields = [head.joined(separator: " ")]
      if rate, let imagesPerSecond { fields.append("\(rateText(imagesPerSecond)) images/s") }
      fields += status.values.prefix(values).map { "\($0.name) \(valueText($0.value))" }
      if let secondsLeft { fields.append("\(duration(secondsLeft)) left") }
      return fields.joined(separator: "  ")
    }

    let all = status.values.count
    guard let width else { return compose(bar: 0, values: all) }
    let room = max(0, width - 1)
    var candidates = [
      compose(bar: 20, values: all), compose(bar: 10, values: all), compose(bar: 0, values: all),
    ]
    candidates += (0..<all).reversed().map { compose(bar: 0, values: $0) }
    candidates.append(compose(bar: 0, values: 0, rate: false))
    candidates.append(compose(bar: 0, values: 0, rate: false, epoch: false))
    return candidates.first { $0.count <= room } ?? String(candidates.last?.prefix(room) ?? "")
  }

  /// `0:07`, `1:02:03`, `2 d 03:04` (days, hours and minutes).
  ///
  /// - Parameter seconds: Rounded to whole seconds; negative counts as 0.
  /// - Returns: The text, `?` for what is not a number or beyond 100 years.
  package static func duration(_ seconds: Double) -> String {
    guard seconds < 100 * 365.25 * 86400 else { return "?" }
    let total = Int(max(0, seconds).rounded())
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let (days, hours, minutes) = (total / 86400, total / 3600 % 24, total / 60 % 60)
    if days > 0 { return "\(days) d \(two(hours)):\(two(minutes))" }
    if hours > 0 { return "\(hours):\(two(minutes)):\(two(total % 60))" }
    return "\(minutes):\(two(total % 60))"
  }

  private static func bar(_ status: ProgressStatus, width: Int) -> String {
    let share =
      status.iterations > 0 ? Double(status.iteration) / Double(status.iterations) : 1
    let filled = Int(min(max(share, 0), 1) * Double(width))
    return "[" + String(repeating: "#", count: filled)
      + String(repeating: "-", count: width - filled) + "]"
  }

  private static func valueText(_ value: Double) -> String {
    guard value.isFinite else { return value.description }
    let magnitude = abs(value)
    if value != 0 && (magnitude < 1e-3 || magnitude >= 1e5) { return String(format: "%.2e", value) }
    return String(format: "%.3f", value)
  }

  private static func rateText(_ rate: Double) -> String {
    String(format: rate < 9.95 ? "%.2f" : rate < 99.5 ? "%.1f" : "%.0f", rate)
  }
}

/// Iterations a second, older ones fading with a time constant of half a minute.
///
/// `rate = sum_k w_k n_k / sum_k w_k dt_k` with `w_k = exp(-(age of k) / tau)`: the quotient of two
/// faded sums needs no start value, and is the plain mean for the first seconds.
package struct SmoothedRate {
  private static let timeConstant = 30.0
  private var iterations = 0.0
  private var seconds = 0.0
  private var last: (iteration: Int, time: Double)?

  package init() {}

  /// Nil before the first iteration has taken time.
  package var perSecond: Double? { iterations > 0 && seconds > 0 ? iterations / seconds : nil }

  /// Counts what was done since the last call; an iteration number that goes back starts anew.
  package mutating func add(iteration: Int, at time: Double) {
    if let last, iteration >= last.iteration, time >= last.time {
      let elapsed = time - last.time
      let fading = exp(-elapsed / Self.timeConstant)
      iterations = iterations * fading + Double(iteration - last.iteration)
      seconds = seconds * fading + elapsed
    } else {
      self = SmoothedRate()
    }
    last = (iteration, time)
  }
}
