import Base
import Collectives
import Configuration
import Datasets
import Foundation
import Networks
import RunSupport
import Sampling
import Scores
import TestSupport
import Testing
import Training

/// Images of one value, sample i of i / 100 and of class i mod 3.
private struct Numbered: Dataset {
  let name = "numbered"
  let count: Int
  let shape: Shape
  let condition = ConditionShape(classes: 3)
  func copyCondition(at index: Int, into condition: Condition) { condition.label = index % 3 }
  func copySample(
    at index: Int, draw: SampleDraw, into output: UnsafeMutableBufferPointer<Float>
  ) {
    output.update(repeating: Float(index) / 100)
  }
}

/// A score that hands its input to a test: its values are what the test makes of it.
private struct Probe: Score {
  static let name = "probe"
  let columns: [String]
  let wantedSamples = (training: 1, evaluation: 1)
  let body: @Sendable (ScoreInput) throws -> [Double]

  init(columns: Int, _ body: @escaping @Sendable (ScoreInput) throws -> [Double]) {
    self.columns = (0..<columns).map { "probe\($0) (1)" }
    self.body = body
  }

  init(_ options: ConfigurationReader, _ subject: ScoreSubject) throws { throw Fault("a probe") }

  static func refusal(of subject: ScoreSubject) -> String? { nil }

  func measure(_ input: ScoreInput) throws -> [Double] { try body(input) }
}

/// What `Evaluation` gives scores to measure.
@Suite struct EvaluationInputTests {
  private static let image = Shape(channels: 1, height: 28, width: 28)

  /// Measures on this rank with networks of its own, as `evaluate` does.
  @Sendable private static func measure(
    _ count: Int, columns: Int, _ communicator: any Communicator = SoloCommunicator(),
    dataset: Int = 5000, heldOut: Int = 700, statistics: SampleGenerator.Statistics = .running,
    _ body: @escaping @Sendable (ScoreInput) throws -> [Double]
  ) throws -> [Double] {
    let (generator, _) = try SampleGeneratorTests.generator(statistics: statistics)
    let evaluation = Evaluation(scores: [Probe(columns: columns, body)], samples: count)
    let found = try evaluation.measure(
      generator,
      data: .init(
        { Numbered(count: dataset, shape: image) },
        heldOut: { Numbered(count: heldOut, shape: image) }),
      team: ScoreTeam(communicator))
    return try #require(found["probe"])
  }

  /// 700 samples are three slices; ranks draw parts, whole batches one of them.
  @Test(arguments: [SampleGenerator.Statistics.running, .batch])
  func samplesAreThoseOfPictures(statistics: SampleGenerator.Statistics) throws {
    let (generator, _) = try SampleGeneratorTests.generator(statistics: statistics)
    let expected = try generator.images(
      SampleGenerator.Layout(count: 700, columns: 1, conditions: []))
    let body: @Sendable (ScoreInput) throws -> [Double] = { input in
      expectSameBits(try input.sampleValues(), expected, "samples")
      return try [Double(input.realValues().reduce(0, +)), Double(input.seed)]
    }
    let alone = try Self.measure(700, columns: 2, statistics: statistics, body)
    #expect(alone[1] == 3)
    for ranks in [2, 5] {
      let found = try ThreadedCommunicator.run(ranks: ranks) {
        try Self.measure(700, columns: 2, $0, statistics: statistics, body)
      }
      #expect(found.allSatisfy { $0 == alone }, "\(ranks) ranks")
    }
  }

  /// As many as there are: each real once; more than there are: each as often as the others.
  @Test func realsAreDrawnWithoutRepeats() throws {
    func counts(_ count: Int, of dataset: Int) throws -> [Int] {
      let values = try Self.measure(count, columns: count, dataset: dataset) { input in
        let reals = try input.realValues()
        return (0..<count).map { Double(reals[$0 * 784]) }
      }
      return values.reduce(into: Array(repeating: 0, count: dataset)) {
        $0[Int(($1 * 100).rounded())] += 1
      }
    }
    #expect(try counts(60, of: 60) == Array(repeating: 1, count: 60))
    #expect(try counts(120, of: 60) == Array(repeating: 2, count: 60))
    #expect(try counts(300, of: 5000).max() == 1)
  }

  @Test func theTrainingSetIsAll() throws {
    let found = try Self.measure(4, columns: 3) { input in
      let set = try #require(try input.trainingSet?())
      return [Double(set.count), Double(try set.items(4321..<4322)[0]), Double(set.shape.pixels)]
    }
    expectClose(found, [5000, 43.21, 784], absolute: 1e-5)
  }

  /// The critic's scores of samples, reals and reals held out, on any number of ranks.
  @Test func theCriticIsAsked() throws {
    let (generator, _) = try SampleGeneratorTests.generator()
    let layout = SampleGenerator.Layout(count: 50, columns: 1, conditions: [])
    let ofSamples = try generator.scores(of: generator.images(layout))
    let body: @Sendable (ScoreInput) throws -> [Double] = { input in
      let ask = try #require(input.criticScores)
      expectSameBits(try ask(.samples), ofSamples, "samples")
      return try (ask(.training) + ask(.heldOut)).map(Double.init)
    }
    let alone = try Self.measure(50, columns: 100, heldOut: 1, body)
    // One image is held out: all its scores are that image's.
    let zero = try generator.scores(of: Array(repeating: 0, count: 784))
    #expect(alone[50...].allSatisfy { $0 == Double(zero[0]) })
    #expect(Set(alone[..<50]).count == 50)
    let ranks = try ThreadedCommunicator.run(ranks: 3) {
      try Self.measure(50, columns: 100, $0, heldOut: 1, body)
    }
    #expect(ranks.allSatisfy { $0 == alone })
  }

  /// Rank 0's values are everyone's.
  @Test func ranksGiveOutTheSame() throws {
    let found = try ThreadedCommunicator.run(ranks: 2) { communicator in
      let rank = Double(communicator.rank)
      return try Self.measure(4, columns: 1, communicator) { _ in [7 + rank] }
    }
    #expect(found == [[7], [7]])
  }

  /// Of a conditional generator samples have its classes in turn, and so have reals; the critic is
  /// told them.
  @Test func conditionsGoInTurn() throws {
    let parsed = try configuration([
      "generator.layers=[labelConcat, {linear: {outputs: 2}}]", "generator.input=[5]",
      "critic.layers=[labelConcat, {linear: {outputs: 1}}]", "data.classes=3",
    ])
    let model = try Model(parsed.setup, communicator: SoloCommunicator())
    let generator = SampleGenerator(model, parsed)
    let classes = (0..<3).map { ConditionValues(label: $0) }
    let layout = SampleGenerator.Layout(count: 40, columns: 1, conditions: classes)
    let expected = try generator.images(layout)
    let scores = try generator.scores(of: expected, conditions: classes)
    #expect(try generator.scores(of: expected) != scores)
    let shape = Shape(channels: 2)
    let probe = Probe(columns: 40) { input in
      expectSameBits(try input.sampleValues(), expected, "samples")
      let ask = try #require(input.criticScores)
      expectSameBits(try ask(.samples), scores, "scores")
      let reals = try input.realValues()
      return (0..<40).map { Double(reals[2 * $0]) }
    }
    let found = try Evaluation(scores: [probe], samples: 40).measure(
      generator,
      data: .init(
        { Numbered(count: 200, shape: shape) }, heldOut: { Numbered(count: 2, shape: shape) }))
    let reals = try #require(found["probe"]).map { Int(($0 * 100).rounded()) }
    #expect(reals.enumerated().allSatisfy { $1 % 3 == $0 % 3 } && Set(reals).count == 40)
  }
}
