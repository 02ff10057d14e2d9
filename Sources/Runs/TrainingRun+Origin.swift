import Base
import Sampling
import Storage
import Training

extension TrainingRun {
  /// Rank 0's part of a beginning that no checkpoint of the run is there for: reads the weights of
  /// `--from`, or those that `origin.json` names where a run begins again.
  ///
  /// - Returns: What was read; nil where weights are drawn.
  /// - Throws: `Fault` where they do not fit, or the command line names others than the run's.
  func readOrigin() throws -> RunOrigin? {
    let recorded = begin.stored == nil ? nil : try RunOrigin.of(directory)
    if begin.stored != nil { try requireSameOrigin(recorded) }
    guard let path = options.origin ?? recorded?.path else { return nil }
    let origin = try RunOrigin(path, into: trainer)
    if let recorded, recorded.checksums != origin.checksums {
      Messages.warning(
        "\(path): its weights are others than when \(directory.path) was begun; nothing had been "
          + "saved, so it begins with these")
    }
    return origin
  }

  /// Refuses a command line whose `--from` is not what the run began with.
  func requireSameOrigin(_ recorded: RunOrigin?) throws {
    guard let path = options.origin, path != recorded?.path else { return }
    throw Fault(
      "\(directory.path): was begun with "
        + (recorded.map { "the weights of \($0.path)" } ?? "drawn weights")
        + ", not with --from \(path)", advice: "give another --run folder")
  }

  /// Gives all ranks the weights that rank 0 has read; to be called by all.
  ///
  /// - Parameter isRead: On rank 0 whether it has read any.
  /// - Throws: `Fault` where the exchange fails.
  func shareOrigin(isRead: Bool) throws {
    var flag: Int32 = isRead ? 1 : 0
    try withUnsafeMutableBytes(of: &flag) { try communicator.broadcast($0, from: 0) }
    guard flag == 1 else { return }
    let snapshot = Snapshot(trainer)
    if communicator.rank == 0 { snapshot.take(iteration: 0) }
    try snapshot.broadcast(over: communicator)
    snapshot.restore()
  }

  /// All ranks' part of a replay from a run's beginning.
  func restoreOrigin() throws {
    let isRead = try communicator.agree {
      guard communicator.rank == 0, let recorded = try RunOrigin.of(directory) else { return false }
      let origin = try RunOrigin(recorded.path, into: trainer)
      guard origin.checksums == recorded.checksums else {
        throw Fault(
          "\(recorded.path): its weights are others than those that \(directory.path) was begun "
            + "with")
      }
      return true
    }
    try shareOrigin(isRead: isRead)
  }
}
