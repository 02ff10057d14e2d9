import Base
import Collectives
import Foundation
import Kernels
import Storage

/// The machine and software of a run, for `environment.json`.
package struct RunEnvironment: Codable, Sendable {
  package var version: String
  package var date: String
  package var command: [String]
  package var host: String
  package var system: String
  package var processor: String
  package var vectorLevel: String
  /// The kernels in use: they compute the same bits.
  package var kernels: String
  package var ranks: Int
  package var threads: Int
  /// How sums travel between ranks; nil in runs that began with older versions.
  package var exchange: String?
  package var coresOfRank0: Int
  package var mpi: String
  package var swift: String

  package init(version: String, threads: Int, communicator: any Communicator) {
    self.version = version
    let format = ISO8601DateFormatter()
    date = format.string(from: Date())
    command = CommandLine.arguments
    host = ProcessInfo.processInfo.hostName
    system = ProcessInfo.processInfo.operatingSystemVersionString
    processor = Processor.name
    vectorLevel = Processor.level
    kernels = VectorLevel.name
    ranks = communicator.size
    self.threads = threads
    exchange = communicator.exchangeDescription
    coresOfRank0 = Processor.boundCores.count
    mpi = MPICommunicator.isLaunched ? MPICommunicator.libraryVersion : "not used"
    swift = SwiftVersion.name
  }

  /// What it says, for people.
  var rows: [(name: String, value: String)] {
    [
      ("version", version), ("command", command.map(shellQuoted).joined(separator: " ")),
      ("date", date), ("host", host), ("system", system), ("processor", processor),
      ("vector level", "\(vectorLevel), kernels for \(kernels)"), ("ranks", "\(ranks)"),
      ("threads a rank", "\(threads)"), ("cores of rank 0", "\(coresOfRank0)"), ("MPI", mpi),
      ("exchange", exchange ?? "not recorded"), ("Swift", swift),
    ]
  }

  package var json: String { get throws { try JSONFile.text(of: self) } }
}
