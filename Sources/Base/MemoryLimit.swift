import Foundation

/// How much memory this process can still take, and the one line that ends it where that is not
/// enough.
///
/// Asked for before large pieces are taken: an allocation that Swift cannot make ends the process
/// with a crash report, and one that the system cannot back is answered by its killer.
package enum MemoryLimit {
  /// What bounds the memory of the process.
  package struct Room: Sendable, Equatable {
    /// Bytes that are left.
    package var bytes: Int
    /// What they are left of.
    package var name: String
  }

  /// Pieces below this size are taken without asking: the answer costs some reads of /proc.
  package static let smallest = 16 << 20

  /// Refuses to take more than there is.
  ///
  /// - Parameters:
  ///   - bytes: What is to be taken.
  ///   - what: What for, as the error begins: a file's path.
  /// - Throws: `Fault` with what is needed and what is left.
  package static func require(_ bytes: Int, for what: String) throws(Fault) {
    guard bytes >= smallest, let room = room(), room.bytes < bytes else { return }
    throw Fault("\(what): takes \(text(bytes)) of memory, \(text(room))", advice: "raise it")
  }

  /// Ends the process where the networks cannot have their memory: once, in one line, with status
  /// 1.
  ///
  /// Their layers allocate where nobody throws; nothing has been trained or written then.
  static func end(_ bytes: Int) -> Never {
    let rest = room().map { ", \(text($0))" } ?? ""
    // All ranks come here at about the same time: rank 0 is to say it, and mpirun ends the others.
    // The signal that mpirun sends first wakes a sleeper.
    var left: UInt32 = Messages.isSpeaker ? 0 : 10
    while left > 0 { left = sleep(left) }
    Messages.error(
      "out of memory: \(text(bytes)) more are needed\(rest); take a smaller width or batch, more "
        + "ranks, or raise the limit; `wgangp-dist describe` counts the memory of a rank",
      everyRank: true)
    exit(1)
  }

  private static func text(_ room: Room) -> String {
    "\(text(room.bytes)) are left of \(room.name)"
  }

  private static func text(_ bytes: Int) -> String {
    bytes < 1 << 30
      ? "\(bytes / 1_000_000) MB" : String(format: "%.1f GB", Double(bytes) / 1e9)
  }

  /// The least of what the system, the control groups and the limits of the process leave; nil
  /// where none can be read.
  package static func room() -> Room? {
    let limits = [
      addressRoom(RLIMIT_AS, 0, "ulimit -v"), addressRoom(RLIMIT_DATA, 5, "ulimit -d"),
    ]
    return ([systemRoom, groupRoom] + limits).compactMap { $0 }.min { $0.bytes < $1.bytes }
  }

  /// The least of what the system and the control groups leave: to files in memory, whose pages
  /// count there but are in no address space until they are mapped.
  package static func roomForFiles() -> Room? {
    [systemRoom, groupRoom].compactMap { $0 }.min { $0.bytes < $1.bytes }
  }

  /// Why a file cannot be mapped, as far as that is the limit of the address space.
  ///
  /// - Parameters:
  ///   - bytes: Of the file.
  ///   - path: Of the file.
  /// - Returns: The error.
  package static func mappingFault(_ bytes: Int, _ path: String) -> Fault {
    guard let room = addressRoom(RLIMIT_AS, 0, "ulimit -v"), room.bytes < bytes else {
      return Fault("\(path): cannot be mapped")
    }
    return Fault(
      "\(path): takes \(text(bytes)) of addresses to be mapped, \(text(room))",
      advice: "raise it: what the job takes of memory is far less")
  }

  // MARK: - What bounds it

  /// What a limit of the process leaves, of which a field of /proc/self/statm is used.
  private static func addressRoom(
    _ resource: __rlimit_resource, _ field: Int, _ name: String
  ) -> Room? {
    guard let limit = limit(resource), let used = pages(field) else { return nil }
    return Room(bytes: max(0, limit - used), name: "the address space (\(name))")
  }

  private static func limit(_ resource: __rlimit_resource) -> Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0,
      limit.rlim_cur < UInt(Int.max)
    else { return nil }
    return Int(limit.rlim_cur)
  }

  /// A field of /proc/self/statm in bytes: 0 is the address space, 5 data and stack.
  private static func pages(_ field: Int) -> Int? {
    let fields = contents(of: "/proc/self/statm").split(separator: " ")
    guard fields.count > field, let count = Int(fields[field]) else { return nil }
    return count * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  private static var systemRoom: Room? {
    let table = contents(of: "/proc/meminfo")
    guard let available = kibibytes("MemAvailable:", in: table) else { return nil }
    return Room(
      bytes: (available + (kibibytes("SwapFree:", in: table) ?? 0)) << 10,
      name: "this machine's memory")
  }

  /// The least that the control groups of the process leave.
  ///
  /// Files in memory do not count: the system drops them first.
  private static var groupRoom: Room? {
    var rooms: [Int] = []
    for line in contents(of: "/proc/self/cgroup").split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let isFirstVersion = parts[1].split(separator: ",").contains("memory")
      guard isFirstVersion || parts[1].isEmpty else { continue }
      let (root, limit, used) =
        isFirstVersion
        ? ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "total_rss ")
        : ("/sys/fs/cgroup", "memory.max", "anon ")
      // In a container the group's own folder is often the root.
      var folder = parts[2] == "/" ? "" : String(parts[2])
      while true {
        let place = root + folder
        if let most = Int(contents(of: "\(place)/\(limit)").dropLast()), most < 1 << 60 {
          let held = contents(of: "\(place)/memory.stat").split(separator: "\n")
            .first { $0.hasPrefix(used) }.flatMap { Int($0.dropFirst(used.count)) }
          rooms.append(max(0, most - (held ?? 0)))
        }
        guard let slash = folder.lastIndex(of: "/") else { break }
        folder = String(folder[..<slash])
      }
    }
    return rooms.min().map { Room(bytes: $0, name: "the memory limit of the control group") }
  }

  private static func kibibytes(_ key: String, in table: String) -> Int? {
    table.split(separator: "\n").first { $0.hasPrefix(key) }
      .flatMap { $0.dropFirst(key.count).split(separator: " ").first }.flatMap { Int($0) }
  }

  /// The beginning of a small file, empty where there is none.
  private static func contents(of path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { _ = close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1 << 14)
    let count = read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}
