import Recipe

/// The best value of the chosen score so far, and how many evaluations ago it was: the same on all
/// ranks.
package struct BestScore: Codable, Equatable, Sendable {
  /// The score, and its column in `evaluation.csv`.
  package let score: String
  package let column: String
  /// nil before the first finite one.
  package private(set) var value: Double?
  /// Iterations after which it was measured.
  package private(set) var iteration: Int?
  /// Evaluations since, without a better one.
  package private(set) var evaluationsSince = 0

  package init(_ settings: BestSettings) {
    score = settings.score
    column = settings.column
  }

  /// Takes what an evaluation gave.
  ///
  /// - Parameters:
  ///   - value: The score.
  ///   - iteration: Iterations done.
  ///   - settings: What is better.
  /// - Returns: Whether it is the best so far.
  package mutating func observe(
    _ value: Double, iteration: Int, _ settings: BestSettings
  ) -> Bool {
    guard settings.isBetter(value, than: self.value) else {
      evaluationsSince += 1
      return false
    }
    (self.value, self.iteration, evaluationsSince) = (value, iteration, 0)
    return true
  }

  /// Whether a checkpoint can hold it that was taken after `last` iterations.
  func isPossible(after last: Int) -> Bool {
    evaluationsSince >= 0 && (value == nil) == (iteration == nil) && value?.isFinite ?? true
      && (0...last).contains(iteration ?? 0)
  }

  // MARK: - Exchange

  /// For other ranks, which know score and column from the configuration.
  package var numbers: [Double] {
    [value ?? .nan, Double(iteration ?? -1), Double(evaluationsSince)]
  }

  /// Takes what `numbers` of another rank gave.
  package mutating func take(_ numbers: some RandomAccessCollection<Double>) {
    let numbers = Array(numbers)
    value = numbers[1] < 0 ? nil : numbers[0]
    iteration = numbers[1] < 0 ? nil : Int(numbers[1])
    evaluationsSince = Int(numbers[2])
  }
}
