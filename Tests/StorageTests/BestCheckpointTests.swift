import Base
import Foundation
import Storage
import TestSupport
import Testing

/// The link `best` beside the checkpoints.
@Suite struct BestCheckpointTests {
  private static func publish(
    _ store: CheckpointStore, step: Int, isBest: Bool = false
  ) throws {
    let folder = try CheckpointStoreTests.seal(store, step: step)
    #expect(try store.publish(folder, isBest: isBest).notes == [])
  }

  /// It stays however many follow, and goes when a better one is there.
  @Test func theBestIsNotRemoved() throws {
    try CheckpointStoreTests.withStore(keep: 1) { store in
      #expect(message { _ = try store.best() }?.contains("has none yet") == true)
      try Self.publish(store, step: 1, isBest: true)
      for step in [2, 3, 4] { try Self.publish(store, step: step) }
      #expect(try store.names() == ["step-00000001", "step-00000004"])
      #expect(store.bestName == "step-00000001")
      #expect(try store.best() == store.path(step: 1))
      #expect(try CheckpointStoreTests.link(store) == "step-00000004")
      try Self.publish(store, step: 5, isBest: true)
      #expect(try store.names() == ["step-00000005"])
      #expect(store.bestName == "step-00000005")
      #expect(
        try FileSystem.listDirectory(store.directory) == ["best", "latest", "step-00000005"])
    }
  }

  /// A kill between a checkpoint and its link: the state says what it was to be.
  @Test func theLinkIsMadeAgain() throws {
    try CheckpointStoreTests.withStore { store in
      for step in [1, 2] { try Self.publish(store, step: step, isBest: step == 1) }
      #expect(try store.restoreBest(step: 2) == [])
      #expect(store.bestName == "step-00000002")
      #expect(try store.restoreBest(step: 2) == [])
      // The newest, which was the best, is damaged, and the best before it has gone.
      let notes = try store.restoreBest(step: 7)
      #expect(notes.count == 1 && notes[0].hasSuffix("and is no longer there"), "\(notes)")
      #expect(store.bestName == nil && !FileSystem.exists("\(store.directory)/best"))
      try store.update(.best, to: "step-00000001")
      #expect(try store.restoreBest(step: nil) == [])
      #expect(!FileSystem.exists("\(store.directory)/best"))
    }
  }

  @Test func aDamagedBestIsRefused() throws {
    try CheckpointStoreTests.withStore { store in
      try Self.publish(store, step: 1, isBest: true)
      try FileSystem.writeAtomically("y", to: "\(store.path(step: 1))/state.json")
      #expect(message { _ = try store.best() }?.contains("state.json: damaged") == true)
    }
  }

  /// A copy that follows links has a folder where the link was: it is read, and replaced.
  @Test func aFolderNamedBestIsReplaced() throws {
    try CheckpointStoreTests.withStore(keep: 1) { store in
      try Self.publish(store, step: 1, isBest: true)
      let best = "\(store.directory)/best"
      try FileSystem.removeTree(best)
      try FileManager.default.copyItem(atPath: store.path(step: 1), toPath: best)
      try Self.publish(store, step: 2)
      #expect(try store.best() == best)
      try Self.publish(store, step: 3, isBest: true)
      #expect(try store.best() == store.path(step: 3))
      #expect(
        try FileSystem.listDirectory(store.directory) == ["best", "latest", "step-00000003"])
    }
  }

  @Test func leftoversOfTheLinkGo() throws {
    try CheckpointStoreTests.withStore { store in
      let dead = 4_194_305
      try FileSystem.replaceSymlink(
        at: "\(store.directory)/.best.tmp-\(dead)", to: "step-00000003")
      try store.removeLeftovers()
      #expect(try FileSystem.listDirectory(store.directory) == [])
    }
  }

  /// After a machine's boot, and in containers, a dead writer's number is this process's.
  @Test func leftoversUnderTheOwnNumberGoWhereNobodyWrites() throws {
    try CheckpointStoreTests.withStore { store in
      let folder = try store.makeTemporaryFolder(step: 3)
      try store.removeLeftovers()
      #expect(FileSystem.exists(folder))
      try store.removeLeftovers(isOnlyWriter: true)
      #expect(try FileSystem.listDirectory(store.directory) == [])
    }
  }
}
