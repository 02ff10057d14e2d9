import Base
import Foundation

/// What a quota of this user or group leaves.
///
/// `statvfs` knows quotas of folders (projects) only. Those of users and groups are asked for by
/// `quotactl`, which local file systems answer; NFS and Lustre answer to tools of their own.
package struct QuotaSpace: Equatable {
  /// nil where bytes are not limited.
  var bytes: Int?
  /// nil where files are not.
  var files: Int?

  /// `struct if_dqblk` of linux/quota.h: limits of bytes are in units of 1024.
  private struct Block {
    var hardBytes: UInt64 = 0
    var softBytes: UInt64 = 0
    var bytes: UInt64 = 0
    var hardFiles: UInt64 = 0
    var softFiles: UInt64 = 0
    var files: UInt64 = 0
    var bytesTime: UInt64 = 0
    var filesTime: UInt64 = 0
    var valid: UInt32 = 0
  }

  /// `int quotactl(int, const char *, int, caddr_t)`, of which Swift's Glibc has no header.
  private typealias Function =
    @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafeMutableRawPointer) -> Int32

  private static let getQuota: UInt32 = 0x80_0007

  /// Asks for the tighter of the user's and the group's; nil where there is none, or nobody tells.
  ///
  /// - Parameter folder: A folder that is there.
  init?(_ folder: String) {
    guard let device = Self.device(of: folder), let symbol = dlsym(nil, "quotactl") else {
      return nil
    }
    let quotactl = unsafeBitCast(symbol, to: Function.self)
    var found = Self(bytes: nil, files: nil)
    for (type, id) in [(UInt32(0), getuid()), (1, getgid())] {
      var block = Block()
      let command = Int32(bitPattern: Self.getQuota << 8 | type)
      guard quotactl(command, device, Int32(bitPattern: id), &block) == 0 else { continue }
      let limits = (
        Self.limit(block.hardBytes, block.softBytes).map {
          $0.multipliedReportingOverflow(by: 1024)
        },
        Self.limit(block.hardFiles, block.softFiles)
      )
      if let limit = limits.0, !limit.overflow {
        found.bytes = min(found.bytes ?? .max, Self.rest(limit.partialValue, block.bytes))
      }
      if let limit = limits.1 {
        found.files = min(found.files ?? .max, Self.rest(limit, block.files))
      }
    }
    guard found.bytes != nil || found.files != nil else { return nil }
    self = found
  }

  private init(bytes: Int?, files: Int?) {
    self.bytes = bytes
    self.files = files
  }

  /// The hard limit, else the soft one; nil where both are 0, which is none.
  private static func limit(_ hard: UInt64, _ soft: UInt64) -> UInt64? {
    hard > 0 ? hard : soft > 0 ? soft : nil
  }

  private static func rest(_ limit: UInt64, _ used: UInt64) -> Int {
    limit > used ? Int(clamping: limit - used) : 0
  }

  /// The block device of a folder's file system; nil where it has none.
  private static func device(of folder: String) -> String? {
    guard let path = realpath(folder, nil) else { return nil }
    defer { free(path) }
    let lines = (try? FileSystem.readFile("/proc/self/mountinfo")) ?? []
    return device(of: String(cString: path), in: String(decoding: lines, as: UTF8.self))
  }

  /// The block device that is mounted at the deepest of the folders above a path.
  ///
  /// - Parameters:
  ///   - path: Without links.
  ///   - mounts: `/proc/self/mountinfo`.
  /// - Returns: Such as `/dev/sda1`; nil for a file system that has none.
  package static func device(of path: String, in mounts: String) -> String? {
    var best: (place: String, source: String)?
    for line in mounts.split(separator: "\n") {
      // 36 35 98:0 /root /place options optional... - type source options
      let words = line.split(separator: " ")
      guard let dash = words.firstIndex(of: "-"), words.count > dash + 2, words.count > 4 else {
        continue
      }
      let place = unescaped(words[4])
      let isAbove = place == "/" || path == place || path.hasPrefix("\(place)/")
      // Of two at one place the later one hides the other.
      guard isAbove, place.utf8.count >= best?.place.utf8.count ?? 0 else { continue }
      best = (place, unescaped(words[dash + 2]))
    }
    guard let source = best?.source, source.hasPrefix("/dev/") else { return nil }
    return source
  }

  /// A space is `\040` there.
  private static func unescaped(_ text: Substring) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")].reduce(String(text)) {
      $0.replacingOccurrences(of: $1.0, with: $1.1)
    }
  }
}
