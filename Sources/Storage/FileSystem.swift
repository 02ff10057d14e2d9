import Base
import CZlib
import Foundation

/// Files and folders with whole writes, atomic replacement and one-line errors.
package enum FileSystem {
  // MARK: - Questions

  /// Whether anything, a dangling symbolic link included, is at `path`.
  package static func exists(_ path: String) -> Bool {
    var status = stat()
    return SystemName.withCString(path) { lstat($0, &status) } == 0
  }

  /// Whether `path` leads to a folder.
  package static func isDirectory(_ path: String) -> Bool {
    status(path).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false
  }

  /// What the system says of what a path leads to; nil, with the reason in `errno`, for nothing.
  package static func status(_ path: String) -> stat? {
    var status = stat()
    return SystemName.withCString(path) { stat($0, &status) } == 0 ? status : nil
  }

  /// Whether `path` itself is a folder, not a link to one.
  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The size of a file in bytes.
  ///
  /// - Throws: `Fault` if there is none.
  package static func fileSize(_ path: String) throws -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw Fault(path: path, cannot: "read", code: errno)
    }
    return Int(status.st_size)
  }

  /// Bytes that this user may still write into the file system of a folder.
  ///
  /// - Throws: `Fault` if the folder cannot be asked.
  package static func freeBytes(_ path: String) throws -> Int {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else {
      throw Fault(path: path, cannot: "ask for free space", code: errno)
    }
    return Int(status.f_bavail) * Int(status.f_frsize)
  }

  /// The names in a folder, sorted by their bytes, without `.` and `..`: `SystemName`s.
  ///
  /// - Throws: `Fault` if the folder cannot be read.
  package static func listDirectory(_ path: String) throws -> [String] {
    guard let folder = SystemName.withCString(path, { opendir($0) }) else {
      throw Fault(path: path, cannot: "list the folder", code: errno)
    }
    defer { closedir(folder) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(folder) else { break }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        SystemName.text(Array(bytes.prefix { $0 != 0 }))
      }
      if name != "." && name != ".." { names.append(name) }
    }
    guard errno == 0 else {
      throw Fault(path: path, cannot: "list the folder", code: errno)
    }
    guard names.contains(where: SystemName.hasBytes) else {
      return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
    return names.sorted {
      SystemName.bytes($0).lexicographicallyPrecedes(SystemName.bytes($1))
    }
  }

  // MARK: - Reading

  /// Opens a regular file for reading: nothing else has an end that can be relied on, or comes
  /// without waiting.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - allowsPipe: Whether `/dev/stdin` and `/dev/fd/N` may be pipes.
  /// - Returns: The descriptor, which the caller closes, and the file's size.
  /// - Throws: `Fault` if it cannot be opened, or is a folder, a fifo or a device.
  package static func openForReading(
    _ path: String, allowsPipe: Bool = false
  ) throws -> (descriptor: Int32, size: Int) {
    // Opening a fifo waits for a writer, without O_NONBLOCK.
    let flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
    let descriptor = SystemName.withCString(path) { name in
      retryingInterrupts { open(name, flags) }
    }
    guard descriptor >= 0 else { throw Fault(path: path, cannot: "open", code: errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let code = errno
      close(descriptor)
      throw Fault(path: path, cannot: "read", code: code)
    }
    if allowsPipe, status.st_mode & S_IFMT == S_IFIFO, path.hasPrefix("/dev/") {
      _ = fcntl(descriptor, F_SETFL, 0)
      return (descriptor, 0)
    }
    guard let kind = irregularKind(status.st_mode) else {
      return (descriptor, Int(status.st_size))
    }
    close(descriptor)
    throw Fault("\(path): is \(kind); a regular file is expected")
  }

  /// What a file is that is no regular one: `a fifo`; nil for a regular file.
  package static func irregularKind(_ mode: mode_t) -> String? {
    switch mode & S_IFMT {
    case S_IFREG: nil
    case S_IFDIR: "a folder"
    case S_IFIFO: "a fifo"
    case S_IFSOCK: "a socket"
    default: "a device"
    }
  }

  /// The bytes of a file.
  ///
  /// - Parameters:
  ///   - path: A regular file.
  ///   - limit: The most bytes that are read; a larger file is refused.
  ///   - allowsPipe: Whether `/dev/stdin` and `/dev/fd/N` may be pipes.
  /// - Returns: The bytes.
  /// - Throws: `Fault` if it cannot be opened or read, is no regular file or too large.
  package static func readFile(
    _ path: String, limit: Int = .max, allowsPipe: Bool = false
  ) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try forEachChunk(of: path, allowsPipe: allowsPipe) { chunk, fileSize in
      if bytes.isEmpty {
        try require(fileSize, within: limit, of: path)
        try MemoryLimit.require(fileSize, for: path)
        bytes.reserveCapacity(fileSize)
      }
      try require(bytes.count + chunk.count, within: limit, of: path)
      bytes.append(contentsOf: chunk)
    }
    return bytes
  }

  private static func require(_ size: Int, within limit: Int, of path: String) throws {
    guard size > limit else { return }
    throw Fault("\(path): has \(size) bytes or more; at most \(limit) are expected")
  }

  /// Calls `body` with the file's bytes from first to last, a mebibyte at a time.
  ///
  /// - Parameters:
  ///   - path: A regular file.
  ///   - allowsPipe: Whether `/dev/stdin` and `/dev/fd/N` may be pipes.
  ///   - body: Takes the bytes and the file's size, 0 for a pipe.
  /// - Throws: `Fault` if it cannot be opened or read, or is no regular file; what `body` throws.
  package static func forEachChunk(
    of path: String, allowsPipe: Bool = false,
    _ body: (_ chunk: UnsafeRawBufferPointer, _ fileSize: Int) throws -> Void
  ) throws {
    let (descriptor, size) = try openForReading(path, allowsPipe: allowsPipe)
    defer { _ = close(descriptor) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count = retryingInterrupts { read(descriptor, buffer.baseAddress, buffer.count) }
      guard count >= 0 else { throw Fault(path: path, cannot: "read", code: errno) }
      if count == 0 { return }
      try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]), size)
    }
  }

  // MARK: - Checksums

  /// CRC-32 (ISO-HDLC, the one of zip and PNG) of `bytes`.
  ///
  /// - Parameters:
  ///   - bytes: Any number of bytes.
  ///   - previous: The CRC-32 of the bytes before these; 0 at the beginning.
  /// - Returns: The CRC-32 of the bytes so far.
  package static func crc32(_ bytes: UnsafeRawBufferPointer, continuing previous: UInt32 = 0)
    -> UInt32
  {
    // zlib takes a null pointer for a request of the initial value.
    guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else { return previous }
    return UInt32(truncatingIfNeeded: crc32_z(uLong(previous), start, bytes.count))
  }

  /// Size in bytes and CRC-32 of a file, read once from beginning to end.
  ///
  /// - Throws: `Fault` if it cannot be read.
  package static func checksum(ofFile path: String) throws -> (size: Int, crc32: UInt32) {
    var size = 0
    var sum: UInt32 = 0
    try forEachChunk(of: path) { chunk, _ in
      size += chunk.count
      sum = crc32(chunk, continuing: sum)
    }
    return (size, sum)
  }

  // MARK: - Writing

  /// Makes a folder and its parents; a folder that is there already is left alone.
  ///
  /// - Throws: `Fault` naming the folder that could not be made.
  package static func createDirectory(_ path: String) throws {
    if isDirectory(path) { return }
    let parent = folder(of: path)
    if parent != path { try createDirectory(parent) }
    // Another process may make it between the question and the call.
    if mkdir(path, 0o777) != 0 {
      let code = errno
      if !isDirectory(path) {
        throw Fault(path: path, cannot: "create the folder", code: code)
      }
    }
  }

  /// Whether `createDirectory` would succeed, and files could be written in the folder; makes
  /// nothing.
  ///
  /// - Throws: `Fault` naming the folder that is in the way or refuses.
  package static func requireCreatable(_ path: String) throws {
    guard exists(path) else {
      let parent = folder(of: path)
      if parent != path { return try requireCreatable(parent) }
      throw Fault(path: path, cannot: "create the folder", code: ENOENT)
    }
    guard isDirectory(path) else {
      throw Fault(path: path, cannot: "create the folder", code: ENOTDIR)
    }
    guard access(path, W_OK | X_OK) == 0 else {
      throw Fault(path: path, cannot: "write", code: errno)
    }
  }

  /// Makes a folder that is not there yet, in one that is.
  ///
  /// - Returns: False where something has the name; of several processes that ask at once, one gets
  ///   true.
  /// - Throws: `Fault` if it cannot be made for another reason.
  package static func createNewDirectory(_ path: String) throws -> Bool {
    guard mkdir(path, 0o777) != 0 else { return true }
    guard errno == EEXIST else {
      throw Fault(path: path, cannot: "create the folder", code: errno)
    }
    return false
  }

  /// Replaces the file at `path` as a whole: after a crash it is the old or the new one.
  ///
  /// The bytes go to `.NAME.tmp-PID` in the same folder (a rename works within one file system
  /// only), to the device, and then under the final name; the folder is synchronized last. Two
  /// threads of a process must not write the same path at once.
  ///
  /// - Throws: `Fault`; the old file is whole then and the temporary one is gone, save when
  ///   only the last step, the folder's synchronization, failed: then the new file is in place.
  package static func writeAtomically(_ bytes: UnsafeRawBufferPointer, to path: String) throws {
    try writeAtomically(to: path) { try $0.write(bytes) }
  }

  /// Replaces the file at `path` as a whole by what `body` writes, as for bytes.
  package static func writeAtomically(
    to path: String, _ body: (_ file: OutputFile) throws -> Void
  ) throws {
    try replace(path) { temporary in
      let file = try OutputFile(path: temporary, mode: .replace, shownPath: path)
      try body(file)
      try file.synchronize()
      try file.close()
    }
  }

  /// Replaces the file at `path` as a whole by `bytes`.
  package static func writeAtomically(_ bytes: [UInt8], to path: String) throws {
    try bytes.withUnsafeBytes { try writeAtomically($0, to: path) }
  }

  /// Replaces the file at `path` as a whole by `text` in UTF-8.
  package static func writeAtomically(_ text: String, to path: String) throws {
    try writeAtomically(Array(text.utf8), to: path)
  }

  /// Points the symbolic link at `path` to `target`; readers see the old or the new target.
  ///
  /// - Parameters:
  ///   - path: The link; a file or link there is replaced, a folder is an error.
  ///   - target: What the link says, as it is; relative targets start at the link's folder.
  /// - Throws: `Fault` if the system refuses.
  package static func replaceSymlink(at path: String, to target: String) throws {
    try replace(path) { temporary in
      unlink(temporary)
      guard symlink(target, temporary) == 0 else {
        throw Fault(path: path, cannot: "create the symbolic link", code: errno)
      }
    }
  }

  /// Puts a new file in the place of the one at `path`, at once and to stay.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - make: Makes the new one, whole and synchronized, at a temporary path beside it.
  /// - Throws: What `make` throws, and `Fault` if the system refuses; as for `writeAtomically` the
  ///   old file is whole then, and the temporary one is gone.
  static func replace(_ path: String, _ make: (_ temporary: String) throws -> Void) throws {
    let temporary = temporaryPath(for: path)
    do {
      try make(temporary)
      try rename(temporary, to: path)
    } catch {
      unlink(temporary)
      throw error
    }
    try synchronizeDirectory(folder(of: path))
  }

  /// Renames a file or folder within one file system.
  static func rename(_ source: String, to destination: String) throws {
    guard Foundation.rename(source, destination) == 0 else {
      throw Fault(path: destination, cannot: "move into place", code: errno)
    }
  }

  /// Brings a folder's names to the device: until then a crash can undo a rename.
  package static func synchronizeDirectory(_ path: String) throws {
    let descriptor = retryingInterrupts { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard descriptor >= 0 else {
      throw Fault(path: path, cannot: "open the folder", code: errno)
    }
    defer { _ = close(descriptor) }
    // Some network file systems cannot synchronize a folder and say EINVAL.
    if retryingInterrupts({ fsync(descriptor) }) != 0, errno != EINVAL, errno != ENOTSUP {
      throw Fault(path: path, cannot: "write the folder to the device", code: errno)
    }
  }

  /// Brings a file's bytes to the device, by whomever they were written.
  ///
  /// - Throws: `Fault` if it is not there or the system refuses.
  package static func synchronizeFile(_ path: String) throws {
    let descriptor = retryingInterrupts { open(path, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw Fault(path: path, cannot: "open", code: errno) }
    defer { _ = close(descriptor) }
    guard retryingInterrupts({ fsync(descriptor) }) == 0 else {
      throw Fault(path: path, cannot: "write to the device", code: errno)
    }
  }

  /// Removes a file, a symbolic link (not what it points to) or a folder with all it holds.
  ///
  /// Nothing at `path` is not an error.
  ///
  /// - Throws: `Fault` naming what could not be removed.
  package static func removeTree(_ path: String) throws {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return }
      throw Fault(path: path, cannot: "remove", code: errno)
    }
    if status.st_mode & S_IFMT == S_IFDIR {
      for name in try listDirectory(path) { try removeTree("\(path)/\(name)") }
      guard rmdir(path) == 0 else {
        throw Fault(path: path, cannot: "remove the folder", code: errno)
      }
    } else {
      guard unlink(path) == 0 || errno == ENOENT else {
        throw Fault(path: path, cannot: "remove", code: errno)
      }
    }
  }

  // MARK: - Paths

  /// The folder a path is in: `a/b` -> `a`, `b` -> `.`, `/b` -> `/`.
  package static func folder(of path: String) -> String {
    let trimmed = withoutTrailingSlashes(path)
    guard let slash = trimmed.lastIndex(of: "/") else { return "." }
    let parent = withoutTrailingSlashes(String(trimmed[..<slash]))
    return parent.isEmpty ? "/" : parent
  }

  /// The last part of a path: `a/b/` -> `b`.
  package static func name(of path: String) -> String {
    let trimmed = withoutTrailingSlashes(path)
    guard let slash = trimmed.lastIndex(of: "/"), trimmed != "/" else { return trimmed }
    return String(trimmed[trimmed.index(after: slash)...])
  }

  private static func withoutTrailingSlashes(_ path: String) -> String {
    var text = Substring(path)
    while text.count > 1 && text.hasSuffix("/") { text = text.dropLast() }
    return String(text)
  }
}
