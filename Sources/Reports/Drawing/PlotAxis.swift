import Foundation

/// How values become places along an axis.
package enum PlotScale: Equatable, Sendable {
  case linear
  /// Logarithmic; values that are not positive are gaps.
  case log
  /// Linear between plus and minus `linearUpTo`, logarithmic beyond: for losses of both signs and
  /// many magnitudes.
  case symlog(linearUpTo: Double)
}

/// One axis: its range, transform and ticks.
package struct PlotAxis: Sendable {
  /// A marked value and its label.
  package struct Tick: Equatable, Sendable {
    package var value: Double
    package var label: String
  }

  package let scale: PlotScale
  /// Ends of the axis, in transformed values.
  package let start: Double
  package let end: Double

  /// An axis for values.
  ///
  /// - Parameters:
  ///   - values: What must fit; values that cannot be shown are ignored.
  ///   - scale: The transform.
  ///   - margin: Share of the range that is added at both ends.
  package init(values: some Sequence<Double>, scale: PlotScale, margin: Double) {
    self.scale = scale
    var low = Double.infinity
    var high = -Double.infinity
    for value in values {
      guard let place = Self.transform(value, scale) else { continue }
      low = min(low, place)
      high = max(high, place)
    }
    if low > high { (low, high) = (0, 1) }
    // A constant gets an axis around it, wide enough for ticks that differ.
    if high - low <= 1e-9 * max(abs(low), abs(high)) {
      let reach = scale == .linear ? max(abs(low) * 0.1, low == 0 ? 1 : 0) : 0.5
      (low, high) = (low - reach, high + reach)
    }
    let extra = (high - low) * margin
    start = low - extra
    end = high + extra
  }

  /// Where a value is, 0 the axis's start and 1 its end; nil if it cannot be shown.
  package func place(_ value: Double) -> Double? {
    Self.transform(value, scale).map { ($0 - start) / (end - start) }
  }

  private static let largest = 1e300

  private static func transform(_ value: Double, _ scale: PlotScale) -> Double? {
    // Beyond it, the ends of an axis are as far apart as no number is.
    guard value.isFinite, abs(value) <= largest else { return nil }
    switch scale {
    case .linear: return value
    case .log: return value > 0 ? log10(value) : nil
    case .symlog(let limit):
      // Continuous: 1 at the limit from both sides, then 1 a decade.
      if abs(value) <= limit { return value / limit }
      return (value < 0 ? -1 : 1) * (1 + log10(abs(value) / limit))
    }
  }

  // MARK: - Ticks

  /// Round values along the axis, at most about `count`.
  package func ticks(count: Int) -> [Tick] {
    switch scale {
    case .linear: return Self.linearTicks(from: start, to: end, count: count)
    case .log:
      let first = Int(start.rounded(.up))
      let last = Int(end.rounded(.down))
      if last - first >= 1 {
        let step = max(1, (last - first + count) / count)
        return (first...last).filter { $0 % step == 0 || step == 1 }
          .map { Tick(value: pow(10, Double($0)), label: "10^\($0)") }
      }
      // Less than two decades: 1, 2, 5 of each, as they are.
      let exponents = Int(start.rounded(.down))...Int(end.rounded(.up))
      let values = exponents.flatMap { exponent in
        [1.0, 2, 5].map { $0 * pow(10, Double(exponent)) }
      }.filter { (place($0) ?? -1) >= 0 && (place($0) ?? 2) <= 1 }
      if values.count >= 2 {
        return values.map { Tick(value: $0, label: Self.plain($0, step: $0, largest: $0)) }
      }
      return Self.linearTicks(from: pow(10, start), to: pow(10, end), count: count)
    case .symlog(let limit):
      let first = Int(log10(limit).rounded(.up))
      let reach = max(abs(start), abs(end))
      let last = Int((log10(limit) + max(0, reach - 1)).rounded(.down))
      var ticks = [Tick(value: 0, label: "0")]
      if last >= first {
        let sides = start < -1 && end > 1 ? 2 : 1
        let step = max(1, ((last - first + 1) * sides + count - 1) / count)
        for exponent in stride(from: first, through: last, by: step) {
          let value = pow(10, Double(exponent))
          ticks.append(Tick(value: value, label: "10^\(exponent)"))
          ticks.append(Tick(value: -value, label: "-10^\(exponent)"))
        }
      }
      let seen = ticks.filter { (place($0.value) ?? -1) >= 0 && (place($0.value) ?? 2) <= 1 }
        .sorted { $0.value < $1.value }
      if seen.count >= 2 { return seen }
      // All of the data is in the linear part, or in less than a decade.
      return Self.linearTicks(from: inverse(start, limit), to: inverse(end, limit), count: count)
    }
  }

  private func inverse(_ place: Double, _ limit: Double) -> Double {
    abs(place) <= 1 ? place * limit : (place < 0 ? -1 : 1) * limit * pow(10, abs(place) - 1)
  }

  /// Multiples of 1, 2 or 5 times a power of ten between two values.
  package static func linearTicks(from start: Double, to end: Double, count: Int) -> [Tick] {
    let rough = (end - start) / Double(max(1, count))
    guard rough > 0, rough.isFinite else { return [] }
    let power = pow(10, log10(rough).rounded(.down))
    let step = power * ([1.0, 2, 5].first { $0 * power >= rough * (1 - 1e-9) } ?? 10)
    let first = (start / step - 1e-9).rounded(.up)
    let last = (end / step + 1e-9).rounded(.down)
    // A step below the smallest numbers, and an index that adding 1 leaves as it is.
    guard step.isNormal, first <= last, last - first < 1000 else { return [] }
    return stride(from: first, through: last, by: 1).map { index in
      // + 0 turns the -0 that rounding up gives into 0.
      let value = index * step + 0
      let largest = max(abs(first), abs(last)) * step
      return Tick(value: value, label: plain(value, step: step, largest: largest))
    }
  }

  /// A tick's value with as many decimals as its step needs.
  ///
  /// As `2e6` if the axis's largest tick has seven digits, or its step more than four decimals.
  private static func plain(_ value: Double, step: Double, largest: Double) -> String {
    // A step of 0.1 is a little less than that after its way through pow: hence the small share.
    let magnitude = Int((log10(step) + 1e-9).rounded(.down))
    if largest >= 1e6 || magnitude < -4 {
      if value == 0 { return "0" }
      let exponent = Int((log10(abs(value)) + 1e-9).rounded(.down))
      return "\(String(format: "%.4g", value / pow(10, Double(exponent))))e\(exponent)"
    }
    return String(format: "%.\(max(0, -magnitude))f", value)
  }
}
