/// Distributions on a line.
enum Line {
  /// The Wasserstein-1 distance of as many numbers as others: the mean difference of both in
  /// ascending order.
  ///
  /// - Parameters:
  ///   - a: Finite numbers.
  ///   - b: As many.
  /// - Returns: The distance.
  static func distance(_ a: [Double], _ b: [Double]) -> Double {
    precondition(a.count == b.count && !a.isEmpty, "\(a.count) and \(b.count) numbers")
    let sum = zip(a.sorted(), b.sorted()).reduce(0) { $0 + abs($1.0 - $1.1) }
    return sum / Double(a.count)
  }
}
