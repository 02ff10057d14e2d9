import Base
import Datasets

/// The conditions that a data set's samples have: for samples of which nobody says what they are to
/// be.
///
/// Condition i is that of a sample of the data, drawn with replacement: a function of (seed, i).
final class DataConditions {
  /// The stream's step; those below are the samples' noise, the choice of reals, the noise of a
  /// fixed generator, and that of standing statistics.
  private static let step = 4

  private let dataset: OpenedDataset
  private let stream: RandomStream
  private var values: [ConditionValues] = []

  /// - Parameters:
  ///   - dataset: Opens the data set, when it is first needed.
  ///   - seed: Of the choice.
  init(_ dataset: OpenedDataset, seed: UInt64) {
    self.dataset = dataset
    stream = RandomStream(seed: seed, purpose: .sampleNoise, step: Self.step)
  }

  /// The first `count` conditions.
  ///
  /// - Throws: Where the data cannot be read.
  func first(_ count: Int) throws -> [ConditionValues] {
    if values.count < count {
      let dataset = try dataset()
      values += dataset.conditions(
        (values.count..<count).map { stream.integer(below: dataset.count, sample: $0) })
    }
    return Array(values[..<count])
  }
}
