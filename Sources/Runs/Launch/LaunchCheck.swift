import Base
import Collectives
import Configuration
import Datasets
import Foundation
import Kernels
import Networks
import Recipe
import Storage
import Training

/// What a long job needs of the machines it is started on, as far as nothing has to be timed.
///
/// All ranks call the same functions in the same order and find the same, but for the space, which
/// rank 0 alone looks at.
package final class LaunchCheck {
  /// Of so many samples the values are compared.
  private static let comparedSamples = 65_536

  package let configuration: RunConfiguration
  private let communicator: any Communicator
  private let version: String
  private let folder: String
  private let resolvedYAML: String
  private let checkpointBytes: Int
  private var dataset: (any Dataset)?

  /// Reads the configuration and plans the networks.
  ///
  /// - Parameters:
  ///   - options: The configuration, its overrides, the run's folder and the version; where the
  ///     folder holds a run and no configuration is named, the run's own counts.
  ///   - communicator: All ranks.
  /// - Throws: On all ranks, where the configuration is refused on one.
  package init(_ options: TrainingOptions, communicator: any Communicator) throws {
    self.communicator = communicator
    version = options.version
    let known = options.runFolder.map { RunDirectory($0).configuration }
      .flatMap { FileSystem.exists($0) ? $0 : nil }
    (configuration, resolvedYAML, checkpointBytes) = try communicator.agree {
      var document = try ConfigurationDocument.named(options.configuration ?? known)
      try document.apply(options.overrides)
      let configuration = try RunConfiguration(document)
      let planned = PlannedCommunicator(rank: communicator.rank, size: communicator.size)
      return try MemoryLedger.planning {
        let (model, yaml) = try configuration.resolved(communicator: planned)
        return (configuration, yaml, Snapshot(Trainer(model)).byteCount)
      }
    }
    folder = options.runFolder ?? "\(configuration.output.directory)/\(configuration.name)"
  }

  private var ranks: String {
    communicator.size == 1 ? "1 rank" : "\(communicator.size) ranks"
  }

  /// Whether all ranks run the same program.
  package func program() throws -> LaunchFinding {
    let file = try communicator.agree { try ProgramFile(version: version) }
    let (text, description) = try file.difference(readsAlways: true, communicator)
    return LaunchFinding(
      "program", "\(description), on \(ranks)", obstacles: text.map { [$0] } ?? [])
  }

  /// Whether all ranks have read the same configuration.
  package func configurationFinding() throws -> LaunchFinding {
    let checksum = LaunchComparison.number(resolvedYAML)
    let description =
      "\(configuration.name), CRC-32 \(UInt32(checksum).padded(to: 8, radix: 16))"
    let text = try LaunchComparison.difference(
      [checksum], description, what: "another configuration", communicator)
    return LaunchFinding("configuration", description, obstacles: text.map { [$0] } ?? [])
  }

  /// Whether all ranks read the same data.
  package func data() throws -> LaunchFinding {
    let result = Result { try configuration.data.open() }
    var failure = ""
    switch result {
    case .success(let dataset): self.dataset = dataset
    case .failure(let error): failure = "\(error)"
    }
    let failed = try communicator.gather([failure.isEmpty ? 0.0 : 1]).ranks { $0[0] == 1 }
    guard failed.isEmpty else {
      dataset = nil
      let texts = try communicator.gather(failure)
      let hosts = try RankHosts(communicator)
      return LaunchFinding(
        "data", "cannot be read", obstacles: ["\(hosts.list(failed)): \(texts[failed[0]])"])
    }
    guard let dataset else { preconditionFailure("data that were opened") }
    let fingerprint = DataFingerprint(dataset, limit: Self.comparedSamples)
    let text = try fingerprint.difference(communicator)
    return LaunchFinding("data", fingerprint.description, obstacles: text.map { [$0] } ?? [])
  }

  /// Whether processors, kernels and libraries are the same; none of it is in the way.
  package func processor() throws -> LaunchFinding {
    let usesMPI = MPICommunicator.isLaunched
    let mpi = usesMPI ? MPICommunicator.libraryVersion.prefix { $0 != "," } : "no MPI"
    let library = Self.libraryVersion
    let value =
      "\(Processor.level), \(VectorLevel.name) kernels; \(mpi); \(library); \(Processor.name)"
    let parts = [
      (Processor.level, "another level"), (VectorLevel.name, "other kernels"),
      (String(mpi), "another MPI library"), (library, "another C library"),
    ]
    var notes = try parts.compactMap { text, what in
      try LaunchComparison.difference(
        [LaunchComparison.number(text)], text, what: what, communicator)
    }
    let kinds = SharedLibrary.Kind.all
    let missing = try communicator.gather(
      kinds.map { (try? SharedLibrary($0)) == nil ? 1 : 0 })
    for (index, kind) in kinds.enumerated() {
      let without = missing.ranks { $0[index] == 1 }
      guard !without.isEmpty else { continue }
      let place =
        without.count == communicator.size ? "all ranks" : try RankHosts(communicator).list(without)
      notes.append(
        "\(place): no \(kind.names[0]), which \(kind.purpose) needs (Debian: \(kind.package))")
    }
    return LaunchFinding("processor", value, notes: notes)
  }

  /// `glibc 2.36`.
  private static var libraryVersion: String {
    var text = [CChar](repeating: 0, count: 100)
    guard confstr(Int32(_CS_GNU_LIBC_VERSION), &text, text.count) > 0 else { return "C library" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// How the ranks lie on the cores, a line a host.
  package func cores() throws -> [LaunchFinding] {
    let bindings = try CoreBinding.ofHosts(
      threads: configuration.training.threads, namesAll: true, communicator)
    return bindings.map { binding in
      LaunchFinding(
        "cores", binding.summary,
        notes: [binding.misplacement, binding.remark].compactMap { $0 })
    }
  }

  /// Whether checkpoints and pictures have room; nil on ranks other than 0.
  package func space() throws -> LaunchFinding? {
    let isRoot = communicator.rank == 0
    return try communicator.agree {
      guard isRoot else { return nil }
      return try LaunchSpace(
        configuration, checkpointBytes: checkpointBytes, dataset: dataset
      ).finding(folder)
    }
  }
}

extension [[Double]] {
  /// The ranks whose numbers are of a kind.
  fileprivate func ranks(where isWanted: ([Double]) -> Bool) -> [Int] {
    indices.filter { isWanted(self[$0]) }
  }
}
