import Base
import Datasets
import Scores

/// Measures scores on samples of a generator, the same at every call.
///
/// Sample i is the one that the run's pictures and `sample` show, for noise that training never
/// draws; nothing that training depends on moves.
package struct Evaluation {
  private let scores: [any Score]
  private let samples: Int

  /// - Parameters:
  ///   - scores: What to measure.
  ///   - samples: Samples that each score takes.
  package init(scores: [any Score], samples: Int) {
    self.scores = scores
    self.samples = samples
  }

  /// What was measured at one moment.
  package struct Result {
    package let samples: Int
    /// Of the samples' noise.
    package let seed: UInt64
    /// Each score, the values of its columns, and the seconds that it took.
    package let scores: [(score: any Score, values: [Double], seconds: Double)]
    /// For drawing and measuring.
    package let seconds: Double

    /// All values, in the order of the columns.
    package var values: [Double] { scores.flatMap(\.values) }

    /// The values of the score of that name; nil where it was not measured.
    package subscript(name: String) -> [Double]? {
      scores.first { type(of: $0.score).name == name }?.values
    }

    /// A few words a score: `diversity 0.93, 24 of 25 modes, 91.2 % on one`.
    package var summary: String {
      scores.map { $0.score.summary($0.values) }.joined(separator: ", ")
    }

    /// What `evaluate` prints of the scores.
    package var report: [String] {
      scores.flatMap { $0.score.report($0.values, samples: samples) }
    }
  }

  /// Draws samples and measures.
  ///
  /// A conditional generator's samples have its classes in turn.
  ///
  /// All ranks call it together, and one measures: the others' statistics of batches count too.
  ///
  /// - Parameters:
  ///   - generator: Draws the samples, and the reals they are compared with.
  ///   - isMeasuring: Whether this rank is the one.
  ///   - dataset: Opens the data; called where a score compares with reals.
  /// - Returns: The values; nil where this rank does not measure.
  /// - Throws: What a pass throws, and where the data cannot be read.
  package func measure(
    _ generator: SampleGenerator, isMeasuring: Bool = true,
    dataset: @escaping () throws -> any Dataset
  ) throws -> Result? {
    try generator.withStatistics {
      let begin = monotonicSeconds()
      let layout = SampleGenerator.Layout(
        count: samples, columns: 1, conditions: generator.classConditions)
      guard isMeasuring || generator.isDrawnByAll else { return nil }
      let images = try generator.images(layout)
      guard isMeasuring else { return nil }
      let input = ScoreInput(samples: images, count: samples) {
        generator.reals(layout, of: try dataset())
      }
      return try measure(input, seed: generator.seed, since: begin)
    }
  }

  /// Measures on samples that are there.
  func measure(
    _ input: ScoreInput, seed: UInt64, since begin: Double
  ) throws -> Result {
    let found = try scores.map { score in
      let begin = monotonicSeconds()
      let values = try score.measure(input)
      precondition(
        values.count == score.columns.count,
        "\(type(of: score).name): \(values.count) values, \(score.columns.count) columns")
      return (score: score, values: values, seconds: monotonicSeconds() - begin)
    }
    return Result(
      samples: samples, seed: seed, scores: found,
      seconds: monotonicSeconds() - begin)
  }
}
