import Collectives
import Foundation
import Recipe
import RunSupport
import Runs
import Sampling
import Scores
import Storage
import TestSupport
import Testing

/// Scores while a run trains.
@Suite(.serialized) struct EvaluationTests {
  /// Two numbers a sample, with batch norm and an average: what an evaluation could move.
  private static let points = """
    name: points
    seed: 5
    data: {source: gaussians8}
    generator:
      latent: 3
      layers:
      - linear: {outputs: 8}
      - batchNorm
      - relu
      - linear: {outputs: 2}
    critic: {layers: [{linear: {outputs: 8}}, relu, {linear: {outputs: 1}}]}
    objective: {gradientPenalty: {weight: 1}}
    optimizer:
      generator: {adam: {learningRate: 1.0e-2}}
      critic: {adam: {learningRate: 1.0e-2}}
    training:
      {batch: 16, shards: 4, criticSteps: 2, iterations: 6, generatorAverage: {decay: 0.5}}
    output: {checkpointEvery: 3 iterations, sampleEvery: never}
    evaluation: {every: 2 iterations, samples: 500}
    """

  private func train(
    _ run: String, ranks: Int = 1, resumes: Bool = false, _ overrides: [String] = []
  ) throws {
    var options = TrainingOptions()
    if resumes {
      options.resume = run
    } else {
      options.configuration = "\(run).yaml"
      try FileSystem.writeAtomically(Self.points, to: "\(run).yaml")
      options.runFolder = run
    }
    options.overrides = overrides
    let chosen = options
    guard ranks > 1 else {
      try TrainingRun(chosen, communicator: SoloCommunicator()).execute()
      return
    }
    _ = try ThreadedCommunicator.run(ranks: ranks) {
      try TrainingRun(chosen, communicator: $0).execute()
    }
  }

  /// evaluation.csv without its last column, the seconds.
  private func rows(_ run: String) throws -> [String] {
    let text = String(decoding: try FileSystem.readFile("\(run)/evaluation.csv"), as: UTF8.self)
    return text.split(separator: "\n").map {
      $0.split(separator: ",").dropLast().joined(separator: ",")
    }
  }

  private func expectSameCheckpoint(_ run: String, as other: String) throws {
    let names = try FileSystem.listDirectory("\(other)/checkpoints/latest/").sorted()
    #expect(names.contains("generator_ema.safetensors"))
    for name in names {
      let isSame =
        try FileSystem.readFile("\(run)/checkpoints/latest/\(name)")
        == FileSystem.readFile("\(other)/checkpoints/latest/\(name)")
      #expect(isSame, "\(run): \(name)")
    }
  }

  /// No bit of training is another one, and nothing is written where nothing is measured.
  @Test func scoresMoveNothing() throws {
    try withTemporaryFolder { folder in
      let (with, without) = ("\(folder)/with", "\(folder)/without")
      try train(with, ["evaluation.every=1 iteration"])
      try train(without, ["evaluation.every=never"])
      try expectSameCheckpoint(with, as: without)
      #expect(!FileSystem.exists("\(without)/evaluation.csv"))
      #expect(try rows(with).count == 7)
    }
  }

  /// Stopped after an iteration without a row, with a row that a crash would leave behind, and on
  /// other ranks: the same rows.
  @Test func rowsAfterResume() throws {
    try withTemporaryFolder { folder in
      let (straight, halves) = ("\(folder)/straight", "\(folder)/halves")
      try train(straight)
      let expected = try rows(straight)
      #expect(
        expected[0] == "iteration (count),epoch (count),diversity (1),modes_hit (count),"
          + "modes_touched (count),on_mode (1)")
      #expect(expected.dropFirst().map { $0.prefix(4) } == ["2,1,", "4,1,", "6,1,"])
      try train(halves, ["training.iterations=2"])
      let path = "\(halves)/evaluation.csv"
      let text = String(decoding: try FileSystem.readFile(path), as: UTF8.self)
      try FileSystem.writeAtomically(text + "4,1,9,9,9,9,9\n6,1,9", to: path)
      try train(halves, ranks: 2, resumes: true, ["training.iterations=6"])
      #expect(try rows(halves) == expected)
      try expectSameCheckpoint(halves, as: straight)
      try train("\(folder)/ranks", ranks: 4)
      #expect(try rows("\(folder)/ranks") == expected)
    }
  }

  /// The end counts, off schedule too.
  @Test func theEndIsMeasured() throws {
    try withTemporaryFolder { folder in
      try train("\(folder)/run", ["evaluation.every=4 iterations"])
      #expect(try rows("\(folder)/run").dropFirst().map { $0.prefix(2) } == ["4,", "6,"])
    }
  }

  /// `evaluate` gives the row of its iteration again.
  @Test func evaluateGivesTheSame() throws {
    try withTemporaryFolder { folder in
      let run = "\(folder)/run"
      try train(run)
      let found = try TrainedModel(run).evaluate(samples: 500)
      #expect(found.seed == 5 && found.samples == 500)
      let row = try #require(try rows(run).last).split(separator: ",").dropFirst(2).map(String.init)
      let values = found.values.map { String(format: "%.9g", $0) }
      for (value, expected) in zip(values, row) {
        expectClose(
          Double(value) ?? .nan, Double(expected) ?? .nan, absolute: 1e-7, "a score")
      }
      #expect(row.count == 4)
      #expect(try TrainedModel(run).evaluate().samples == 10_000)
      #expect(try TrainedModel(run).evaluate(scores: ["diversity"]).samples == 1000)
      #expect(try TrainedModel(run).evaluate(samples: 500, seed: 6).values != found.values)
    }
  }
}
