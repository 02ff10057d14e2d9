import Base
import Storage
import Training

extension TrainingRun {
  /// Does what `execute` does before the first iteration, and writes nothing: looks for a place for
  /// the run's folder, or reads the checkpoint to go on from.
  ///
  /// - Returns: What would be trained, for people; nothing on ranks other than 0.
  /// - Throws: On all ranks, what `execute` would throw before it trains.
  package func dryRun() throws -> [String] {
    let isRoot = communicator.rank == 0
    let found = try communicator.agree { isRoot ? try placeOrCheckpoint() : nil }
    guard let found else { return [] }
    warnOfSettings()
    let left = max(0, schedule.iterations - found.iteration)
    return RunRecorder.startLines(configuration, dataset, model)
      + ["run folder: \(found.folder)"]
      + (found.iteration > 0 ? ["going on after iteration \(found.iteration)"] : [])
      + [
        "dry run: all checks passed; \(left) of \(schedule.iterations) iterations would be "
          + "trained, nothing has been trained or written"
      ]
  }

  /// Where a new run's folder would be, or the iteration that a resumed run would go on after.
  private func placeOrCheckpoint() throws -> (folder: String, iteration: Int) {
    switch begin {
    case .new(let folder):
      let directory =
        folder.map { RunDirectory($0) }
        ?? .free(named: configuration.name, in: configuration.output.directory)
      try directory.requireCreatable()
      if let origin = try readOrigin() { Messages.notice(origin.notice) }
      return (directory.path, 0)
    case .again(let folder, _):
      try RunLease.requireFree(folder)
      try FileSystem.requireCreatable(folder)
      if let origin = try readOrigin() { Messages.notice(origin.notice) }
      return (folder, 0)
    case .resume(let folder, _):
      try RunLease.requireFree(folder)
      try FileSystem.requireCreatable(RunDirectory(folder).checkpoints)
      let snapshot = Snapshot(trainer)
      try readNewestCheckpoint(into: snapshot)
      return (folder, snapshot.iteration)
    }
  }
}
