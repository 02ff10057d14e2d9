import ArgumentParser
import Collectives
import Foundation
import Kernels

/// Runs a command's body on all ranks and turns what it throws into one line on stderr and an exit status.
enum Job {
  /// - Parameter body: Must throw on all ranks or on none (`Communicator.agree`); a rank that fails alone has to call
  ///   `Communicator.abort`.
  static func run(_ body: (any Communicator) throws -> Void) throws {
    if let missing = Processor.missingFeatures {
      report(
        "this processor lacks \(missing); wgangp-dist is built for x86-64-v3 (AVX2 and FMA)", rank: nil)
      throw ExitCode(1)
    }
    BLAS.useOneThread()
    // A write beyond a file-size limit is to be an error that names the file, not a signal.
    signal(SIGXFSZ, SIG_IGN)
    guard MPICommunicator.isLaunched else {
      if let exit = exitCode(Result { try body(SoloCommunicator()) }, rank: 0) { throw exit }
      return
    }
    let communicator: MPICommunicator
    do { communicator = try MPICommunicator() } catch {
      report("\(error)", rank: nil)
      throw ExitCode(1)
    }
    let result = Result { try body(communicator) }
    if case .failure(let error as UnsharedFailure) = result {
      report(error.message, rank: communicator.rank)
      communicator.abort(status: 1)
    }
    // All is said before MPI ends: then the first rank that exits with a status makes mpirun kill the others.
    let exit = exitCode(result, rank: communicator.rank)
    fflush(nil)
    communicator.finalize()
    if let exit { throw exit }
  }

  /// The exit status of a body that threw, nil of one that did not; rank 0 says why.
  private static func exitCode(_ result: Result<Void, any Error>, rank: Int) -> ExitCode? {
    guard case .failure(let error) = result else { return nil }
    if let exit = error as? ExitCode { return exit }
    if rank == 0 { report("\(error)", rank: nil) }
    return ExitCode(1)
  }

  private static func report(_ message: String, rank: Int?) {
    let place = rank.map { "rank \($0): " } ?? ""
    FileHandle.standardError.write(Data("wgangp-dist: error: \(place)\(message)\n".utf8))
  }
}

/// A failure that only this rank knows of: the job is aborted.
struct UnsharedFailure: Error {
  let message: String
}
