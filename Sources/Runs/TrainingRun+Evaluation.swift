import Base
import Collectives
import Recipe
import Sampling
import Scores
import Training

extension TrainingRun {
  /// Measures scores where it is time, and tells all ranks whether they are the best so far.
  ///
  /// - Parameters:
  ///   - recorder: Rank 0's, which shows them.
  ///   - iteration: Iterations done.
  ///   - failure: What has gone wrong on this rank; set where nothing had, and measuring does.
  /// - Returns: Whether the checkpoint of this iteration is the best so far: the same on all ranks.
  /// - Throws: Where an exchange between ranks fails.
  func measureScores(
    _ recorder: RunRecorder?, iteration: Int, failure: inout String?
  ) throws -> Bool {
    guard configuration.evaluation.isDue(afterIteration: iteration, schedule: schedule) else {
      return false
    }
    Activity.enter(.scores, iteration: iteration)
    let before = best
    do {
      let found = try evaluate()
      if let settings = configuration.evaluation.best {
        _ = best?.observe(found.values[settings.index], iteration: iteration, settings)
      }
      if failure == nil { try recorder?.record(found, iteration: iteration, best: best) }
    } catch { failure = failure ?? "\(error)" }
    guard var numbers = best?.numbers else { return false }
    try numbers.withUnsafeMutableBytes { try communicator.broadcast($0, from: 0) }
    best?.take(numbers)
    return best?.iteration != before?.iteration
  }

  /// Scores of the generator as it is now; moves nothing that training depends on.
  ///
  /// All ranks measure together.
  ///
  /// - Returns: The scores, the same on all ranks.
  /// - Throws: What a pass throws, and where the data cannot be read.
  private func evaluate() throws -> Evaluation.Result {
    let evaluation = configuration.evaluation
    let drawing = evaluation.drawing
    // Each rank keeps its part of the average.
    if drawing.weights == .average { try trainer.completeState() }
    let generator = SampleGenerator(
      model, configuration, statistics: drawing.statistics,
      standingBatches: drawing.standingBatches,
      average: drawing.weights == .average ? trainer.generatorAverage : nil,
      dataset: { [dataset] in dataset })
    let team = try communicator.agree {
      try ScoreTeam(communicator, threads: configuration.training.threads)
    }
    return try Evaluation(scores: evaluation.scores, samples: evaluation.samples).measure(
      generator, data: evaluationData, networks: configuration.scoreSubject.networks, team: team)
  }

  /// Whether the score has not become better for as long as the run waits for it.
  var stopsEarly: Bool { earlyStop != nil }

  /// Why the run is done before its schedule; nil where it is not.
  var earlyStop: String? {
    guard let best, let limit = configuration.evaluation.stopAfter, best.evaluationsSince >= limit
    else { return nil }
    return "stopped early: \(best.column) has not been better in \(best.evaluationsSince) "
      + "evaluation\(best.evaluationsSince == 1 ? "" : "s")"
      + (best.description.map { " than \($0)" } ?? "")
  }
}

extension BestScore {
  /// What a run says of it at its end; nil before the first finite one.
  var line: String? { description.map { "best \(column): \($0), in checkpoints/best" } }

  /// `0.9312 at iteration 400`; nil before the first finite one.
  var description: String? {
    guard let value, let iteration else { return nil }
    return "\(scoreText(value)) at iteration \(iteration)"
  }
}
