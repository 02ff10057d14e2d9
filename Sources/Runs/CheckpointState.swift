import Base
import Foundation
import Storage
import Training

/// A checkpoint's `state.json`: how far it is, and of what.
package struct CheckpointState: Codable, Equatable {
  /// The data that a run is trained on.
  package struct Data: Codable, Equatable {
    var samples: Int
    /// CRC-32 of what was read, in hexadecimal; nil for data that the configuration determines.
    var checksum: String?

    var description: String {
      "\(samples) samples" + (checksum.map { " with checksum \($0)" } ?? "")
    }
  }

  /// 2; version 0.1 wrote 1, without configuration and data.
  var format = 2
  /// Iterations done.
  package var iteration: Int
  /// The values of the configuration that a run which goes on has to keep.
  var configuration: [String: String]?
  var data: Data?
  /// Where weights come from that another program has trained, by the checkpoint's files; such a
  /// checkpoint belongs to no run that could go on.
  var imported: [String: String]?
  /// What the run's first weights were; nil where they were drawn.
  var origin: RunOrigin?
  /// What the configured learning rates are multiplied by; nil for 1.
  var rateFactor: Double?
  /// The best score so far; nil where the run keeps none.
  package var best: BestScore?

  /// As many as a configuration can ask for.
  private static let mostIterations = 1_000_000_000_000
  private static let mostBytes = 16 << 20

  package var json: String { get throws { try JSONFile.text(of: self) } }

  package init(iteration: Int, configuration: [String: String]? = nil, data: Data? = nil) {
    self.iteration = iteration
    self.configuration = configuration
    self.data = data
  }

  /// The state of weights that no run has trained.
  ///
  /// - Parameters:
  ///   - sources: Where each file of the checkpoint comes from.
  ///   - configuration: Its fixed values.
  package init(imported sources: [String: String], configuration: [String: String]) {
    self.init(iteration: 0, configuration: configuration)
    imported = sources
  }

  /// Writes `state.json` into a checkpoint's folder.
  ///
  /// - Returns: The file, for `CheckpointStore.seal`.
  package func write(to folder: String) throws -> StoredFile {
    let path = "\(folder)/state.json"
    try FileSystem.writeAtomically(json, to: path)
    let sum = try FileSystem.checksum(ofFile: path)
    return StoredFile(name: "state.json", size: sum.size, crc32: sum.crc32)
  }

  /// Reads the file of a checkpoint.
  ///
  /// - Throws: `Fault`, and `Fault` where it is not as this or an older version
  ///   wrote it.
  package init(folder: String) throws {
    let path = "\(folder)/state.json"
    let bytes = try FileSystem.readFile(path, limit: Self.mostBytes)
    guard
      let state = try? JSONDecoder().decode(Self.self, from: Foundation.Data(bytes)),
      (0...Self.mostIterations).contains(state.iteration)
    else {
      throw Fault(
        "\(path): expected {\"format\": 2, \"iteration\": N, ...} with N from 0 to "
          + "\(Self.mostIterations), found something else")
    }
    if let factor = state.rateFactor, !(factor > 0 && factor <= 1) {
      throw Fault("\(path): rateFactor is \(factor), a number above 0 and up to 1 is expected")
    }
    guard 1...2 ~= state.format else {
      throw Fault("\(path): format \(state.format), this version reads formats 1 and 2")
    }
    guard state.best?.isPossible(after: state.iteration) ?? true else {
      throw Fault("\(path): best: no such score can be known after \(state.iteration) iterations")
    }
    let step = CheckpointStore.step(ofName: FileSystem.name(of: folder))
    guard step == nil || step == state.iteration else {
      throw Fault(
        "\(path): says iteration \(state.iteration), but its folder is of step \(step ?? 0)")
    }
    self = state
  }
}
