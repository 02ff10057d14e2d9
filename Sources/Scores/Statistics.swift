/// What scores over splits and subsets say of their values.
package enum Statistics {
  /// Mean and standard deviation, over all and not over all but one, as the scores' authors have
  /// it.
  package static func meanAndDeviation(_ values: [Double]) -> [Double] {
    let mean = values.reduce(0, +) / Double(values.count)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return [mean, (squares / Double(values.count)).squareRoot()]
  }

  /// A quantile, between two values in proportion: NumPy's `percentile`.
  ///
  /// - Parameters:
  ///   - sorted: Ascending, one or more.
  ///   - share: 0 for the least, 1 for the greatest.
  /// - Returns: The quantile.
  package static func quantile(_ sorted: [Double], _ share: Double) -> Double {
    let place = share * Double(sorted.count - 1)
    let low = min(Int(place), sorted.count - 1)
    let high = min(low + 1, sorted.count - 1)
    return sorted[low] + (place - Double(low)) * (sorted[high] - sorted[low])
  }
}

/// The steps of the random stream of scores: what numbers are drawn for, so that no two uses share
/// one.
enum ScoringStep {
  static let subsets = 0
  static let projections = 1
  /// And every `stride`-th from it on, one a level.
  static let patches = 2
  static let stride = 16
  static let batches = 3
  static let split = 4
}
