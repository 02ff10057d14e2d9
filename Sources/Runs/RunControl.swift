import Base
import Collectives

/// What ranks tell each other at the end of an iteration, in one small gather that is prepared
/// once.
package final class RunControl {
  /// What all ranks do next.
  package struct Decision: Equatable {
    /// The number of a signal, or `StopSignal.timeLimit`; 0 to go on.
    package var stop: Int32 = 0
    /// Whether the next iteration ends with a checkpoint: rank 0's clock says so, and all have to
    /// know before.
    package var saves = false

    package init() {}
  }

  private static let values = 3
  private let communicator: any Communicator
  private let mine = DoubleStorage(count: values)
  private let all: DoubleStorage
  private let gather: any PreparedAllGather

  package init(_ communicator: any Communicator) throws {
    self.communicator = communicator
    all = DoubleStorage(count: Self.values * communicator.size)
    gather = try communicator.makeAllGather(UnsafeBufferPointer(mine.buffer), into: all.buffer)
  }

  /// Learns of requests to stop, and of what rank 0 could not write.
  ///
  /// - Parameters:
  ///   - failure: What went wrong on this rank.
  ///   - isOver: Whether this rank sees the job's time run out.
  ///   - isAsked: Whether this rank's program asks for a stop.
  ///   - saves: Whether this rank's clock asks for a checkpoint.
  /// - Returns: The same on all ranks.
  /// - Throws: On all ranks, where something went wrong on one, or hashes differ.
  package func agree(
    failure: String?, isOver: Bool, isAsked: Bool = false, saves: Bool
  ) throws -> Decision {
    let (mine, all) = (mine.buffer, all.buffer)
    let signal = StopSignal.pending
    mine[0] = Double(
      signal != 0
        ? signal : isOver ? StopSignal.timeLimit : isAsked ? StopSignal.request : 0)
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

  /// Refuses to go on where a rank has other parameters than the others.
  ///
  /// - Parameters:
  ///   - hash: That of this rank's parameters.
  ///   - network: Whose they are; nil for both networks'.
  /// - Throws: On all ranks, naming the rank that differs.
  package func requireSame(hash: Double, of network: String? = nil) throws {
    let (mine, all) = (mine.buffer, all.buffer)
    mine[0] = hash
    try gather()
    let hashes = stride(from: 0, to: all.count, by: Self.values).map { all[$0] }
    if hashes.contains(where: { $0 != hash }) { throw Fault(try disagreement(hashes, network)) }
  }

  /// Who has other parameters than most; of two ranks nobody can tell who is right.
  private func disagreement(_ hashes: [Double], _ network: String?) throws -> String {
    let hosts = try RankHosts(communicator)
    let odd = RankComparison(hashes).odd
    let isClear = odd.count * 2 < hashes.count
    return "the ranks' \(network.map { "\($0) " } ?? "")parameters are no longer the same bits: "
      + (isClear
        ? "\(hosts.list(odd)) differ\(odd.count == 1 ? "s" : "") from the others"
        : hosts.list(Array(hashes.indices)))
      + "; a memory or a network has changed some. Nothing of this iteration has been saved: go on "
      + "from the last checkpoint, without that machine"
  }
}
