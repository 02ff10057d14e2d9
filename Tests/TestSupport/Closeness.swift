import Testing

/// A number that can be compared: Float or Double.
package protocol TestNumber: BinaryFloatingPoint, Sendable {}
extension Float: TestNumber {}
extension Double: TestNumber {}

/// How two lists of numbers differ, nil where they are close: |found - expected| <= absolute +
/// relative * |expected| for every element.
///
/// The counts are compared first. A NaN is never close, not even to a NaN; an infinity only to
/// itself. The text names the element that is worst in terms of its own allowance, and the largest
/// plain difference.
package func difference<Found: Sequence, Expected: Sequence>(
  _ found: Found, _ expected: Expected, absolute: Double, relative: Double
) -> String? where Found.Element: TestNumber, Expected.Element: TestNumber {
  let found = found.map { Double($0) }
  let expected = expected.map { Double($0) }
  guard found.count == expected.count else {
    return "got \(found.count) values, expected \(expected.count)"
  }
  var failures = 0
  var worst = (index: -1, ratio: 0.0)
  var largest = 0.0
  for (index, (got, wanted)) in zip(found, expected).enumerated() {
    // Infinity minus infinity is a NaN, but the two are equal.
    let error = got == wanted ? 0 : abs(got - wanted)
    let allowed = absolute + relative * abs(wanted)
    let isClose = error <= allowed && allowed.isFinite || got == wanted
    guard !isClose else {
      largest = max(largest, error)
      continue
    }
    failures += 1
    largest = error.isNaN ? .infinity : max(largest, error)
    let ratio = error.isNaN ? .infinity : error / max(allowed, .leastNonzeroMagnitude)
    if worst.index < 0 || ratio > worst.ratio { worst = (index, ratio) }
  }
  guard failures > 0 else { return nil }
  return "\(failures) of \(found.count) values differ; worst at index \(worst.index): got "
    + "\(found[worst.index]), expected \(expected[worst.index]) (allowed \(absolute) + \(relative) "
    + "* |expected|); the largest error is \(largest)"
}

/// Records an issue unless the values are as many and as close as `difference` asks.
///
/// `what` says in the message what is compared.
package func expectClose<Found: Sequence, Expected: Sequence>(
  _ found: Found, _ expected: Expected, absolute: Double, relative: Double = 0, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) where Found.Element: TestNumber, Expected.Element: TestNumber {
  guard
    let text = difference(found, expected, absolute: absolute, relative: relative)
  else { return }
  Issue.record("\(what.isEmpty ? "" : what + ": ")\(text)", sourceLocation: sourceLocation)
}

/// Expects two single numbers to be close.
package func expectClose(
  _ found: some TestNumber, _ expected: some TestNumber, absolute: Double, relative: Double = 0,
  _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  expectClose(
    [found], [expected], absolute: absolute, relative: relative, what,
    sourceLocation: sourceLocation)
}

/// Records an issue unless both have the same bits: NaNs of the same bits are the same, 0 and -0
/// are not.
package func expectSameBits<Found: Sequence, Expected: Sequence>(
  _ found: Found, _ expected: Expected, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) where Found.Element == Float, Expected.Element == Float {
  let found = found.map(\.bitPattern)
  let expected = expected.map(\.bitPattern)
  let prefix = what.isEmpty ? "" : what + ": "
  guard found.count == expected.count else {
    Issue.record(
      "\(prefix)got \(found.count) values, expected \(expected.count)",
      sourceLocation: sourceLocation)
    return
  }
  let differing = found.indices.filter { found[$0] != expected[$0] }
  guard let first = differing.first else { return }
  Issue.record(
    """
    \(prefix)\(differing.count) of \(found.count) values have other bits, the first at index \
    \(first): got \(Float(bitPattern: found[first])), expected \(Float(bitPattern: expected[first]))
    """, sourceLocation: sourceLocation)
}

/// The sum of products, in Double.
package func dot(_ a: some Sequence<Float>, _ b: some Sequence<Float>) -> Double {
  zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
}
