import Configuration
import Datasets
import Scores
import Training

extension RunConfiguration {
  /// What is measured of the generator while it trains.
  package struct EvaluationSection {
    package var every: Interval
    package var scores: [any Score]
    /// What scores of arrays are made of.
    package var quantities: [Quantity]
    /// Samples that each score takes.
    package var samples: Int
    /// How the samples are drawn.
    package var drawing: SampleSettings
    /// By which score the best checkpoint is kept; nil where none is.
    package var best: BestSettings?
    /// Evaluations without a better score after which the run is done; nil for never.
    package var stopAfter: Int?

    /// Whether anything is measured at all.
    package var isOn: Bool { every != .never && !scores.isEmpty }

    /// Whether scores are measured when `iteration` iterations are done; the end counts too.
    package func isDue(afterIteration iteration: Int, schedule: Schedule) -> Bool {
      guard isOn else { return false }
      return iteration == schedule.iterations
        || every.isDue(afterIteration: iteration, schedule: schedule)
    }
  }

  /// What decides which scores apply.
  package var scoreSubject: ScoreSubject {
    ScoreSubject(
      name: name, source: data.source, hasFixedGenerator: training.hasFixedGenerator,
      networks: .available(for: data.source), quantities: evaluation.quantities)
  }

  /// Reads what is to be measured.
  ///
  /// - Parameters:
  ///   - section: `evaluation`.
  ///   - subject: The run, without quantities.
  ///   - sampleEvery: When pictures are drawn: scores follow them by default.
  /// - Returns: The section, checked.
  /// - Throws: `ConfigurationError`, also for scores that the run has no use for.
  static func evaluation(
    _ section: ConfigurationReader, _ subject: ScoreSubject, sampleEvery: Interval
  ) throws -> EvaluationSection {
    let every = try Interval(section, key: "every", default: sampleEvery.text)
    var subject = subject
    let conditions: [String]? =
      if case .array(let arrays) = subject.source { arrays.conditionNames } else { nil }
    subject.quantities = try Quantity.list(section, conditions: conditions)
    let items = try section.items("scores", default: ScoreCatalog.defaults(of: subject))
    let scores = try items.map { try ScoreCatalog.score($0, subject) }
    for (index, item) in items.enumerated()
    where items[..<index].contains(where: { $0.name == item.name }) {
      throw item.fail("is there twice")
    }
    let wanted = scores.map(\.wantedSamples.training).max() ?? 1
    let samples = try section.integer("samples", default: wanted, in: 1...1_000_000)
    let drawing = try SampleSettings(section)
    let best = try section.optionalSection("best").map { try BestSettings($0, of: scores) }
    let stopAfter = try section.optionalInteger("stopAfter", in: 1...1_000_000)
    guard best != nil || stopAfter == nil else {
      throw section.fail("stopAfter", "expected evaluation.best too, by which it is judged")
    }
    return EvaluationSection(
      every: every, scores: scores, quantities: subject.quantities, samples: samples,
      drawing: drawing, best: best,
      stopAfter: stopAfter)
  }
}
