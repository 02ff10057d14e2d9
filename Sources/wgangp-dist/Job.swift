import ArgumentParser
import Base
import Collectives
import Foundation
import Kernels

/// Runs a command's body on all ranks and turns what it throws into one line on stderr and an exit
/// status.
///
/// Every command that computes or reads anything goes through here: it is the one place that starts
/// MPI and ends it, and it knows the process alone, several ranks, and processes that were started
/// together but cannot find each other.
enum Job {
  /// Runs `body`, which must throw on all ranks or on none (`Communicator.agree`); a rank that
  /// fails alone has to call `Communicator.abort`.
  ///
  /// In this order: SIGXFSZ and SIGPIPE are ignored; volume and log of messages are set; the
  /// processor and `WGANGP_VECTORS` are checked, on each rank for itself; MPI starts, where a
  /// launcher has started the process; the ranks compare their command lines; with `--verbose` rank
  /// 0 tells kernels, hosts, cores and exchange; then `body` runs. MPI ends last, after all output
  /// is flushed: the first rank that exits with a status makes mpirun kill the others.
  ///
  /// - Parameters:
  ///   - messages: How much is told beside the result; nil where the command has no choice.
  ///   - isJSON: Whether standard output is to hold nothing but the result: notices and details go
  ///     to standard error then.
  ///   - checksProcessor: Whether a processor that lacks AVX2 or FMA is refused, with its host's
  ///     name.
  ///   - needsAllTasks: Whether a process that is alone is refused where a launcher has started
  ///     more: each would train by itself.
  ///   - body: What the command does; it gets all ranks, or this process alone as one rank.
  /// - Throws: `ExitCode`, after the error has been printed: what `body` throws if that is one,
  ///   else 1.
  static func run(
    _ messages: MessageOptions? = nil, isJSON: Bool = false,
    checksProcessor: Bool = true, needsAllTasks: Bool = false,
    _ body: (any Communicator) throws -> Void
  ) throws {
    // A write beyond a file-size limit is to be an error that names the file, not a signal.
    signal(SIGXFSZ, SIG_IGN)
    // Nor does a run end because nobody reads its progress any more.
    signal(SIGPIPE, SIG_IGN)
    Messages.setVolume(messages?.volume ?? .normal, noticesTo: isJSON ? STDERR_FILENO : 1)
    messages?.openLog()
    if checksProcessor, let missing = Processor.missingFeatures {
      // Of one node perhaps, and not of rank 0's.
      Messages.error(
        "the processor of \(ProcessInfo.processInfo.hostName) lacks \(missing); wgangp-dist is "
          + "built for AVX2 and FMA", everyRank: true)
      throw ExitStatus.failure
    }
    if let fault = VectorLevel.fault {
      Messages.error(fault, everyRank: true)
      throw ExitStatus.failure
    }
    guard MPICommunicator.isLaunched else {
      if needsAllTasks { try requireTasks(1) }
      // Whatever a launcher says: this job is this process.
      Messages.setRank(0)
      let communicator = SoloCommunicator()
      let result = Result {
        try tellPlaces(communicator)
        try body(communicator)
      }
      if let exit = exitCode(result) { throw exit }
      return
    }
    let communicator: MPICommunicator
    do { communicator = try MPICommunicator() } catch {
      // The others need not know.
      Messages.error("\(error)", everyRank: true)
      throw ExitStatus.failure
    }
    // Tasks that MPI does not connect are all rank 0 of their own: the launcher's first one speaks.
    if (LaunchedRank.jobSize ?? 1) <= communicator.size { Messages.setRank(communicator.rank) }
    let result = Result {
      // Ranks on different ways would wait for each other for ever.
      try communicator.requireSame(
        CommandLine.arguments.dropFirst().joined(separator: "\n"), what: "the command line")
      if needsAllTasks { try requireTasks(communicator.size) }
      try tellPlaces(communicator)
      try body(communicator)
    }
    // All is said before MPI ends: after that the first rank that exits with a status makes mpirun
    // kill the others.
    let exit = exitCode(result)
    fflush(nil)
    do { try communicator.finalize() } catch {
      Messages.error("\(error)", everyRank: true)
      throw exit ?? ExitStatus.failure
    }
    if let exit { throw exit }
  }

  /// Tells those who want details where the ranks are; all ranks call it.
  ///
  /// - Parameter communicator: All ranks: their places are gathered, so each has the same volume.
  /// - Throws: Where the exchange fails.
  private static func tellPlaces(_ communicator: any Communicator) throws {
    guard Messages.volume == .verbose else { return }
    Messages.detail("kernels: \(VectorLevel.name), on \(Processor.name)")
    for place in try communicator.places() { Messages.detail(place) }
    Messages.detail("exchange: \(communicator.exchangeDescription)")
  }

  /// Refuses to be one of several processes that cannot find each other.
  ///
  /// Under `srun` without PMI each task is a job of one rank by itself: they would train the same
  /// run side by side, and write into one folder.
  ///
  /// - Parameter found: Ranks that MPI connects.
  /// - Throws: `ExitCode` 1, after a line that says how to start them.
  private static func requireTasks(_ found: Int) throws {
    guard let expected = LaunchedRank.jobSize, expected > found else { return }
    Messages.error(
      "found \(found) rank\(found == 1 ? "" : "s"), but the launcher has started \(expected) "
        + "tasks, which MPI does not connect: each would train by itself; start them by srun "
        + "--mpi=pmix, or by mpirun inside of the allocation")
    throw ExitStatus.failure
  }

  /// The exit status of a body that threw, nil of one that did not; rank 0 says why.
  ///
  /// - Parameter result: What the body came to. An `ExitCode` has been explained by who threw it.
  /// - Returns: The same status on all ranks, as they throw the same.
  private static func exitCode(_ result: Result<Void, any Error>) -> ExitCode? {
    guard case .failure(let error) = result else { return nil }
    if let exit = error as? ExitCode { return exit }
    Messages.error("\(error)")
    return ExitStatus.failure
  }
}
