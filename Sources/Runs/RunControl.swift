import Base
import Collectives

/// What ranks tell each other at the end of an iteration, in one small gather that is prepared
/// once.
final class RunControl {
  /// What all ranks do next.
  struct Decision: Equatable {
    /// The number of a signal, or `StopSignal.timeLimit`; 0 to go on.
    var stop: Int32 = 0
    /// Whether the next iteration ends with a checkpoint: rank 0's clock says so, and all have to
    /// know before.
    var saves = false
  }

  private static let values = 3
  private let communicator: any Communicator
  private let mine = DoubleStorage(count: values)
  private let all: DoubleStorage
  private let gather: any PreparedAllGather

  init(_ communicator: any Communicator) throws {
    self.communicator = communicator
    all = DoubleStorage(count: Self.values * communicator.size)
    gather = try communicator.makeAllGather(UnsafeBufferPointer(mine.buffer), into: all.buffer)
  }

  /// Learns of requests to stop, and of what rank 0 could not write.
  ///
  /// - Parameters:
  ///   - failure: What went wrong on this rank.
  ///   - isOver: Whether this rank sees the job's time run out.
  ///   - saves: Whether this rank's clock asks for a checkpoint.
  /// - Returns: The same on all ranks.
  /// - Throws: On all ranks, where something went wrong on one.
  func agree(failure: String?, isOver: Bool, saves: Bool) throws -> Decision {
    let (mine, all) = (mine.buffer, all.buffer)
    let signal = StopSignal.pending
    mine[0] = Double(signal != 0 ? signal : isOver ? StopSignal.timeLimit : 0)
    mine[1] = failure == nil ? 0 : 1
    mine[2] = saves ? 1 : 0
    try gather()
    var decision = Decision()
    var failed = false
    for rank in stride(from: 0, to: all.count, by: Self.values) {
      decision.stop = max(decision.stop, Int32(all[rank]))
      if all[rank + 1] != 0 { failed = true }
      if all[rank + 2] != 0 { decision.saves = true }
    }
    if failed { try communicator.agree(failure) }
    return decision
  }
}
