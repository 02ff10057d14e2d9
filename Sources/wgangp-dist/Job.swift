import ArgumentParser
import Collectives
import Foundation
import Kernels

/// Runs a command's body on all ranks and turns what it throws into one line on stderr and an exit
/// status.
enum Job {
  /// Runs `body`, which must throw on all ranks or on none (`Communicator.agree`); a rank that fails
  /// alone has to call `Communicator.abort`.
  ///
  /// - Throws: `ExitCode`, after the error has been printed.
  static func run(_ body: (any Communicator) throws -> Void) throws {
    if let missing = Processor.missingFeatures {
      report("this processor lacks \(missing); wgangp-dist is built for AVX2 and FMA")
      throw ExitCode(1)
    }
    BLAS.useOneThread()
    // A write beyond a file-size limit is to be an error that names the file, not a signal.
    signal(SIGXFSZ, SIG_IGN)
    guard MPICommunicator.isLaunched else {
      try finish(Result { try body(SoloCommunicator()) }, rank: 0)
      return
    }
    let communicator: MPICommunicator
    do { communicator = try MPICommunicator() } catch {
      report("\(error)")
      throw ExitCode(1)
    }
    let result = Result { try body(communicator) }
    communicator.finalize()
    try finish(result, rank: communicator.rank)
  }

  private static func finish(_ result: Result<Void, any Error>, rank: Int) throws {
    guard case .failure(let error) = result else { return }
    if let exit = error as? ExitCode { throw exit }
    if rank == 0 { report("\(error)") }
    throw ExitCode(1)
  }

  private static func report(_ message: String) {
    FileHandle.standardError.write(Data("wgangp-dist: error: \(message)\n".utf8))
  }
}
