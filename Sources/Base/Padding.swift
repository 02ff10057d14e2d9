extension BinaryInteger {
  /// The number's digits with zeros before them: 7 to 3 is `007`.
  ///
  /// - Parameters:
  ///   - width: The fewest characters; longer numbers are whole.
  ///   - radix: 10, or another base from 2 to 36.
  /// - Returns: The digits, lowercase.
  package func padded(to width: Int, radix: Int = 10) -> String {
    precondition(self >= 0, "\(self) is negative")
    let digits = String(self, radix: radix)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
