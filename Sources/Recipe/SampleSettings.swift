import Configuration

/// What batch norm in the generator normalizes with when samples are drawn.
package enum SampleStatistics: String, Sendable, CaseIterable {
  /// The running statistics: a sample is a function of its noise.
  case running
  /// Statistics of a whole batch, as in training: samples are drawn `training.batch` at a time, by
  /// all ranks together.
  case batch
  /// The mean of the statistics of many batches, drawn with the weights that samples are drawn with
  /// (Brock et al. 2019, arXiv:1809.11096): a sample is a function of its noise. For averaged
  /// weights, of which the running statistics are not.
  case standing
}

/// How samples are drawn that are scored.
package struct SampleSettings: Sendable, Equatable {
  /// Which weights of the generator.
  package enum Weights: String, Sendable, CaseIterable {
    /// The average, where there is one.
    case average
    /// The generator's own.
    case own
  }

  package var weights = Weights.average
  package var statistics = SampleStatistics.running
  /// Batches that standing statistics are the mean of.
  package var standingBatches = Self.standingBatches

  /// As many as `standingBatches` is where nobody gives a number.
  package static let standingBatches = 16

  package init() {}

  /// - Throws: `ConfigurationError`.
  init(_ section: ConfigurationReader) throws {
    weights = try section.choice("weights", default: .average)
    statistics = try section.choice("statistics", default: .running)
    standingBatches = try section.integer(
      "standingBatches", default: Self.standingBatches, in: 1...100_000)
  }
}
