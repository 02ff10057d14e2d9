import Base
import Foundation
import Networks
import Sampling
import Storage
import Training

/// What a run began with instead of drawn weights: `RUN/origin.json`, and a part of its
/// checkpoints' `state.json`.
package struct RunOrigin: Codable, Equatable, Sendable {
  /// As the command line had it.
  package let path: String
  /// Iterations of the run that trained them; nil for a file.
  package let iteration: Int?
  /// CRC-32 of what was read, in hexadecimal, by network: `generator`, `critic`, `generator_ema`.
  package let checksums: [String: String]

  /// Gives a trainer's networks the weights of a checkpoint or of imported ones.
  ///
  /// The average of the generator begins with the checkpoint's where both have one, else with the
  /// generator's weights. A critic that is not there stays as it was drawn. Optimizers keep their
  /// zeros: nothing of the other run's steps goes on.
  ///
  /// - Parameters:
  ///   - path: As `CheckpointPlace` takes it.
  ///   - trainer: A new one.
  /// - Throws: `Fault` with a table of all tensors that do not fit, before any is read.
  init(_ path: String, into trainer: Trainer) throws {
    let place = try CheckpointPlace(path)
    for note in place.notes { Messages.warning(note) }
    let (generator, critic) = (trainer.model.generator, trainer.model.critic)
    var checksums: [String: String] = [:]
    // Where the running statistics of the average's file go: those of the generator's own count.
    let unused = generator.layers.flatMap(\.buffers).map { StateBuffer(like: $0) }
    defer { withExtendedLifetime(unused) {} }
    try generator.arena.mutate { generatorValues in
      try critic.arena.mutate { criticValues in
        var parts = [
          (name: "generator", tensors: StateDictionary(of: generator, parameters: generatorValues))
        ]
        if place.contains("critic") {
          parts.append(("critic", StateDictionary(of: critic, parameters: criticValues)))
        }
        if let average = trainer.generatorAverage, place.contains("generator_ema") {
          parts.append(
            (
              "generator_ema",
              StateDictionary(of: generator, parameters: average.values.buffer, buffers: unused)
            ))
        }
        let files = try parts.map {
          try SafetensorsFile(
            path: place.isFile ? place.source : "\(place.source)/\($0.name).safetensors")
        }
        try Self.requireFitting(zip(parts, files).map { ($0.tensors, $1) })
        for (part, file) in zip(parts, files) {
          try part.tensors.read(file)
          let sum = try FileSystem.checksum(ofFile: file.path)
          checksums[part.name] = sum.crc32.padded(to: 8, radix: 16)
        }
        if let average = trainer.generatorAverage, checksums["generator_ema"] == nil {
          _ = average.values.buffer.update(fromContentsOf: generatorValues)
        }
      }
    }
    self.path = path
    iteration = place.iteration
    self.checksums = checksums
  }

  private static func requireFitting(
    _ parts: [(tensors: StateDictionary, file: SafetensorsFile)]
  ) throws {
    var (count, lines) = (0, [String]())
    for (tensors, file) in parts {
      let mismatches = try tensors.mismatches(file)
      guard !mismatches.isEmpty else { continue }
      count += mismatches.count
      lines += ["\(file.path):"] + mismatches.table
    }
    guard count > 0 else { return }
    throw Fault(
      "--from: \(count) tensor\(count == 1 ? " does" : "s do") not fit the configuration\n"
        + lines.joined(separator: "\n"))
  }

  /// A line for people.
  var notice: String {
    let step = iteration.map { $0 > 0 ? ", iteration \($0)" : "" } ?? ""
    return "weights: \(path)\(step)"
      + (checksums["critic"] == nil ? "; it has no critic, a fresh one is drawn" : "")
  }

  // MARK: - In the run's folder

  private static let mostBytes = 1 << 20

  private static func file(_ run: RunDirectory) -> String { "\(run.path)/origin.json" }

  /// Writes `origin.json`.
  func write(to run: RunDirectory) throws {
    try FileSystem.writeAtomically(JSONFile.text(of: self), to: Self.file(run))
  }

  /// Removes `origin.json`, where it is there.
  static func remove(from run: RunDirectory) throws { try FileSystem.removeTree(file(run)) }

  /// What a run began with; nil where its weights were drawn.
  ///
  /// - Throws: `Fault` where the file is damaged.
  static func of(_ run: RunDirectory) throws -> RunOrigin? {
    let path = file(run)
    guard FileSystem.exists(path) else { return nil }
    let bytes = try FileSystem.readFile(path, limit: mostBytes)
    guard let origin = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else {
      throw Fault("\(path): expected path, iteration and checksums, found something else")
    }
    return origin
  }
}
