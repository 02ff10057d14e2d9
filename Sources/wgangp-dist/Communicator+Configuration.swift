import Collectives
import Configuration

extension Communicator {
  /// Checks that all ranks have the same values, whatever their file is and however it is written.
  ///
  /// Every rank reads the configuration for itself. Where networks differ in size ranks would
  /// exchange messages of unequal lengths, which is an error in MPI, and Open MPI 4.1 at times
  /// waits for ever instead of reporting it. `train` compares its resolved values by itself.
  ///
  /// - Parameter document: This rank's, with the overrides of the command line.
  /// - Throws: `Fault` on all ranks, with the first key that differs from rank 0's.
  func requireSame(_ document: ConfigurationDocument) throws {
    let lines = document.leaves.map { "\($0.key): \($0.value)" }.sorted()
    try requireSame(lines.joined(separator: "\n"), what: "the configuration")
  }
}
