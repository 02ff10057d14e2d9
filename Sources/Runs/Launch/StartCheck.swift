import Base
import Collectives
import Datasets
import Kernels
import Storage
import Training

/// What every start of a run looks at, in some milliseconds: silent where all is well.
///
/// `doctor --launch` looks at the same and more, and takes its time.
package enum StartCheck {
  /// Refuses ranks that run different programs; tells of processors of different levels.
  ///
  /// - Parameters:
  ///   - version: The program's.
  ///   - communicator: All ranks.
  /// - Throws: `Fault` on all ranks.
  static func program(version: String, _ communicator: any Communicator) throws {
    guard communicator.size > 1 else { return }
    let file = try communicator.agree { try ProgramFile(version: version) }
    if let text = try file.difference(readsAlways: false, communicator).text { throw Fault(text) }
    let difference = try LaunchComparison.difference(
      [VectorLevel.usesAVX512 ? 1 : 0], VectorLevel.name, what: "other kernels", communicator)
    if let difference {
      Messages.notice("\(difference): the slowest rank sets the pace, the bits are the same")
    }
  }

  /// Refuses ranks that have read different data.
  ///
  /// - Parameters:
  ///   - dataset: This rank's data.
  ///   - checksum: That of all of it, where this rank has it already.
  ///   - communicator: All ranks.
  /// - Throws: `Fault` on all ranks.
  static func data(
    _ dataset: any Dataset, checksum: String?, _ communicator: any Communicator
  ) throws {
    guard communicator.size > 1 else { return }
    let fingerprint = try DataFingerprint(dataset, checksum: checksum, communicator)
    if let text = try fingerprint.difference(communicator) { throw Fault(text) }
  }

  /// Warns of ranks that share cores while others are idle.
  ///
  /// - Parameters:
  ///   - threads: Of this rank.
  ///   - communicator: All ranks.
  /// - Throws: `Fault` where the exchange fails.
  static func binding(threads: Int, _ communicator: any Communicator) throws {
    let bindings = try CoreBinding.ofHosts(threads: threads, namesAll: false, communicator)
    for binding in bindings {
      if let text = binding.misplacement { Messages.warning(text) }
    }
  }

  /// Warns where a checkpoint would not fit, on rank 0.
  ///
  /// - Parameters:
  ///   - folder: Where the run's folder is or will be.
  ///   - trainer: Whose state would be saved.
  static func space(_ folder: String, _ trainer: Trainer) {
    guard let space = FreeSpace(folder) else { return }
    // Counted, not touched.
    let bytes = MemoryLedger.planning { Snapshot(trainer).byteCount }
    if let text = warning(space, checkpointBytes: bytes) { Messages.warning(text) }
  }

  /// What is to be said of the space for a checkpoint; nil where there is enough.
  package static func warning(_ space: FreeSpace, checkpointBytes bytes: Int) -> String? {
    let missing: String
    if space.bytes < bytes {
      missing =
        "\(Bytes.text(space.bytes)) are free\(space.isQuota ? " by quota" : ""), but a checkpoint "
        + "takes \(Bytes.text(bytes))"
    } else if let files = space.files, files < LaunchSpace.filesOfCheckpoint {
      missing =
        "\(files) files can still be made, but a checkpoint has \(LaunchSpace.filesOfCheckpoint)"
    } else {
      return nil
    }
    return "\(space.folder): \(missing): the run would end at its first one"
  }
}

/// Sizes for people.
enum Bytes {
  /// `12.3 MB`.
  static func text(_ bytes: Int) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"]
    var (value, unit) = (Double(bytes), 0)
    while value >= 1000, unit + 1 < units.count {
      value /= 1000
      unit += 1
    }
    return (unit == 0 ? "\(bytes)" : "\((value * 10).rounded() / 10)") + " \(units[unit])"
  }
}
