import Base
import Collectives
import Foundation

extension Communicator {
  /// Host and cores of every rank, a line each; all ranks call it.
  ///
  /// - Returns: `rank 1 on node7: cores 4,5 (2)`, in rank order, on every rank; the cores are those
  ///   that the process may run on, `unknown` where the system does not say.
  /// - Throws: Where the exchange fails.
  func places() throws -> [String] {
    let cores = Processor.boundCores
    let list =
      cores.isEmpty
      ? "unknown" : cores.map(String.init).joined(separator: ",") + " (\(cores.count))"
    return try gather("rank \(rank) on \(ProcessInfo.processInfo.hostName): cores \(list)")
  }
}
