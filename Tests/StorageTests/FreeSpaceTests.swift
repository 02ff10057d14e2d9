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
      let speed = try FileSystem.writeSpeed(in: folder, bytes: 3 << 20)
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(speed > 0 && left == [])
      let refused = message { _ = try FileSystem.writeSpeed(in: "\(folder)/none", bytes: 1) }
      #expect(refused?.hasPrefix("\(folder)/none: cannot open for writing") == true)
    }
  }
}
