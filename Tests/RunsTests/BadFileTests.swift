import Foundation
import Runs
import Storage
import TestSupport
import Testing

/// `state.json` with values that no run has; damaged ones are ReaderTests'.
@Suite struct BadFileTests {
  @Test func iterationsThatNoRunHasAreRefused() throws {
    try withTemporaryFolder { folder in
      for iteration in [-1, 1 << 62, 1_000_000_000_001] {
        try FileSystem.writeAtomically(
          CheckpointState(iteration: iteration).json, to: "\(folder)/state.json")
        let found = message { try CheckpointState(folder: folder) }
        #expect(found?.contains("with N from 0 to 1000000000000") == true, "\(found ?? "")")
      }
    }
  }
}
