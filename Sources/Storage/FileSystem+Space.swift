import Base
import Foundation

/// What the file system of a folder has left for this user.
package struct FreeSpace: Sendable, Equatable {
  /// The folder that was asked: the wanted one, or the nearest above it that is there.
  package var folder: String
  /// What is left of the file system, or of a quota of the user, the group or the folder.
  package var bytes: Int
  /// Files and folders that can still be made; nil where the file system does not count them.
  package var files: Int?
  /// Whether `bytes` are those of a quota of the user or the group.
  package var isQuota = false

  package init(folder: String, bytes: Int, files: Int?) {
    self.folder = folder
    self.bytes = bytes
    self.files = files
  }

  /// Asks for the folder at `path`, which need not be there yet; nil where the system cannot say.
  package init?(_ path: String) {
    var folder = path
    while !FileSystem.exists(folder) {
      let parent = FileSystem.folder(of: folder)
      guard parent != folder else { return nil }
      folder = parent
    }
    var status = statvfs()
    // A file system without blocks, such as /proc, has no space to speak of.
    guard statvfs(folder, &status) == 0, status.f_blocks > 0 else { return nil }
    self.folder = folder
    bytes = Int(
      clamping: UInt64(status.f_bavail).multipliedReportingOverflow(
        by: UInt64(status.f_frsize)
      ).partialValue)
    files = status.f_files > 0 ? Int(clamping: UInt64(status.f_favail)) : nil
    guard let quota = QuotaSpace(folder) else { return }
    isQuota = quota.bytes.map { $0 < bytes } ?? false
    bytes = min(bytes, quota.bytes ?? .max)
    files = quota.files.map { min($0, files ?? .max) } ?? files
  }
}

extension FileSystem {
  /// Writes a file of `bytes` bytes to the device and removes it again.
  ///
  /// - Parameters:
  ///   - folder: A folder that is there.
  ///   - bytes: The file's size.
  /// - Returns: Bytes a second, with the wait for the device.
  /// - Throws: `Fault` where the folder cannot be written to; nothing is left then.
  package static func writeSpeed(in folder: String, bytes: Int) throws -> Double {
    let path = temporaryPath(for: "\(folder)/write-test")
    defer { unlink(path) }
    // Not zeros: some file systems would store none of them.
    let chunk = (0..<1 << 20).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
    let seconds = try secondsTaken {
      let file = try OutputFile(path: path, mode: .replace, shownPath: folder)
      for start in stride(from: 0, to: bytes, by: chunk.count) {
        try chunk.withUnsafeBytes {
          try file.write(UnsafeRawBufferPointer(rebasing: $0[..<min(chunk.count, bytes - start)]))
        }
      }
      try file.synchronize()
      try file.close()
    }
    return Double(bytes) / max(seconds, 1e-9)
  }
}
