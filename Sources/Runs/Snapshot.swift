import Base
import Collectives
import Datasets
import Foundation
import Networks
import Storage
import Training

/// A copy of all that training needs to go on: made between iterations, written by another thread.
final class Snapshot: @unchecked Sendable {
  /// The part of one network.
  private final class Part: @unchecked Sendable {
    let network: Network
    fileprivate let optimizer: Optimizer
    private let values: FloatStorage
    private let average: FloatStorage?
    /// The optimizer's moments, then the average where there is one, with their copies.
    private let vectors: [(live: FloatStorage, copy: FloatStorage)]
    private let buffers: [(live: StateBuffer, copy: StateBuffer)]
    private let step = StateBuffer(counter: "step")

    init(_ network: Network, _ optimizer: Optimizer, average: WeightAverage? = nil) {
      self.network = network
      self.optimizer = optimizer
      values = FloatStorage(count: network.arena.count)
      let live = optimizer.moments.map(\.values) + (average.map { [$0.values] } ?? [])
      vectors = live.map { ($0, FloatStorage(count: $0.count)) }
      self.average = average == nil ? nil : vectors.last?.copy
      buffers = network.layers.flatMap(\.buffers).map { ($0, StateBuffer(like: $0)) }
    }

    /// Updates of the parameters.
    var updates: Int { step.counter }

    /// Of all values.
    var byteCount: Int {
      let all = [values] + vectors.map(\.copy) + buffers.map(\.copy.values)
      return all.reduce(0) { $0 + $1.count } * MemoryLayout<Float>.stride
    }

    func take() {
      _ = values.buffer.update(fromContentsOf: network.arena.values)
      for (live, copy) in vectors { _ = copy.buffer.update(fromContentsOf: live.buffer) }
      for (live, copy) in buffers { copy.copy(from: live) }
      step.counter = optimizer.step
    }

    func restore() {
      network.arena.mutate { _ = $0.update(fromContentsOf: values.buffer) }
      for (live, copy) in vectors { _ = live.buffer.update(fromContentsOf: copy.buffer) }
      for (live, copy) in buffers { live.copy(from: copy) }
      optimizer.step = step.counter
    }

    func broadcast(over communicator: any Communicator) throws {
      let state = buffers.map(\.copy)
      for vector in [values] + vectors.map(\.copy) + state.map(\.values) {
        try communicator.broadcast(UnsafeMutableRawBufferPointer(vector.buffer), from: 0)
      }
      let counters = state + [step]
      var numbers = counters.map(\.counter)
      try numbers.withUnsafeMutableBytes { try communicator.broadcast($0, from: 0) }
      for (counter, number) in zip(counters, numbers) { counter.counter = number }
    }

    /// The files of the network's state dict, and of the same with the average of its parameters.
    var files: [(name: String, tensors: StateDictionary)] {
      let files = [(network.name, values)] + (average.map { [("\(network.name)_ema", $0)] } ?? [])
      return files.map { name, values in
        let tensors = StateDictionary(
          of: network, parameters: values.buffer, buffers: buffers.map(\.copy))
        return (name, tensors)
      }
    }

    /// The optimizer's tensors.
    var optimizerEntries: [StateDictionary.Entry] {
      let name = network.name
      let entries = network.namedParameters.flatMap { parameter in
        zip(optimizer.moments, vectors).map { moment, vector in
          StateDictionary.Entry(
            "\(name).\(parameter.name).\(moment.name)", parameter.parameter,
            in: vector.copy.buffer)
        }
      }
      return [StateDictionary.Entry("\(name).step", step)] + entries
    }
  }

  private let parts: [Part]
  /// Iterations done.
  private(set) var iteration = 0
  /// `Optimizer.rateFactor` of both networks.
  private(set) var rateFactor = 1.0
  /// The run's best score; nil where it keeps none.
  var best: BestScore?

  init(_ trainer: Trainer) {
    parts = [
      Part(
        trainer.model.generator, trainer.generatorOptimizer, average: trainer.generatorAverage),
      Part(trainer.model.critic, trainer.criticOptimizer),
    ]
  }

  /// The bytes of a checkpoint, but for the files' headers.
  var byteCount: Int { parts.reduce(0) { $0 + $1.byteCount } }

  /// Copies the state of training as it is after `iteration` iterations, with the best score so
  /// far.
  func take(iteration: Int, best: BestScore? = nil) {
    self.iteration = iteration
    self.best = best
    rateFactor = parts[0].optimizer.rateFactor
    for part in parts { part.take() }
  }

  /// Puts the copied state back.
  func restore() {
    for part in parts {
      part.restore()
      part.optimizer.rateFactor = rateFactor
    }
  }

  /// Gives all ranks the snapshot of rank 0.
  func broadcast(over communicator: any Communicator) throws {
    for part in parts { try part.broadcast(over: communicator) }
    // Ranks whose run keeps no best score take part too.
    var numbers = [Double(iteration), rateFactor] + (best?.numbers ?? [.nan, -1, 0])
    try numbers.withUnsafeMutableBytes { try communicator.broadcast($0, from: 0) }
    iteration = Int(numbers[0])
    rateFactor = numbers[1]
    best?.take(numbers[2...])
  }

  // MARK: - Files

  /// The checkpoint's files of tensors, in the order in which they are written.
  private var files: [(name: String, tensors: StateDictionary)] {
    parts.flatMap(\.files)
      + [("optimizer", StateDictionary(parts.flatMap(\.optimizerEntries)))]
  }

  /// Fills a checkpoint's folder.
  ///
  /// - Parameters:
  ///   - folder: The folder.
  ///   - state: What its `state.json` says, but for the iteration.
  /// - Returns: The files, for `CheckpointStore.seal`.
  /// - Throws: `Fault` where the system refuses.
  func write(to folder: String, state: CheckpointState) throws -> [StoredFile] {
    let stored = try files.map { try $0.tensors.write(to: "\(folder)/\($0.name).safetensors") }
    var state = state
    state.iteration = iteration
    state.rateFactor = rateFactor == 1 ? nil : rateFactor
    state.best = best
    return stored + [try state.write(to: folder)]
  }

  /// The files of a checkpoint's folder whose tensors are not bit for bit those of the snapshot.
  ///
  /// - Parameter folder: The folder.
  /// - Returns: Names, none where all agree.
  /// - Throws: Where a file cannot be read.
  func differences(from folder: String) throws -> [String] {
    try FileSystem.withTemporaryFolder { temporary in
      try files.compactMap { name, tensors in
        let file = "\(name).safetensors"
        let written = try tensors.write(to: "\(temporary)/\(file)")
        let stored = try FileSystem.checksum(ofFile: "\(folder)/\(file)")
        return stored.size == written.size && stored.crc32 == written.crc32 ? nil : file
      }
    }
  }

  /// Refuses updates of the optimizers that do not go with the iterations: somebody has changed a
  /// file and its checksum, or put files of two checkpoints together.
  ///
  /// - Parameters:
  ///   - generator: Updates of its parameters after `iteration` iterations.
  ///   - critic: Those of its parameters.
  ///   - folder: The checkpoint's, for messages.
  /// - Throws: `Fault` naming file and number.
  func requireUpdates(generator: Int, critic: Int, in folder: String) throws {
    for (part, expected) in zip(parts, [generator, critic]) where part.updates != expected {
      throw Fault(
        "\(folder)/optimizer.safetensors: \(part.network.name).step is \(part.updates), but after "
          + "the \(iteration) iterations that state.json says it is \(expected)")
    }
  }

  /// Reads a checkpoint's folder.
  ///
  /// - Throws: Where a file is missing, damaged, or of other networks; the snapshot is undefined
  ///   then.
  func read(from folder: String) throws {
    let reason = "the checkpoint is of another configuration"
    for (name, tensors) in files {
      let path = "\(folder)/\(name).safetensors"
      // Of the files of a whole checkpoint only that of the average may be missing.
      guard FileSystem.exists(path) else {
        throw Fault(
          "\(path): not there, but training.generatorAverage asks for it: \(reason)")
      }
      try tensors.read(SafetensorsFile(path: path), reason: reason)
    }
    let state = try CheckpointState(folder: folder)
    iteration = state.iteration
    rateFactor = state.rateFactor ?? 1
    // Under `--accept-changes` another score may count from now on.
    if let best, let found = state.best, (found.score, found.column) == (best.score, best.column) {
      self.best = found
    }
  }
}
