import Base
import Configuration
import Training

/// Lengths of time as people and batch systems write them.
package enum Duration {
  /// Seconds in a text as batch systems write them.
  ///
  /// - Parameters:
  ///   - text: `3h50m`, `90s`, `1d2h`, `3:50:00`, `50:00`, `1-02:00:00` or seconds.
  ///   - option: What the text belongs to, for messages.
  /// - Returns: Seconds.
  /// - Throws: `Fault` for any other text, and for no time at all.
  package static func seconds(_ text: String, of option: String) throws -> Double {
    let found = colons(text) ?? units(text)
    guard let found, found > 0, found < 1e9 else {
      throw Fault(
        "\(option) \(quotedIfNeeded(text)): expected such as 3h50m, 90s, 3:50:00, 1-12:00:00 "
          + "or seconds")
    }
    return found
  }

  /// `1-02:03:04`, `03:04`, `90`.
  private static func colons(_ text: String) -> Double? {
    let halves = text.split(separator: "-", omittingEmptySubsequences: false)
    guard halves.count <= 2, let clock = halves.last else { return nil }
    let days = halves.count == 2 ? Int(halves[0]) : 0
    let fields = clock.split(separator: ":", omittingEmptySubsequences: false)
    guard let days, 1...3 ~= fields.count, text.allSatisfy(\.isASCII) else { return nil }
    var seconds = 0
    // Behind days come hours first: 1-12 is a day and a half.
    let missing = halves.count == 2 ? 3 - fields.count : 0
    for field in fields + [Substring](repeating: "0", count: missing) {
      guard field.allSatisfy(\.isNumber), let number = Int(field), number < 1_000_000_000 else {
        return nil
      }
      seconds = seconds * 60 + number
    }
    return Double(days) * 86_400 + Double(seconds)
  }

  /// `1d3h50m20s`.
  private static func units(_ text: String) -> Double? {
    let units: [Character: Double] = ["d": 86_400, "h": 3600, "m": 60, "s": 1]
    var (total, digits) = (0.0, "")
    for character in text {
      if character.isASCII && character.isNumber {
        digits.append(character)
      } else if let unit = units[character], let number = Double(digits) {
        total += number * unit
        digits = ""
      } else {
        return nil
      }
    }
    return digits.isEmpty && !text.isEmpty ? total : nil
  }
}
