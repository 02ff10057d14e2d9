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

  static func train(
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
    try execute(options, ranks: ranks)
  }

  /// evaluation.csv without its last column, the seconds.
  static func rows(_ run: String) throws -> [String] {
    let text = String(decoding: try FileSystem.readFile("\(run)/evaluation.csv"), as: UTF8.self)
    return text.split(separator: "\n").map {
      $0.split(separator: ",").dropLast().joined(separator: ",")
    }
  }

  static func expectSameCheckpoint(
    _ run: String, as other: String, _ link: String = "latest"
  ) throws {
    let names = try FileSystem.listDirectory("\(other)/checkpoints/\(link)/").sorted()
    #expect(names.contains("generator_ema.safetensors"))
    for name in names {
      let isSame =
        try FileSystem.readFile("\(run)/checkpoints/\(link)/\(name)")
        == FileSystem.readFile("\(other)/checkpoints/\(link)/\(name)")
      #expect(isSame, "\(run): \(name)")
    }
  }

  /// No bit of training is another one, whatever the samples are drawn with and on any ranks; and
  /// nothing is written where nothing is measured.
  @Test(arguments: SampleStatistics.allCases, [1, 2])
  func scoresMoveNothing(statistics: SampleStatistics, ranks: Int) throws {
    try withTemporaryFolder { folder in
      let (with, without) = ("\(folder)/with", "\(folder)/without")
      let drawing = [
        "evaluation.statistics=\(statistics)", "evaluation.standingBatches=3",
      ]
      try Self.train(with, ranks: ranks, drawing + ["evaluation.every=1 iteration"])
      try Self.train(without, drawing + ["evaluation.every=never"])
      try Self.expectSameCheckpoint(with, as: without)
      #expect(!FileSystem.exists("\(without)/evaluation.csv"))
      let rows = try Self.rows(with)
      #expect(rows.count == 7)
      // The scores are the same on any ranks too, and `evaluate` has them again.
      let found = try TrainedModel(with).evaluate(samples: 500).values
      let last = try #require(rows.last).split(separator: ",").dropFirst(2).map(String.init)
      for (value, expected) in zip(found, last) {
        expectClose(value, Double(expected) ?? .nan, absolute: 1e-7, "\(statistics), \(ranks)")
      }
    }
  }

  /// Statistics and weights make other samples.
  @Test func drawingCounts() throws {
    try withTemporaryFolder { folder in
      let run = "\(folder)/run"
      try Self.train(run)
      var found = Set<Double>()
      for usesAverage in [true, false] {
        for statistics in SampleStatistics.allCases {
          found.insert(
            try TrainedModel(run, usesAverage: usesAverage)
              .evaluate(scores: ["diversity"], samples: 500, statistics: statistics).values[0])
        }
      }
      #expect(found.count == 6)
    }
  }

  /// Stopped after an iteration without a row, with a row that a crash would leave behind, and on
  /// other ranks: the same rows.
  @Test func rowsAfterResume() throws {
    try withTemporaryFolder { folder in
      let (straight, halves) = ("\(folder)/straight", "\(folder)/halves")
      try Self.train(straight)
      let expected = try Self.rows(straight)
      #expect(
        expected[0] == "iteration (count),epoch (count),diversity (1),modes_hit (count),"
          + "modes_touched (count),on_mode (1)")
      #expect(expected.dropFirst().map { $0.prefix(4) } == ["2,1,", "4,1,", "6,1,"])
      try Self.train(halves, ["training.iterations=2"])
      let path = "\(halves)/evaluation.csv"
      let text = String(decoding: try FileSystem.readFile(path), as: UTF8.self)
      try FileSystem.writeAtomically(text + "4,1,9,9,9,9,9\n6,1,9", to: path)
      try Self.train(halves, ranks: 2, resumes: true, ["training.iterations=6"])
      #expect(try Self.rows(halves) == expected)
      try Self.expectSameCheckpoint(halves, as: straight)
      try Self.train("\(folder)/ranks", ranks: 4)
      #expect(try Self.rows("\(folder)/ranks") == expected)
    }
  }

  /// The end counts, off schedule too.
  @Test func theEndIsMeasured() throws {
    try withTemporaryFolder { folder in
      try Self.train("\(folder)/run", ["evaluation.every=4 iterations"])
      #expect(try Self.rows("\(folder)/run").dropFirst().map { $0.prefix(2) } == ["4,", "6,"])
    }
  }

  /// `evaluate` gives the row of its iteration again.
  @Test func evaluateGivesTheSame() throws {
    try withTemporaryFolder { folder in
      let run = "\(folder)/run"
      try Self.train(run)
      let found = try TrainedModel(run).evaluate(samples: 500)
      #expect(found.seed == 5 && found.samples == 500)
      let row = try #require(try Self.rows(run).last).split(separator: ",").dropFirst(2).map(
        String.init)
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
