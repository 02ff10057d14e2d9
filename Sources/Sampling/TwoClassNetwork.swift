import Base
import Collectives
import Configuration
import Datasets
import Foundation
import Scores
import Training

/// Trains the network that `ClassifierTest` tells samples and reals apart by.
enum TwoClassNetwork {
  private static let shards = 8

  /// Trains, and keeps what the network says after the epoch of the best accuracy on the rows that
  /// choose: of equals the first.
  ///
  /// All ranks train together where they can share the shards, else each by itself: the same bits.
  ///
  /// - Parameters:
  ///   - task: The rows, and what is trained.
  ///   - team: All ranks, which call this together.
  /// - Returns: Probabilities of the second class, not finite where training diverges.
  /// - Throws: Where an exchange between ranks fails.
  static func train(_ task: TwoClassTask, _ team: ScoreTeam) throws -> TwoClassScores {
    let all = team.communicator
    let isShared = (try? ShardPlan(shards: shards, rank: all.rank, ranks: all.size)) != nil
    let communicator: any Communicator = isShared ? all : SoloCommunicator()
    let rows = TwoClassRows(task)
    let (trainer, sampler) = try communicator.agree {
      (
        try ClassifierTrainer(
          settings(task, threads: team.threads), shape: rows.shape, classes: 2,
          communicator: communicator),
        try EpochSampler(
          count: task.training.count, batch: min(task.network.batch, task.training.count),
          keepsPartialBatch: true, seed: task.seed)
      )
    }
    var best = (accuracy: -1.0, scores: TwoClassScores(selection: [], test: []))
    do {
      for epoch in 0..<task.network.epochs {
        let first = epoch * sampler.batchesPerEpoch
        for batch in first..<first + sampler.batchesPerEpoch {
          let indices = sampler.indices(forBatch: batch).map { task.training[Int($0)] }
          _ = try trainer.step(batch, rows, indices)
        }
        let selection = try probabilities(trainer, rows, task.selection)
        let right = zip(selection, task.selection).count { score, row in
          (score > 0.5) == (Int(row) >= task.firstOfSecond)
        }
        let accuracy = Double(right) / Double(selection.count)
        guard accuracy > best.accuracy else { continue }
        let test = try probabilities(trainer, rows, task.test)
        best = (accuracy, TwoClassScores(selection: selection, test: test))
        if accuracy == 1 { break }
      }
    } catch is Divergence {
      // All ranks find it together.
      return TwoClassScores(
        selection: task.selection.map { _ in .nan }, test: task.test.map { _ in .nan })
    }
    return best.scores
  }

  /// Of the second class: 1 / (1 + e^(a - b)) of the logits a and b.
  private static func probabilities(
    _ trainer: ClassifierTrainer, _ rows: TwoClassRows, _ indices: [Int32]
  ) throws -> [Double] {
    let logits = try trainer.logits(rows, indices)
    return stride(from: 0, to: logits.count, by: 2).map { first -> Double in
      let difference = Double(logits[first]) - Double(logits[first + 1])
      return 1 / (1 + exp(difference))
    }
  }

  private static func settings(_ task: TwoClassTask, threads: Int) throws -> ClassifierSettings {
    let network = task.network
    let hidden = "  - linear: {outputs: \(network.hidden)}\n  - leakyReLU: {slope: 0.01}\n"
    let text = """
      classifier:
        layers:
      \(String(repeating: hidden, count: network.layers + 1))  - linear: {outputs: 2}
      optimizer: {adam: {learningRate: \(network.learningRate)}}
      training:
        batch: \(max(network.batch, shards))
        shards: \(shards)
        threads: \(threads)
        epochs: \(network.epochs)
      """
    let document = try ConfigurationDocument(text: text, name: "classifierTest")
    return try ClassifierSettings(document.root(), seed: task.seed)
  }
}

/// The rows of a task with their classes.
private struct TwoClassRows: Dataset {
  let name = "classifierTest"
  let condition = ConditionShape(classes: 2, numbers: 0)
  let shape: Shape
  let count: Int
  private let values: [Float]
  private let firstOfSecond: Int

  init(_ task: TwoClassTask) {
    shape = Shape(channels: task.dimension)
    count = task.values.count / task.dimension
    values = task.values
    firstOfSecond = task.firstOfSecond
  }

  func copyCondition(at index: Int, into condition: Condition) {
    condition.label = index >= firstOfSecond ? 1 : 0
  }

  func copySample(
    at index: Int, draw: SampleDraw, into output: UnsafeMutableBufferPointer<Float>
  ) {
    let start = index * output.count
    values.withUnsafeBufferPointer { values in
      _ = output.update(fromContentsOf: values[start..<start + output.count])
    }
  }
}
