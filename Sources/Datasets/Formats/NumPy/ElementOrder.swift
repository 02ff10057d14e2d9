/// Where the elements of an array go, in the order in which a file has them.
struct ElementOrder {
  /// The dimensions, the fastest first.
  private let sizes: [Int]
  /// How far one step of a dimension goes in the target.
  private let steps: [Int]
  private var counters: [Int]
  /// The place of the next element.
  private(set) var place = 0
  /// Whether every element goes behind the one before.
  let isPlain: Bool

  /// - Parameters:
  ///   - shape: The array's sizes, by its indices.
  ///   - isFortranOrdered: Whether the first index is the fastest in the file.
  ///   - targetOrder: The indices in the order of the target, the slowest first: 0, 2, 3, 1 brings
  ///     channels to the end.
  init(shape: [Int], isFortranOrdered: Bool, targetOrder: [Int]) {
    precondition(targetOrder.sorted() == Array(shape.indices), "\(targetOrder) of \(shape)")
    var stepOfIndex = [Int](repeating: 1, count: shape.count)
    var step = 1
    for index in targetOrder.reversed() {
      stepOfIndex[index] = step
      step *= shape[index]
    }
    let order = isFortranOrdered ? Array(shape.indices) : shape.indices.reversed()
    sizes = order.map { shape[$0] }
    steps = order.map { stepOfIndex[$0] }
    counters = [Int](repeating: 0, count: shape.count)
    var expected = 1
    var isPlain = true
    for (size, step) in zip(sizes, steps) where size > 1 {
      if step != expected { isPlain = false }
      expected *= size
    }
    self.isPlain = isPlain
  }

  /// Goes on to the next element of the file.
  mutating func advance() {
    for dimension in sizes.indices {
      counters[dimension] += 1
      place += steps[dimension]
      if counters[dimension] < sizes[dimension] { return }
      place -= steps[dimension] * sizes[dimension]
      counters[dimension] = 0
    }
  }
}
