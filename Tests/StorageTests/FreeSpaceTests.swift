import Foundation
import Storage
import TestSupport
import Testing

@Suite struct FreeSpaceTests {
  @Test func aFolderToComeIsThatAboveIt() throws {
    try withTemporaryFolder { folder in
      let found = try #require(FreeSpace("\(folder)/runs/next"))
      #expect(found.folder == folder)
      #expect(found.bytes > 0 && found.files != 0)
    }
    // It has no blocks.
    #expect(FreeSpace("/proc/self") == nil)
  }

  @Test func aWriteTestLeavesNothing() throws {
    try withTemporaryFolder { folder in
      #expect(try FileSystem.writeSpeed(in: folder, bytes: 3 << 20) > 0)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
      #expect(throws: (any Error).self) {
        try FileSystem.writeSpeed(in: "\(folder)/none", bytes: 1)
      }
    }
  }
}
