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
  final class Part: @unchecked Sendable {
    let network: Network
    let optimizer: Optimizer
    /// The average of the network's parameters, where there is one.
    let average: WeightAverage?
    fileprivate let values: FloatStorage
    fileprivate let averageValues: FloatStorage?
    fileprivate let moments: [FloatStorage]
    fileprivate let buffers: [FloatStorage]
    fileprivate var counters: [Int]
    fileprivate var step = 0

    init(_ network: Network, _ optimizer: Optimizer, average: WeightAverage? = nil) {
      self.network = network
      self.optimizer = optimizer
      self.average = average
      averageValues = average.map { FloatStorage(count: $0.values.count) }
      values = FloatStorage(count: network.arena.count)
      moments = optimizer.moments.map { FloatStorage(count: $0.values.count) }
      let state = network.layers.flatMap(\.buffers)
      buffers = state.map { FloatStorage(count: $0.values.count) }
      counters = state.map { _ in 0 }
    }

    /// Of all values.
    var byteCount: Int {
      let vectors = [values] + (averageValues.map { [$0] } ?? []) + moments + buffers
      return vectors.reduce(0) { $0 + $1.count } * MemoryLayout<Float>.stride
    }

    private var state: [StateBuffer] { network.layers.flatMap(\.buffers) }

    fileprivate func take() {
      _ = values.buffer.update(fromContentsOf: network.arena.values)
      if let average, let averageValues { copy(average.values, to: averageValues) }
      for (from, to) in zip(optimizer.moments, moments) { copy(from.values, to: to) }
      for (index, buffer) in state.enumerated() {
        copy(buffer.values, to: buffers[index])
        counters[index] = buffer.counter
      }
      step = optimizer.step
    }

    fileprivate func restore() {
      network.arena.mutate { _ = $0.update(fromContentsOf: values.buffer) }
      if let average, let averageValues { copy(averageValues, to: average.values) }
      for (from, to) in zip(moments, optimizer.moments) { copy(from, to: to.values) }
      for (index, buffer) in state.enumerated() {
        copy(buffers[index], to: buffer.values)
        buffer.counter = counters[index]
      }
      optimizer.step = step
    }

    private func copy(_ source: FloatStorage, to target: FloatStorage) {
      target.pointer.update(from: source.pointer, count: source.count)
    }

    fileprivate func broadcast(over communicator: any Communicator) throws {
      let averages = averageValues.map { [$0] } ?? []
      for vector in [values] + averages + moments + buffers {
        try communicator.broadcast(UnsafeMutableRawBufferPointer(vector.buffer), from: 0)
      }
      var numbers = counters + [step]
      try numbers.withUnsafeMutableBytes { try communicator.broadcast($0, from: 0) }
      step = numbers.removeLast()
      counters = numbers
    }
  }

  let parts: [Part]
  /// Iterations done.
  private(set) var iteration = 0

  init(_ trainer: Trainer) {
    parts = [
      Part(
        trainer.model.generator, trainer.generatorOptimizer, average: trainer.generatorAverage),
      Part(trainer.model.critic, trainer.criticOptimizer),
    ]
  }

  /// The bytes of a checkpoint, but for the files' headers.
  var byteCount: Int { parts.reduce(0) { $0 + $1.byteCount } }

  /// Copies the state of training as it is after `iteration` iterations.
  func take(iteration: Int) {
    self.iteration = iteration
    for part in parts { part.take() }
  }

  /// Puts the copied state back.
  func restore() {
    for part in parts { part.restore() }
  }

  /// Gives all ranks the snapshot of rank 0.
  func broadcast(over communicator: any Communicator) throws {
    for part in parts { try part.broadcast(over: communicator) }
    var number = iteration
    try withUnsafeMutableBytes(of: &number) { try communicator.broadcast($0, from: 0) }
    iteration = number
  }

  // MARK: - Files

  /// What a tensor of a file is a copy of.
  private enum Source {
    case parameter(Parameter, FloatStorage)
    case buffer(FloatStorage)
    case counter(Int)
  }

  private typealias Tensors = [(entry: SafetensorsEntry, source: Source)]

  /// The state dict of a part's network, its parameters those of `values`.
  private func networkTensors(_ part: Part, _ values: FloatStorage) -> Tensors {
    var number = 0
    return part.network.stateTensors.map { name, tensor in
      switch tensor {
      case .parameter(let parameter):
        return (
          SafetensorsEntry(name: name, shape: parameter.shape), .parameter(parameter, values)
        )
      case .buffer(let buffer):
        defer { number += 1 }
        return buffer.kind == .counter
          ? (SafetensorsEntry(name: name, type: .int64, shape: []), .counter(part.counters[number]))
          : (SafetensorsEntry(name: name, shape: buffer.shape), .buffer(part.buffers[number]))
      }
    }
  }

  private var optimizerTensors: Tensors {
    parts.flatMap { part -> Tensors in
      let name = part.network.name
      let step = SafetensorsEntry(name: "\(name).step", type: .int64, shape: [])
      let moments = part.network.namedParameters.flatMap { parameter in
        zip(part.optimizer.moments, part.moments).map { moment, copy in
          (
            SafetensorsEntry(
              name: "\(name).\(parameter.name).\(moment.name)", shape: parameter.parameter.shape),
            Source.parameter(parameter.parameter, copy)
          )
        }
      }
      return [(step, Source.counter(part.step))] + moments
    }
  }

  /// Fills a checkpoint's folder.
  ///
  /// - Parameters:
  ///   - folder: The folder.
  ///   - state: What its `state.json` says, but for the iteration.
  /// - Returns: The files, for `CheckpointStore.seal`.
  /// - Throws: `StorageError` where the system refuses.
  func write(to folder: String, state: CheckpointState) throws -> [StoredFile] {
    var files: [StoredFile] = []
    for part in parts {
      let name = part.network.name
      files.append(
        try write(networkTensors(part, part.values), to: "\(folder)/\(name).safetensors"))
      if let average = part.averageValues {
        files.append(
          try write(networkTensors(part, average), to: "\(folder)/\(name)_ema.safetensors"))
      }
    }
    files.append(try write(optimizerTensors, to: "\(folder)/optimizer.safetensors"))
    var state = state
    state.iteration = iteration
    let path = "\(folder)/state.json"
    try FileSystem.writeAtomically(state.json, to: path)
    let sum = try FileSystem.checksum(ofFile: path)
    return files + [StoredFile(name: "state.json", size: sum.size, crc32: sum.crc32)]
  }

  private func write(_ tensors: Tensors, to path: String) throws -> StoredFile {
    // "pt" tells Python's safetensors that the layouts are PyTorch's.
    let writer = SafetensorsWriter(entries: tensors.map(\.entry), metadata: ["format": "pt"])
    return try writer.write(to: path) { index, bytes in
      switch tensors[index].source {
      case .parameter(let parameter, let vector):
        parameter.layout.toPyTorch(
          FloatBuffer(parameter.slice(vector.pointer)), into: bytes.bindMemory(to: Float.self))
      case .buffer(let values): bytes.copyMemory(from: UnsafeRawBufferPointer(values.buffer))
      case .counter(let count): bytes.storeBytes(of: Int64(count).littleEndian, as: Int64.self)
      }
    }
  }

  /// Reads a checkpoint's folder.
  ///
  /// - Throws: Where a file is missing, damaged, or of other networks; the snapshot is undefined
  ///   then.
  func read(from folder: String) throws {
    for part in parts {
      let file = try SafetensorsFile(path: "\(folder)/\(part.network.name).safetensors")
      var number = 0
      try check(file, networkTensors(part, part.values))
      for (name, tensor) in part.network.stateTensors {
        switch tensor {
        case .parameter(let parameter): try fill(parameter, part.values, file.floats(name))
        case .buffer(let buffer):
          if buffer.kind == .counter {
            part.counters[number] = try file.integers(name).first ?? 0
          } else {
            _ = part.buffers[number].buffer.update(fromContentsOf: try file.floats(name))
          }
          number += 1
        }
      }
      if let average = part.averageValues { try readAverage(of: part, into: average, folder) }
    }
    let file = try SafetensorsFile(path: "\(folder)/optimizer.safetensors")
    try check(file, optimizerTensors)
    for part in parts {
      part.step = try file.integers("\(part.network.name).step").first ?? 0
      for (name, parameter) in part.network.namedParameters {
        for (moment, copy) in zip(part.optimizer.moments, part.moments) {
          try fill(parameter, copy, file.floats("\(part.network.name).\(name).\(moment.name)"))
        }
      }
    }
    iteration = try CheckpointState(folder: folder).iteration
  }

  /// Reads the average of a part's parameters; its running statistics are the network's own.
  private func readAverage(of part: Part, into average: FloatStorage, _ folder: String) throws {
    let path = "\(folder)/\(part.network.name)_ema.safetensors"
    guard FileSystem.exists(path) else {
      throw TrainingError(
        "\(path): not there, but training.generatorAverage asks for it: the checkpoint is of "
          + "another configuration")
    }
    let file = try SafetensorsFile(path: path)
    try check(file, networkTensors(part, average))
    for (name, parameter) in part.network.namedParameters {
      try fill(parameter, average, file.floats(name))
    }
  }

  private func fill(_ parameter: Parameter, _ vector: FloatStorage, _ values: [Float]) throws {
    values.withUnsafeBufferPointer {
      parameter.layout.fromPyTorch($0, into: parameter.slice(vector.pointer))
    }
  }

  /// Refuses a file that holds other tensors than those expected.
  private func check(_ file: SafetensorsFile, _ expected: Tensors) throws {
    for (entry, _) in expected {
      guard file.contains(entry.name) else {
        throw TrainingError(
          "\(file.path): has no tensor \(entry.name): the checkpoint is of another configuration")
      }
      let shape = try file.entry(entry.name).shape
      guard shape == entry.shape else {
        throw TrainingError(
          "\(file.path): \(entry.name) has shape \(shape), expected \(entry.shape): the checkpoint "
            + "is of another configuration")
      }
    }
    let names = Set(expected.map(\.entry.name))
    if let foreign = file.names.first(where: { !names.contains($0) }) {
      throw TrainingError(
        "\(file.path): has a tensor \(foreign) that the configuration's networks do not: the "
          + "checkpoint is of another configuration")
    }
  }
}
