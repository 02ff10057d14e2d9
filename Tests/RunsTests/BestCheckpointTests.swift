import Collectives
import Foundation
import Recipe
import RunSupport
import Runs
import Sampling
import Storage
import TestSupport
import Testing

/// The checkpoint with the best score, and the end of a run that gets no better.
@Suite(.serialized) struct BestCheckpointTests {
  private static let best = "evaluation.best={score: diversity, prefer: highest}"

  private func state(_ folder: String) throws -> CheckpointState {
    try CheckpointState(folder: URL(fileURLWithPath: folder).resolvingSymlinksInPath().path)
  }

  /// The iteration and the diversity of each row.
  private func scores(_ run: String) throws -> [(iteration: Int, value: Double)] {
    try EvaluationTests.rows(run).dropFirst().map { row in
      let fields = row.split(separator: ",")
      return (try #require(Int(fields[0])), try #require(Double(fields[2])))
    }
  }

  private func bestStep(_ run: String) -> Int? {
    CheckpointStore(directory: "\(run)/checkpoints", keep: 1).bestName
      .flatMap(CheckpointStore.step(ofName:))
  }

  /// Also at an iteration that saves nothing else, kept beside the newest one; `sample` and
  /// `evaluate` take it.
  @Test(arguments: ["highest", "lowest"]) func theBestIsKept(prefer: String) throws {
    try withTemporaryFolder { folder in
      let run = "\(folder)/run"
      try EvaluationTests.train(
        run,
        [
          "evaluation.best={score: diversity, prefer: \(prefer)}", "evaluation.every=1 iteration",
          "output.checkpointEvery=never", "output.keep=1", "training.iterations=8",
        ])
      let scores = try scores(run)
      #expect(scores.count == 8)
      let values = scores.map(\.value)
      let value = try #require(prefer == "highest" ? values.max() : values.min())
      let expected = try #require(scores.first { $0.value == value }).iteration
      #expect(bestStep(run) == expected)
      let names = try CheckpointStore(directory: "\(run)/checkpoints", keep: 1).names()
      #expect(names == Set([expected, 8]).sorted().map(CheckpointStore.name(step:)))
      let found = try #require(try state("\(run)/checkpoints/latest").best)
      #expect(found.iteration == expected && found.evaluationsSince == 8 - expected)
      expectClose(try #require(found.value), value, absolute: 1e-8, "the best")
      let trained = try TrainedModel(run, checkpoint: .best)
      #expect(trained.iteration == expected)
      expectClose(
        try trained.evaluate(scores: ["diversity"], samples: 500).values[0], value,
        absolute: 1e-7, "evaluated again")
      let log = try String(contentsOfFile: "\(run)/run.log", encoding: .utf8)
      #expect(log.contains("done: all 8 iterations"), "\(log)")
    }
  }

  /// Stopped, with its link lost as by a kill, and on other ranks: the same best, the same files.
  @Test func resumeKnowsTheBest() throws {
    try withTemporaryFolder { folder in
      let (straight, halves) = ("\(folder)/straight", "\(folder)/halves")
      let overrides = [Self.best, "output.checkpointEvery=2 iterations"]
      try EvaluationTests.train(straight, overrides + ["training.iterations=12"])
      try EvaluationTests.train(halves, overrides + ["training.iterations=6"])
      let best = try #require(bestStep(halves))
      try FileSystem.removeTree("\(halves)/checkpoints/best")
      try EvaluationTests.train(halves, ranks: 2, resumes: true, ["training.iterations=6"])
      #expect(bestStep(halves) == best)
      try EvaluationTests.train(halves, ranks: 2, resumes: true, ["training.iterations=12"])
      #expect(bestStep(halves) == bestStep(straight))
      try EvaluationTests.expectSameCheckpoint(halves, as: straight)
      try EvaluationTests.expectSameCheckpoint(halves, as: straight, "best")
    }
  }

  /// A run that gets no better ends, done; resumed it has nothing to do, until it may go on.
  @Test func aRunStopsEarly() throws {
    try withTemporaryFolder { folder in
      let (run, straight) = ("\(folder)/run", "\(folder)/straight")
      let overrides = [
        Self.best, "evaluation.every=1 iteration", "training.iterations=200",
      ]
      try EvaluationTests.train(run, overrides + ["evaluation.stopAfter=2"])
      let scores = try scores(run)
      let last = try #require(scores.last).iteration
      #expect(last < 200 && last == (bestStep(run) ?? 0) + 2, "ended at \(last)")
      let log = try String(contentsOfFile: "\(run)/run.log", encoding: .utf8)
      #expect(
        log.contains("done: stopped early: diversity has not been better in 2 evaluations than"),
        "\(log)")
      #expect(try RunStory(run).state == .done)
      #expect(FileSystem.exists("\(run)/curves.png"))
      // On other ranks, which have to know it too.
      try EvaluationTests.train(run, ranks: 2, resumes: true, [])
      #expect(try self.scores(run).count == scores.count)
      #expect(try state("\(run)/checkpoints/latest").iteration == last)
      try EvaluationTests.train(
        run, ranks: 2, resumes: true,
        ["evaluation.stopAfter=null", "training.iterations=\(last + 3)"])
      try EvaluationTests.train(straight, overrides + ["training.iterations=\(last + 3)"])
      try EvaluationTests.expectSameCheckpoint(run, as: straight)
      #expect(try EvaluationTests.rows(run) == EvaluationTests.rows(straight))
    }
  }

  /// A score that is not finite is never the best.
  @Test func onlyFiniteScoresCount() throws {
    let parsed = try configuration([
      "data={source: gaussians8}", "evaluation.scores=[diversity, modeCoverage]",
      "generator.layers=[{linear: {outputs: 2}}]", "generator.input=[5]",
      "evaluation.best={score: modeCoverage, column: on_mode, prefer: highest}",
    ])
    let settings = try #require(parsed.evaluation.best)
    #expect(settings.index == 3 && settings.column == "on_mode")
    var best = BestScore(settings)
    var isBetter = [Double.nan, .infinity].enumerated().map { index, value in
      best.observe(value, iteration: index + 1, settings)
    }
    #expect(best.value == nil && best.evaluationsSince == 2)
    // As good is no better.
    isBetter += [0.25, 0.25, .nan].enumerated().map { index, value in
      best.observe(value, iteration: index + 3, settings)
    }
    #expect(isBetter == [false, false, true, false, false])
    #expect(best.value == 0.25 && best.iteration == 3 && best.evaluationsSince == 2)
    var other = BestScore(settings)
    other.take(best.numbers)
    #expect(other == best)
    var none = BestScore(settings)
    none.take(BestScore(settings).numbers)
    #expect(none == BestScore(settings))
  }

  @Test func statesThatCannotBeAreRefused() throws {
    try withTemporaryFolder { folder in
      for best in [
        #"{"score":"a","column":"b","value":1,"evaluationsSince":0}"#,
        #"{"score":"a","column":"b","value":1,"iteration":9,"evaluationsSince":0}"#,
        #"{"score":"a","column":"b","evaluationsSince":-1}"#,
      ] {
        try FileSystem.writeAtomically(
          #"{"format":2,"iteration":3,"best":\#(best)}"#, to: "\(folder)/state.json")
        #expect(
          message { _ = try CheckpointState(folder: folder) }?.contains("no such score") == true,
          "\(best)")
      }
    }
  }
}
