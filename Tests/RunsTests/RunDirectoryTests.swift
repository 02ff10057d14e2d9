import Foundation
import RunSupport
import Storage
import Synchronization
import TestSupport
import Testing

@Suite struct RunDirectoryTests {
  /// Runs that look for a folder at the same time get one each, without a gap.
  @Test func simultaneousRunsGetDifferentFolders() throws {
    try withTemporaryFolder { folder in
      let found = Mutex<[String]>([])
      DispatchQueue.concurrentPerform(iterations: 24) { _ in
        let path =
          (try? RunDirectory.createFree(named: "run", in: "\(folder)/runs"))?.path ?? "none"
        found.withLock { $0.append(path) }
      }
      let expected = (1...24).map { "\(folder)/runs/run\($0 == 1 ? "" : "-\($0)")" }
      #expect(found.withLock { Set($0) } == Set(expected))
      #expect(expected.allSatisfy(FileSystem.isDirectory))
    }
  }

  @Test func takenNamesArePassedOver() throws {
    try withTemporaryFolder { folder in
      try FileSystem.writeAtomically("a file", to: "\(folder)/run")
      try FileSystem.createDirectory("\(folder)/run-2")
      #expect(try RunDirectory.createFree(named: "run", in: folder).path == "\(folder)/run-3")
    }
  }

  /// One explicit folder for two runs: one of them gets it.
  @Test func oneFolderHasOneRun() throws {
    try withTemporaryFolder { folder in
      let directory = RunDirectory("\(folder)/run")
      let lease = try directory.create()
      let second = message { _ = try directory.create() }
      #expect(second?.contains("\(folder)/run: in use by process \(getpid()) on ") == true)
      lease.release()
      try directory.create().release()
      try FileSystem.writeAtomically("", to: directory.configuration)
      let third = message { _ = try directory.create() }
      #expect(third?.contains("holds a run already") == true, "\(third ?? "")")
    }
  }
}
