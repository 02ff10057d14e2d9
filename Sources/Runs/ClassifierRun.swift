import Base
import Collectives
import Configuration
import Datasets
import Foundation
import Networks
import Recipe
import Storage
import Training

/// Trains a small classifier, on all ranks, and writes it as a feature network.
package final class ClassifierRun {
  private let configuration: ClassifierConfiguration
  private let communicator: any Communicator
  private let trainer: ClassifierTrainer
  private let training: (dataset: any Dataset, indices: [Int32])
  private let heldOut: (dataset: any Dataset, indices: [Int32])

  /// What an epoch gave.
  package struct Epoch: Encodable, Sendable {
    /// The mean of its batches', in nats.
    let loss: Double
    /// On the samples that were held out, behind it.
    let heldOutLoss: Double
    /// Likewise, from 0 to 1.
    let accuracy: Double
    let seconds: Double
  }

  /// What training gave, for programs.
  package struct Report: Encodable, Sendable {
    let name: String
    /// Samples that are trained on.
    let samples: Int
    /// Samples that are not.
    let heldOut: Int
    let parameters: Int
    let epochs: [Epoch]
    /// The path of the feature network's description.
    package var output: String
  }

  /// Reads configuration and data and builds the network.
  ///
  /// - Parameters:
  ///   - document: The configuration.
  ///   - communicator: The ranks.
  /// - Throws: On all ranks, where one throws.
  package init(_ document: ConfigurationDocument, communicator: any Communicator) throws {
    self.communicator = communicator
    let configuration = try communicator.agree { try ClassifierConfiguration(document) }
    self.configuration = configuration
    let dataset = try configuration.data.open(communicator)
    let test = try configuration.test.map { try $0.open(communicator) }
    let classes = max(dataset.classCount, test?.classCount ?? 0)
    try communicator.agree {
      guard dataset.classCount > 1 else {
        throw Fault("\(dataset.name): has no classes, which a classifier learns")
      }
      guard test == nil || test?.shape == dataset.shape else {
        throw Fault(
          "\(test?.name ?? ""): samples of \(test?.shape.description ?? ""), expected "
            + "\(dataset.shape) as in \(dataset.name)")
      }
    }
    if let test {
      training = (dataset, (0..<dataset.count).map(Int32.init))
      heldOut = (test, (0..<test.count).map(Int32.init))
    } else {
      // By a permutation: sets have their classes in turn, or one after the other.
      let order = Self.permutation(dataset.count, seed: configuration.settings.seed)
      let part = Int((configuration.heldOut * Double(dataset.count)).rounded())
      training = (dataset, Array(order[part...]))
      heldOut = (dataset, Array(order[..<part]))
    }
    let count = (training.indices.count, heldOut.indices.count)
    trainer = try communicator.agree {
      guard count.0 > 0, count.1 > 0 else {
        throw Fault("\(dataset.name): \(dataset.count) samples leave none to train or to hold out")
      }
      let trainer = try ClassifierTrainer(
        configuration.settings, shape: dataset.shape, classes: classes, communicator: communicator)
      try configuration.finish()
      try Self.requireHiddenLayer(trainer.network, configuration)
      return trainer
    }
  }

  /// A step that no epoch has.
  private static let heldOutStep = 1 << 31

  /// The samples in an order of their own.
  private static func permutation(_ count: Int, seed: UInt64) -> [Int32] {
    var order = [Int32](repeating: 0, count: count)
    order.withUnsafeMutableBufferPointer {
      RandomStream(seed: seed, purpose: .shuffle, step: heldOutStep).permutation(into: $0)
    }
    return order
  }

  /// Refuses a network without a vector behind which the logits are made.
  private static func requireHiddenLayer(
    _ network: Network, _ configuration: ClassifierConfiguration
  ) throws {
    let layers = network.layers
    let last = layers.lastIndex { !$0.parameters.isEmpty } ?? 0
    guard last == layers.count - 1, last > 0, layers[last].inputShape.pixels == 1 else {
      throw configuration.settings.network.reader.fail(
        "layers",
        "expected a linear layer at the end, and one before it that gives a vector: the features")
    }
  }

  /// Trains, and reports each epoch.
  ///
  /// - Returns: Counts, and each epoch's loss and accuracy.
  /// - Throws: On all ranks, where training diverges or the job is to stop.
  package func train() throws -> Report {
    let settings = configuration.settings
    let sampler = try communicator.agree {
      try EpochSampler(
        count: training.indices.count, batch: settings.batch, keepsPartialBatch: false,
        seed: settings.seed)
    }
    Messages.notice(
      "\(configuration.name): \(training.indices.count) samples of \(training.dataset.name), "
        + "\(heldOut.indices.count) held out of \(heldOut.dataset.name), "
        + "\(trainer.network.parameterCount) parameters")
    let control = try RunControl(communicator)
    var epochs: [Epoch] = []
    for epoch in 0..<settings.epochs {
      let begin = monotonicSeconds()
      var loss = 0.0
      for batch in epoch * sampler.batchesPerEpoch..<(epoch + 1) * sampler.batchesPerEpoch {
        let indices = sampler.indices(forBatch: batch).map { training.indices[Int($0)] }
        loss += try trainer.step(batch, training.dataset, indices).loss
        let stop = try control.agree(failure: nil, isOver: false, saves: false).stop
        guard stop == 0 else {
          throw Fault("stopped by \(StopSignal.name(stop)) in epoch \(epoch + 1), nothing written")
        }
      }
      let found = try trainer.evaluate(heldOut.dataset, heldOut.indices)
      let result = Epoch(
        loss: loss / Double(sampler.batchesPerEpoch), heldOutLoss: found.loss,
        accuracy: found.accuracy, seconds: monotonicSeconds() - begin)
      epochs.append(result)
      Messages.notice(
        "epoch \(epoch + 1)/\(settings.epochs): loss "
          + String(format: "%.4f", result.loss)
          + String(format: "; held out: loss %.4f, accuracy %.4f", found.loss, found.accuracy)
          + String(format: "; %.1f s", result.seconds))
    }
    return Report(
      name: configuration.name, samples: training.indices.count, heldOut: heldOut.indices.count,
      parameters: trainer.network.parameterCount, epochs: epochs,
      output: "\(configuration.name).yaml")
  }

  /// Writes the network's description to the report's `output`, `NAME.yaml`, and its weights
  /// beside it, `NAME.safetensors`.
  ///
  /// - Parameter report: What was measured, for the description's first line.
  /// - Throws: On all ranks, where rank 0 cannot write.
  package func write(_ report: Report) throws {
    try communicator.agree {
      guard communicator.rank == 0 else { return }
      let path = report.output
      let stem = path.hasSuffix(".yaml") ? String(path.dropLast(5)) : path
      try FileSystem.createDirectory(FileSystem.folder(of: path))
      let network = trainer.network
      let description = ClassifierDescription(configuration, network)
      try network.arena.mutate { parameters in
        _ = try StateDictionary(of: network, parameters: parameters, key: description.key)
          .write(to: "\(stem).safetensors")
      }
      let text = description.text(
        weights: "\(FileSystem.name(of: stem)).safetensors",
        remark: String(format: "accuracy %.4f", report.epochs.last?.accuracy ?? 0)
          + " on \(heldOut.indices.count) samples that were held out")
      try FileSystem.writeAtomically(text, to: "\(stem).yaml")
    }
  }
}
