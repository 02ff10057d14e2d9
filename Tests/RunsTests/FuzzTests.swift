import Foundation
import Runs
import Storage
import TestSupport
import Testing

/// Damaged `state.json` are refused in one line that names them; nothing crashes or hangs.
@Suite struct FuzzTests {
  @Test func states() throws {
    let state = CheckpointState(
      iteration: 12, configuration: ["training.batch": "64", "seed": "7"])
    let result = try fuzz([Array(state.json.utf8)], count: 3000, name: "state.json") { path in
      let read = try CheckpointState(folder: FileSystem.folder(of: path))
      #expect((0...1_000_000_000_000).contains(read.iteration))
    }
    #expect(result.complaints.isEmpty, "\(result.complaints.prefix(3))")
    #expect(result.loaded > 50 && result.refused > 500, "\(result.loaded), \(result.refused)")
  }

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
