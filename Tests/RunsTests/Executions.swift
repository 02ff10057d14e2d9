import Collectives
import Runs
import TestSupport

/// Trains, or goes on with a run, on ranks that are threads of the test.
///
/// - Parameters:
///   - options: What `train` is asked.
///   - ranks: How many.
/// - Returns: Whether the run is done.
/// - Throws: What the run throws, of the first rank that does.
@discardableResult
func execute(_ options: TrainingOptions, ranks: Int = 1) throws -> Bool {
  guard ranks > 1 else {
    return try TrainingRun(options, communicator: SoloCommunicator()).execute()
  }
  return try ThreadedCommunicator.run(ranks: ranks) {
    try TrainingRun(options, communicator: $0).execute()
  }.allSatisfy { $0 }
}
