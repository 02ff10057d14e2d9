import Base
import Foundation
import Pictures
import Reports
import Storage
import Synchronization
import Training

/// What a run's checkpoints took: from it follows how often to save (docs/reliability.md).
struct CheckpointCosts: Equatable {
  private(set) var count = 0
  /// Of all, of training.
  var heldUpSeconds = 0.0
  /// Of all, in the background.
  private(set) var writtenSeconds = 0.0
  private(set) var slowestSeconds = 0.0

  mutating func add(writtenIn seconds: Double) {
    count += 1
    writtenSeconds += seconds
    slowestSeconds = max(slowestSeconds, seconds)
  }

  /// `; 3 checkpoints, each held training up for 2.1 ms and was written in 43 ms`, or nothing.
  var text: String {
    guard count > 0 else { return "" }
    func milliseconds(_ seconds: Double) -> String {
      String(format: "%.1f ms", 1e3 * seconds / Double(count))
    }
    return "; \(count) checkpoint\(count == 1 ? "" : "s"), each held training up for "
      + "\(milliseconds(heldUpSeconds)) and was written in \(milliseconds(writtenSeconds))"
  }
}

/// Writes checkpoints and sample grids on rank 0, in the background, one after the other.
final class RunWriter: @unchecked Sendable {
  private let store: CheckpointStore
  private let lease: RunLease
  private let state: CheckpointState
  /// The run's tables, whose rows up to a checkpoint reach the device before it counts.
  private let tables: [String]
  private let snapshot: Snapshot
  private let worker: SerialWorker
  private let failure = Mutex<String?>(nil)
  private let costs = Mutex(CheckpointCosts())

  /// - Parameters:
  ///   - trainer: Whose state is saved.
  ///   - store: Where checkpoints go.
  ///   - lease: The right to write there.
  ///   - state: What checkpoints say of configuration and data.
  ///   - tables: The paths of metrics.csv and its like.
  /// - Throws: `Fault` where the system refuses the thread.
  init(
    _ trainer: Trainer, store: CheckpointStore, lease: RunLease, state: CheckpointState,
    tables: [String]
  ) throws {
    snapshot = Snapshot(trainer)
    self.store = store
    self.lease = lease
    self.state = state
    self.tables = tables
    worker = try SerialWorker(name: "run writer")
  }

  /// The first thing that could not be written, or nil.
  var failureMessage: String? { failure.withLock { $0 } }

  /// The seconds that the slowest checkpoint so far took; 0 before the first.
  var slowestSeconds: Double { checkpointCosts.slowestSeconds }

  /// What the checkpoints so far took.
  var checkpointCosts: CheckpointCosts { costs.withLock { $0 } }

  /// Takes note of how long training waited for a checkpoint.
  func observe(heldUpSeconds: Double) { costs.withLock { $0.heldUpSeconds += heldUpSeconds } }

  /// The bytes of a checkpoint, roughly: values of Floats.
  var checkpointBytes: Int { snapshot.byteCount }

  /// Copies the state and leaves the writing to the background.
  ///
  /// Waits only for a checkpoint that is still being written. The rows of the tables must have
  /// been flushed.
  ///
  /// - Parameters:
  ///   - iteration: Iterations done.
  ///   - best: The best score so far; of these iterations, where `best` is to lead here.
  func saveCheckpoint(iteration: Int, best: BestScore? = nil) {
    wait()
    let begin = monotonicSeconds()
    snapshot.take(iteration: iteration, best: best)
    perform { [self] in
      try lease.confirm()
      let folder = try store.makeTemporaryFolder(step: iteration)
      do {
        let files = try snapshot.write(to: folder, state: state)
        // Rows before DONE: what is resumed from is never ahead of its tables.
        for table in tables where FileSystem.exists(table) {
          try FileSystem.synchronizeFile(table)
        }
        try store.seal(folder, files: files)
        try lease.confirm()
        let publication = try store.publish(folder, isBest: best?.iteration == iteration)
        for note in publication.notes { Messages.warning(note) }
      } catch {
        // Room is scarce: what is not complete must not stay.
        try? FileSystem.removeTree(folder)
        // Whoever has taken the run over has removed the folder: that is the reason then.
        try lease.confirm()
        throw error
      }
      let seconds = monotonicSeconds() - begin
      costs.withLock { $0.add(writtenIn: seconds) }
      Messages.detail(
        "wrote \(store.directory)/\(CheckpointStore.name(step: iteration)) in "
          + String(format: "%.1f ms", 1e3 * seconds))
    }
  }

  /// Leaves a picture to the background.
  ///
  /// - Parameters:
  ///   - image: The picture.
  ///   - path: The file.
  ///   - use: Is given the file's bytes too.
  func savePicture(
    _ image: Picture, to path: String,
    andThen use: (@Sendable (_ png: [UInt8]) throws -> Void)? = nil
  ) {
    perform { [lease] in
      try lease.check()
      let bytes = try PNG.encode(image, path: path)
      try FileSystem.writeAtomically(bytes, to: path)
      Messages.detail("wrote \(path)")
      try use?(bytes)
    }
  }

  /// Waits until everything is written.
  func finish() { wait() }

  /// Waits as the watchdog knows it: a file system may never answer.
  private func wait() {
    Activity.beginWait("the writing of a checkpoint", at: DispatchTime.now().uptimeNanoseconds)
    worker.wait()
    Activity.endWait()
  }

  /// Why nothing may be written any more; nil where it may.
  private var lossOfLease: String? {
    do {
      try lease.confirm()
      return nil
    } catch { return "\(error)" }
  }

  private func perform(_ work: @escaping @Sendable () throws -> Void) {
    worker.perform { [weak self] in
      do { try work() } catch {
        // A folder that has gone away is the reason of whatever else failed in it.
        let reason = self?.lossOfLease
        self?.failure.withLock { if $0 == nil { $0 = reason ?? "\(error)" } }
      }
    }
  }
}
