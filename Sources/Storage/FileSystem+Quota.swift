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
    guard let device = Mount(of: folder)?.device, let symbol = dlsym(nil, "quotactl") else {
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
}
