import Base
import Foundation

/// Names under which a file or folder is made, or stands aside, before it has its own.
///
/// They end in the number of the process that writes, which tells later ones whether it lives.
extension FileSystem {
  /// `folder/.NAME.tmp-PID`, of this process or another.
  package static func temporaryPath(for path: String, process: pid_t = getpid()) -> String {
    "\(folder(of: path))/.\(name(of: path)).tmp-\(process)"
  }

  /// `folder/.NAME.old-PID`, for what is replaced and cannot be renamed over.
  static func asidePath(for path: String) -> String {
    "\(folder(of: path))/.\(name(of: path)).old-\(getpid())"
  }

  /// The name and the process in `.NAME.tmp-PID` and `.NAME.old-PID`, nil for other names.
  static func temporaryOwner(_ name: String) -> (name: String, process: pid_t)? {
    guard name.hasPrefix("."), let dot = name.lastIndex(of: "."), dot > name.startIndex else {
      return nil
    }
    let parts = name[name.index(after: dot)...].split(separator: "-")
    guard parts.count == 2, parts[0] == "tmp" || parts[0] == "old",
      let process = pid_t(parts[1]), process > 0
    else { return nil }
    return (String(name[..<dot].dropFirst()), process)
  }

  /// Runs `body` with a folder of its own in the system's place for temporary files, and removes
  /// it.
  package static func withTemporaryFolder<Result>(
    _ body: (_ folder: String) throws -> Result
  ) throws -> Result {
    var template = Array("\(NSTemporaryDirectory())/wgangp-dist-XXXXXX\0".utf8CString)
    guard let made = mkdtemp(&template) else {
      throw Fault(path: NSTemporaryDirectory(), cannot: "make a folder", code: errno)
    }
    let folder = String(cString: made)
    defer { try? removeTree(folder) }
    return try body(folder)
  }

  /// Removes what processes that have ended left in a folder under temporary names.
  ///
  /// - Parameters:
  ///   - folder: The folder.
  ///   - isOnlyWriter: Whether nobody writes there, this process included: then all goes. In a
  ///     container, or after a machine's boot, a dead writer's number is often that of another, or
  ///     of this process.
  ///   - isOwn: Whether what was to get this name is removed.
  /// - Throws: `Fault` naming what could not be removed.
  package static func removeLeftovers(
    in folder: String, isOnlyWriter: Bool = false, where isOwn: (_ name: String) -> Bool
  ) throws {
    for name in try listDirectory(folder) {
      guard let owner = temporaryOwner(name), isOwn(owner.name) else { continue }
      // What stands aside only waits for its removal: this process's own did not succeed before.
      let isAside = owner.process == getpid() && name == ".\(owner.name).old-\(owner.process)"
      // Only ESRCH says that the process is gone: EPERM is another user's, alive.
      if isOnlyWriter || isAside || kill(owner.process, 0) != 0 && errno == ESRCH {
        try removeTree("\(folder)/\(name)")
      }
    }
  }
}
