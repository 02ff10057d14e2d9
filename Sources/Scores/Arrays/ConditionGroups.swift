import Foundation

/// Groups of samples by a number that they are conditioned on: its values where there are few, else
/// as many parts with as many reals each.
package struct ConditionGroups: Sendable, Equatable {
  /// The number's name.
  package let name: String
  /// Between each group and the next, ascending.
  package let bounds: [Double]
  /// What each is called: a value, or `a to b`.
  package let labels: [String]

  package var count: Int { labels.count }

  /// - Parameters:
  ///   - name: The number's.
  ///   - reals: Its values.
  ///   - mostValues: The most different values that are a group each.
  ///   - parts: Groups of more.
  package init(_ name: String, reals: [Double], mostValues: Int = 32, parts: Int = 4) {
    self.name = name
    let sorted = reals.filter(\.isFinite).sorted()
    var values: [Double] = []
    for value in sorted where value != values.last {
      values.append(value)
      if values.count > mostValues { break }
    }
    guard values.count > mostValues else {
      // Samples' conditions have been rounded to single precision: the nearest value counts.
      bounds = zip(values, values.dropFirst()).map { $0 + ($1 - $0) / 2 }
      labels = values.map {
        $0 == $0.rounded() && abs($0) < 1e15 ? "\(Int($0))" : String(format: "%g", $0)
      }
      return
    }
    var found: [Double] = []
    for part in 1..<max(parts, 1) {
      let bound = sorted[part * sorted.count / parts]
      if bound > (found.last ?? sorted[0]) { found.append(bound) }
    }
    bounds = found
    let ends = [sorted[0]] + found + [sorted[sorted.count - 1]]
    labels = zip(ends, ends.dropFirst()).map { String(format: "%.3g to %.3g", $0, $1) }
  }

  /// The group of a value: below the first bound 0, at it 1.
  package func group(of value: Double) -> Int {
    bounds.firstIndex { value < $0 } ?? bounds.count
  }

  /// The values of each group.
  ///
  /// - Parameters:
  ///   - values: Of each sample.
  ///   - conditions: The number of each.
  /// - Returns: A list a group.
  func split(_ values: [Double], by conditions: [Double]) -> [[Double]] {
    var groups = [[Double]](repeating: [], count: max(count, 1))
    for (value, condition) in zip(values, conditions) { groups[group(of: condition)].append(value) }
    return groups
  }
}
