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

  /// Quotas are asked for by the device that is mounted deepest above a folder.
  @Test func theDeviceOfAFolder() {
    let mounts = """
      21 1 254:0 / / rw,relatime - ext4 /dev/vda rw
      30 21 0:25 / /tmp rw shared:3 master:1 - tmpfs tmpfs rw
      31 30 7:0 / /tmp/a\\040b rw - ext4 /dev/loop0 rw
      32 21 7:1 /sub /tmp2 rw - xfs /dev/loop1 rw
      """
    for (path, device) in [
      ("/home/x", "/dev/vda"), ("/tmp", nil), ("/tmp/c", nil), ("/tmp/a b/run", "/dev/loop0"),
      ("/tmp2", "/dev/loop1"), ("/tmp23", "/dev/vda"), ("/", "/dev/vda"),
    ] as [(String, String?)] {
      #expect(Mount(of: path, in: mounts)?.device == device, "\(path)")
    }
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
