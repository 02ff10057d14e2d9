import Configuration
import Foundation
import Testing

/// A configuration that trains an iteration in some milliseconds.
///
/// 200 drawn digits in batches of 12: an epoch's 17th batch has only 8.
struct TinyConfiguration {
  /// Whether the critic has batch norm: then a step exchanges in every pass, second order included.
  var hasCriticNorm = true
  /// Key for key as in a file, to be damaged by tests.
  var batchKey = "batch"

  var text: String {
    """
    name: tiny
    seed: 7
    width: 4
    data: {source: glyphs, count: 200, range: [-1, 1]}
    generator:
      latent: 16
      input: [16, 1, 1]
      initialization: dcgan
      layers:
      - convTranspose2d: {channels: 2*width, kernel: 7, stride: 1, padding: 0, bias: false}
      - batchNorm
      - relu
      - convTranspose2d: {channels: width, kernel: 4, stride: 2, padding: 1, bias: false}
      - batchNorm
      - relu
      - convTranspose2d: {channels: 1, kernel: 4, stride: 2, padding: 1}
      - tanh
    critic:
      prefix: main
      layers:
      - conv2d: {channels: width, kernel: 4, stride: 2, padding: 1}
      - leakyReLU: {slope: 0.2}
      - conv2d: {channels: 2*width, kernel: 4, stride: 2, padding: 1}
    \(hasCriticNorm ? "  - batchNorm\n" : "")  - leakyReLU: {slope: 0.2}
      - conv2d: {channels: 1, kernel: 7, stride: 1, padding: 0}
    objective: {loss: wasserstein, gradientPenalty: {weight: 10}}
    optimizer:
      generator: {adam: {learningRate: 1.0e-3, beta1: 0.5, beta2: 0.9}}
      critic: {adam: {learningRate: 1.0e-3, beta1: 0.5, beta2: 0.9}}
    training: {\(batchKey): 12, shards: 8, criticSteps: 2, lastBatch: keep, iterations: 12}
    output: {checkpointEvery: 5 iterations, keep: 2, sampleEvery: 6 iterations, samples: 8}

    """
  }
}

/// The folder of a run.
struct RunFolder {
  let path: String

  init(_ path: String) { self.path = path }

  /// The names of the checkpoints' folders, the oldest first.
  var checkpoints: [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path + "/checkpoints")) ?? []
    return names.filter { name in
      name.hasPrefix("step-")
        && FileManager.default.fileExists(atPath: "\(path)/checkpoints/\(name)/DONE")
    }.sorted()
  }

  /// What `latest` points to.
  var latest: String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: path + "/checkpoints/latest")
  }

  func file(_ name: String, of checkpoint: String) -> String {
    "\(path)/checkpoints/\(checkpoint)/\(name)"
  }

  /// metrics.csv without its last column, the seconds.
  func metrics() throws -> [String] { try rows("metrics.csv") }

  private func rows(_ name: String) throws -> [String] {
    let text = try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
    return text.split(separator: "\n").map { line in
      line.split(separator: ",").dropLast().joined(separator: ",")
    }
  }

  /// The first column of metrics.csv, its name left out.
  func iterations() throws -> [Int] {
    try metrics().dropFirst().compactMap { line in
      line.split(separator: ",").first.flatMap { Int($0) }
    }
  }

  /// The bytes of all files in a part of the run, by name.
  func contents(of part: String) throws -> [String: Data] {
    let folder = URL(fileURLWithPath: "\(path)/\(part)").resolvingSymlinksInPath()
    var found: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      found[name] = try Data(contentsOf: folder.appendingPathComponent(name))
    }
    return found
  }

  /// Expects that both runs ended in the same bytes.
  func expectSameCheckpoint(
    as other: RunFolder, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(latest == other.latest, "\(what)", sourceLocation: sourceLocation)
    let expected = [
      "DONE", "critic.safetensors", "generator.safetensors", "optimizer.safetensors", "state.json",
    ]
    try expectSame(
      "checkpoints/latest", as: other, names: expected, what, sourceLocation: sourceLocation)
  }

  /// Expects the same checkpoint, pictures and metrics as in another run.
  func expectSame(
    as other: RunFolder, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try expectSameCheckpoint(as: other, what, sourceLocation: sourceLocation)
    let pictures = try other.contents(of: "samples").keys.sorted()
    #expect(!pictures.isEmpty, "\(what)", sourceLocation: sourceLocation)
    try expectSame("samples", as: other, names: pictures, what, sourceLocation: sourceLocation)
    #expect(
      try metrics() == other.metrics(), "\(what): metrics.csv", sourceLocation: sourceLocation)
    #expect(
      try rows("evaluation.csv") == other.rows("evaluation.csv"), "\(what): evaluation.csv",
      sourceLocation: sourceLocation)
  }

  private func expectSame(
    _ part: String, as other: RunFolder, names: [String], _ what: String,
    sourceLocation: SourceLocation
  ) throws {
    let (mine, theirs) = (try contents(of: part), try other.contents(of: part))
    #expect(mine.keys.sorted() == names, "\(what): \(part)", sourceLocation: sourceLocation)
    #expect(theirs.keys.sorted() == names, "\(what): \(part)", sourceLocation: sourceLocation)
    for name in names {
      // Not the data themselves: a failure would print them.
      let isSame = mine[name] == theirs[name]
      #expect(isSame, "\(what): \(part)/\(name) differs", sourceLocation: sourceLocation)
    }
  }
}
