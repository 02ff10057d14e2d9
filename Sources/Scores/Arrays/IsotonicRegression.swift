/// The increasing function that fits values best by least squares, between its points linear and
/// beyond them constant: scikit-learn's `IsotonicRegression`, by pooling adjacent violators.
package struct IsotonicRegression: Sendable {
  private var x: [Double] = []
  private var y: [Double] = []

  /// - Parameters:
  ///   - x: Where values are; equal ones count as one place with the mean of its values.
  ///   - y: A value each.
  ///   - low: The least that it gives.
  ///   - high: The greatest that it gives.
  package init(_ x: [Double], _ y: [Double], low: Double, high: Double) {
    precondition(x.count == y.count && !x.isEmpty, "\(x.count) places, \(y.count) values")
    /// Neighbouring places that have one value.
    struct Block {
      var sum: Double
      var weight: Double
      var places: Int
      var mean: Double { sum / weight }
    }
    var blocks: [Block] = []
    let order = x.indices.sorted { x[$0] < x[$1] }
    var first = 0
    while first < order.count {
      var end = first
      while end < order.count, x[order[end]] == x[order[first]] { end += 1 }
      self.x.append(x[order[first]])
      var block = Block(
        sum: order[first..<end].reduce(0) { $0 + y[$1] }, weight: Double(end - first), places: 1)
      while let last = blocks.last, last.mean >= block.mean {
        blocks.removeLast()
        block.sum += last.sum
        block.weight += last.weight
        block.places += last.places
      }
      blocks.append(block)
      first = end
    }
    self.y = blocks.flatMap {
      Array(repeating: min(max($0.mean, low), high), count: $0.places)
    }
  }

  /// Its value at a place.
  package func callAsFunction(_ place: Double) -> Double {
    guard place > x[0] else { return y[0] }
    var (low, high) = (0, x.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if x[middle] <= place { low = middle } else { high = middle }
    }
    guard high < x.count else { return y[low] }
    return y[low] + (place - x[low]) / (x[high] - x[low]) * (y[high] - y[low])
  }
}
