import Base
import Collectives
import Foundation

extension Communicator {
  /// Host and cores of every rank, a line each; all ranks call it.
  ///
  /// - Throws: Where the exchange fails.
  func places() throws -> [String] {
    let cores = Processor.boundCores
    let list =
      cores.isEmpty
      ? "unknown" : cores.map(String.init).joined(separator: ",") + " (\(cores.count))"
    return try gather("rank \(rank) on \(ProcessInfo.processInfo.hostName): cores \(list)")
  }
}
