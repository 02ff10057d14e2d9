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

  @Test(
    arguments: [
      (#"{"format":2,"iteration":5,"rateFactor":0.5}"#, nil),
      (#"{"format":2,"iteration":5,"rateFactor":2}"#, "rateFactor is 2.0, a number above 0 and up"),
      (#"{"format":2,"iteration":5,"rateFactor":0}"#, "rateFactor is 0.0"),
      (#"{"format":2,"iteration":3}"#, "says iteration 3, but its folder is of step 5"),
      (#"{"format":3,"iteration":5}"#, "format 3, this version reads formats 1 and 2"),
    ] as [(String, String?)])
  func statesOfNoCheckpointAreRefused(json: String, expected: String?) throws {
    try withTemporaryFolder { parent in
      let folder = "\(parent)/step-00000005"
      try FileSystem.createDirectory(folder)
      try FileSystem.writeAtomically(json, to: "\(folder)/state.json")
      let found = message { try CheckpointState(folder: folder) }
      #expect(
        expected.map { found?.contains($0) == true } ?? (found == nil), "\(found ?? "read")")
    }
  }
}
