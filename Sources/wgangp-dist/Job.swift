import ArgumentParser
import Base
import Collectives
import Foundation

/// Runs a command's body on all ranks and turns what it throws into one line on stderr and an exit
/// status.
enum Job {
  /// Runs `body`, which must throw on all ranks or on none (`Communicator.agree`); a rank that
  /// fails alone has to call `Communicator.abort`.
  ///
  /// - Throws: `ExitCode`, after the error has been printed.
  static func run(
    checksProcessor: Bool = true, _ body: (any Communicator) throws -> Void
  ) throws {
    if checksProcessor, let missing = Processor.missingFeatures {
      // Of one node perhaps, and not of rank 0's.
      Messages.error(
        "this processor lacks \(missing); wgangp-dist is built for AVX2 and FMA", everyRank: true)
      throw ExitCode(1)
    }
    // A write beyond a file-size limit is to be an error that names the file, not a signal.
    signal(SIGXFSZ, SIG_IGN)
    // Nor does a run end because nobody reads its progress any more.
    signal(SIGPIPE, SIG_IGN)
    guard MPICommunicator.isLaunched else {
      // Whatever a launcher says: this job is this process.
      Messages.setRank(0)
      if let exit = exitCode(Result { try body(SoloCommunicator()) }) { throw exit }
      return
    }
    let communicator: MPICommunicator
    do { communicator = try MPICommunicator() } catch {
      // The others need not know.
      Messages.error("\(error)", everyRank: true)
      throw ExitCode(1)
    }
    Messages.setRank(communicator.rank)
    let result = Result { try body(communicator) }
    // All is said before MPI ends: after that the first rank that exits with a status makes mpirun
    // kill the others.
    let exit = exitCode(result)
    fflush(nil)
    do { try communicator.finalize() } catch {
      Messages.error("\(error)", everyRank: true)
      throw exit ?? ExitCode(1)
    }
    if let exit { throw exit }
  }

  /// The exit status of a body that threw, nil of one that did not; rank 0 says why.
  private static func exitCode(_ result: Result<Void, any Error>) -> ExitCode? {
    guard case .failure(let error) = result else { return nil }
    if let exit = error as? ExitCode { return exit }
    Messages.error("\(error)")
    return ExitCode(1)
  }
}
