import Foundation
import Pictures
import Reports
import Storage
import Synchronization
import Training

/// Writes checkpoints and sample grids on rank 0, in the background, one after the other.
final class RunWriter: @unchecked Sendable {
  let store: CheckpointStore
  private let snapshot: Snapshot
  private let queue = DispatchQueue(label: "run writer")
  private let failure = Mutex<String?>(nil)

  init(_ trainer: Trainer, store: CheckpointStore) {
    snapshot = Snapshot(trainer)
    self.store = store
  }

  /// The first thing that could not be written, or nil.
  var failureMessage: String? { failure.withLock { $0 } }

  /// Copies the state and leaves the writing to the background.
  ///
  /// Waits only for a checkpoint that is still being written.
  func saveCheckpoint(iteration: Int) {
    queue.sync {}
    snapshot.take(iteration: iteration)
    perform { [snapshot, store] in
      let folder = try store.makeTemporaryFolder(step: iteration)
      do {
        try store.seal(folder, files: snapshot.write(to: folder))
        try store.publish(folder)
      } catch {
        // Room is scarce: what is not complete must not stay.
        try? FileSystem.removeTree(folder)
        throw error
      }
    }
  }

  func savePicture(_ image: Picture, to path: String) {
    perform { try PNG.write(image, to: path) }
  }

  /// Waits until everything is written.
  func finish() { queue.sync {} }

  private func perform(_ work: @escaping @Sendable () throws -> Void) {
    queue.async { [weak self] in
      do { try work() } catch {
        self?.failure.withLock { if $0 == nil { $0 = "\(error)" } }
      }
    }
  }
}
