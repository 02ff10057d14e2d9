import Base
import Collectives
import Configuration
import Datasets
import Networks
import TestSupport
import Testing
import Training

/// Training of a classifier.
@Suite struct ClassifierTests {
  /// Three classes of four numbers: the class's own is larger by 2.
  private struct Classes: Dataset {
    let name = "classes"
    let count = 300
    let shape = Shape(channels: 4)
    let condition = ConditionShape(classes: 3)
    func copyCondition(at index: Int, into condition: Condition) { condition.label = index % 3 }
    func copySample(
      at index: Int, draw: SampleDraw, into output: UnsafeMutableBufferPointer<Float>
    ) {
      RandomStream(seed: 9, purpose: .sampleNoise).normals(sample: index, into: output)
      output[index % 3] += 2
    }
  }

  private static let text = """
    classifier:
      layers:
      - linear: {outputs: 6}
      - batchNorm
      - relu
      - linear: {outputs: 3}
    optimizer: {adam: {learningRate: 1.0e-2}}
    training: {batch: 18, shards: 4, epochs: 1}
    """

  private static func trainer(
    _ communicator: any Communicator = SoloCommunicator(), classes: Int = 3
  ) throws -> ClassifierTrainer {
    let root = try ConfigurationDocument(text: text, name: "classes.yaml").root()
    return try ClassifierTrainer(
      ClassifierSettings(root, seed: 3), shape: Shape(channels: 4), classes: classes,
      communicator: communicator)
  }

  private static func train(
    _ communicator: any Communicator
  ) throws -> (hash: UInt32, results: [ClassifierTrainer.Result]) {
    let trainer = try trainer(communicator)
    let data = Classes()
    var results: [ClassifierTrainer.Result] = []
    for step in 0..<40 {
      let batch = (0..<18).map { Int32((step * 18 + $0) % 250) }
      results.append(try trainer.step(step, data, batch))
    }
    // A last batch of fewer samples than shards.
    results.append(try trainer.evaluate(data, (250..<290).map(Int32.init)))
    return (trainer.network.parameterHash, results)
  }

  /// It learns, and has the same bits on any number of ranks.
  @Test func learnsTheSameOnAnyRanks() throws {
    let alone = try Self.train(SoloCommunicator())
    let results = alone.results
    #expect(results[0].accuracy < 0.7)
    #expect(results[40].accuracy > 0.8, "\(results[40])")
    #expect(results[39].loss < 0.6 * results[0].loss, "\(results[0]), \(results[39])")
    for ranks in [2, 4] {
      for found in try ThreadedCommunicator.run(ranks: ranks, { try Self.train($0) }) {
        #expect(found.hash == alone.hash && found.results == results, "\(ranks) ranks")
      }
    }
  }

  /// The mean over samples, by hand: whatever the batches are.
  @Test func theMeansAreOverSamples() throws {
    let trainer = try Self.trainer()
    let data = Classes()
    let all = try trainer.evaluate(data, (0..<40).map(Int32.init))
    var loss = 0.0
    var right = 0.0
    for index in 0..<40 {
      let one = try trainer.evaluate(data, [Int32(index)])
      loss += one.loss / 40
      right += one.accuracy / 40
    }
    expectClose(all.loss, loss, absolute: 1e-6, "loss")
    expectClose(all.accuracy, right, absolute: 1e-12, "accuracy")
  }

  @Test func theLogitsAreTheClasses() throws {
    let found = message { _ = try Self.trainer(classes: 5) }
    #expect(found?.contains("expected a logit for each of the 5 classes") == true, "\(found ?? "")")
  }
}
