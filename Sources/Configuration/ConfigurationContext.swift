/// What all of the readers of one document share.
struct ConfigurationContext: Sendable {
  let documentName: String
  /// The value of the top-level key `width`, which integers may be multiples of.
  let width: ConfigurationValue?

  /// The largest `width` that is accepted; a typing mistake must not become an allocation.
  static let widthRange = 1...65_536

  /// The error `message` about `path`, in front of it where that was written.
  func error(
    at origin: ConfigurationOrigin, path: String, _ message: String
  ) -> ConfigurationError {
    let subject = path.isEmpty ? "" : "\(path): "
    switch origin {
    case .line(let line):
      return ConfigurationError(message: "\(documentName):\(line): \(subject)\(message)")
    case .assignment(let source, let keyPath, let text):
      // The assignment names the path already, unless the trouble is further in or further out.
      let rest = keyPath == path ? "" : subject
      return ConfigurationError(message: "\(source): \(shortened(text)): \(rest)\(message)")
    case .absent:
      return ConfigurationError(message: "\(documentName): \(subject)\(message)")
    }
  }

  /// The text that `value` says, quoted or not.
  func text(_ value: ConfigurationValue, path: String) throws -> String {
    guard case .scalar(let text, _) = value.kind, !value.isNull else {
      throw error(at: value.origin, path: path, "expected a text, found \(value.found)")
    }
    return text
  }

  /// The integer that `value` says: digits, or a multiple of `width`.
  func integer(
    _ value: ConfigurationValue, path: String, in range: ClosedRange<Int>
  ) throws -> Int {
    let expected = "expected \(describe(range))"
    guard case .scalar(let text, let isPlain) = value.kind else {
      throw error(at: value.origin, path: path, "\(expected), found \(value.found)")
    }
    if isPlain, let number = parseInteger(text) {
      guard range.contains(number) else {
        throw error(at: value.origin, path: path, "\(expected), found \(value.found)")
      }
      return number
    }
    guard path != "width", let factor = widthFactor(text) else {
      throw error(at: value.origin, path: path, "\(expected), found \(value.found)")
    }
    guard let width else {
      throw error(
        at: value.origin, path: path, "'\(text)' needs the top-level key 'width', which is missing")
    }
    let product = factor.multipliedReportingOverflow(
      by: try integer(width, path: "width", in: Self.widthRange))
    guard !product.overflow, range.contains(product.partialValue) else {
      let result = product.overflow ? "" : " = \(product.partialValue)"
      throw error(at: value.origin, path: path, "\(expected), found '\(text)'\(result)")
    }
    return product.partialValue
  }

  /// The finite number that `value` says, at least the range's lower bound or more than `above`.
  func number(
    _ value: ConfigurationValue, path: String, in range: ClosedRange<Double>, above: Double?
  ) throws -> Double {
    guard case .scalar(let text, isPlain: true) = value.kind, let number = parseNumber(text),
      range.contains(number), above.map({ number > $0 }) ?? true
    else {
      throw error(
        at: value.origin, path: path,
        "expected \(describe(range, above: above)), found \(value.found)")
    }
    return number
  }
}

// MARK: - Scalars

/// The integer in `64`, `-3`, `1_000_000`; nil for anything else.
///
/// A leading zero is refused: YAML 1.1 would read `010` as eight, and everyone else as ten.
private func parseInteger(_ text: String) -> Int? {
  let digits = text.drop { $0 == "-" || $0 == "+" }
  guard text.count - digits.count <= 1, let first = digits.first, first.isASCII, first.isNumber,
    digits.last != "_", !digits.contains("__"), first != "0" || digits.count == 1
  else { return nil }
  return Int(text.filter { $0 != "_" })
}

/// The number in `0.5`, `1e-4`, `10`, `.5`; nil for anything else and for what overflows.
private func parseNumber(_ text: String) -> Double? {
  // Double(_:) also takes "inf", "nan" and hexadecimal.
  guard !text.isEmpty, text.allSatisfy({ "0123456789+-.eE".contains($0) }),
    let number = Double(text), number.isFinite
  else { return nil }
  return number
}

/// The factor of `width`, `4*width`, `width * 4`; nil for any other text.
private func widthFactor(_ text: String) -> Int? {
  let factors = text.split(separator: "*", omittingEmptySubsequences: false)
    .map { String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
  switch factors.count {
  case 1: return factors[0] == "width" ? 1 : nil
  case 2:
    if factors[0] == "width" { return parseInteger(factors[1]) }
    return factors[1] == "width" ? parseInteger(factors[0]) : nil
  default: return nil
  }
}

// MARK: - What was expected

/// `an integer from 1 to 8`, `an integer, at least 1`.
func describe(_ range: ClosedRange<Int>) -> String {
  switch (range.lowerBound, range.upperBound) {
  case (.min, .max): "an integer"
  case (let lower, .max): "an integer, at least \(lower)"
  case (.min, let upper): "an integer, at most \(upper)"
  case (let lower, let upper): "an integer from \(lower) to \(upper)"
  }
}

/// `a number from 0 to 1`, `a number above 0 and at most 1`, `a finite number`.
func describe(_ range: ClosedRange<Double>, above: Double?) -> String {
  let limit = Double.greatestFiniteMagnitude
  let lower = range.lowerBound > -limit ? range.lowerBound : nil
  let upper = range.upperBound < limit ? "at most \(formatted(range.upperBound))" : nil
  if let above, above >= lower ?? above {
    return "a number above \(formatted(above))" + (upper.map { " and \($0)" } ?? "")
  }
  guard let lower else { return upper.map { "a number, \($0)" } ?? "a finite number" }
  guard upper != nil else { return "a number, at least \(formatted(lower))" }
  return "a number from \(formatted(lower)) to \(formatted(range.upperBound))"
}

/// `1 integer`, `1 to 3 integers`, `at least 1 integer`.
func describe(count: ClosedRange<Int>, of what: String = "integer") -> String {
  switch (count.lowerBound, count.upperBound) {
  case (0, .max): "\(what)s"
  case (let lower, .max): "at least \(lower) \(what)\(lower == 1 ? "" : "s")"
  case (let lower, let upper):
    (lower == upper ? "\(lower)" : "\(lower) to \(upper)") + " \(what)\(upper == 1 ? "" : "s")"
  }
}

/// The shortest text that reads back as `number`: `10`, `0.0001`, `1.0e-05`.
func formatted(_ number: Double) -> String {
  if number == number.rounded(), abs(number) < 1e15, !(number == 0 && number.sign == .minus) {
    return String(Int(number))
  }
  let text = "\(number)"
  // YAML 1.1 readers, PyYAML among them, take 1e-05 for a string: they ask for the dot.
  guard let exponent = text.firstIndex(of: "e"), !text.contains(".") else { return text }
  return "\(text[..<exponent]).0\(text[exponent...])"
}
