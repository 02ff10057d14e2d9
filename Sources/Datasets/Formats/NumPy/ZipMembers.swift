import Base
import Foundation

/// One file of a zip archive after the other, read from the front by libarchive, which unpacks
/// stored and deflated ones and compares their checksums.
///
/// A member is never in memory as a whole, and nothing is unpacked to the disk.
final class ZipMembers {
  private let path: String
  private let library: Library
  private let archive: OpaquePointer

  /// - Throws: `Fault` where the file cannot be opened, or is no zip archive.
  init(path: String) throws {
    self.path = path
    library = try Library.loaded.get()
    guard let archive = library.makeReader() else { throw Fault("\(path): out of memory") }
    self.archive = archive
    var status = library.readsZip(archive)
    if status == Library.ok { status = library.open(archive, path, 1 << 17) }
    guard status == Library.ok else { throw unreadable }
  }

  deinit { _ = library.freeReader(archive) }

  /// Goes to the next regular file.
  ///
  /// - Returns: Its name and, where the archive says it, its bytes; nil behind the last one.
  /// - Throws: `Fault` where the archive is damaged.
  func next() throws -> (name: String, size: Int?)? {
    while true {
      var entry: OpaquePointer?
      let status = library.nextHeader(archive, &entry)
      if status == Library.end { return nil }
      guard status == Library.ok, let entry else { throw unreadable }
      guard let name = library.name(entry), library.type(entry) == S_IFREG else { continue }
      let size = library.hasSize(entry) != 0 ? Int(library.size(entry)) : nil
      return (String(cString: name), size)
    }
  }

  /// Overwrites `output` with the next bytes of the file.
  ///
  /// - Parameter output: Where they go; not empty.
  /// - Returns: How many came, 0 at the file's end only.
  /// - Throws: `Fault` where the archive is damaged.
  func read(into output: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = library.read(archive, output.baseAddress, output.count)
    guard count >= 0 else { throw unreadable }
    return count
  }

  private var unreadable: Fault {
    let reason = library.message(archive).map { String(cString: $0) } ?? "unknown error"
    return Fault("\(path): damaged, or no zip archive: \(reason.filter { !$0.isNewline })")
  }

  /// The functions of libarchive that reading takes, loaded by the first archive.
  private struct Library: Sendable {
    static let loaded = Result { try Library() }
    /// `ARCHIVE_OK` and `ARCHIVE_EOF`.
    static let (ok, end): (Int32, Int32) = (0, 1)

    let makeReader: @convention(c) () -> OpaquePointer?
    let freeReader: @convention(c) (OpaquePointer) -> Int32
    let readsZip: @convention(c) (OpaquePointer) -> Int32
    let open: @convention(c) (OpaquePointer, UnsafePointer<CChar>?, Int) -> Int32
    let nextHeader: @convention(c) (OpaquePointer, UnsafeMutablePointer<OpaquePointer?>) -> Int32
    let name: @convention(c) (OpaquePointer) -> UnsafePointer<CChar>?
    let type: @convention(c) (OpaquePointer) -> mode_t
    let hasSize: @convention(c) (OpaquePointer) -> Int32
    let size: @convention(c) (OpaquePointer) -> Int64
    let read: @convention(c) (OpaquePointer, UnsafeMutableRawPointer?, Int) -> Int
    let message: @convention(c) (OpaquePointer) -> UnsafePointer<CChar>?

    init() throws {
      let library = try SharedLibrary(.archive)
      makeReader = try library.function("archive_read_new")
      freeReader = try library.function("archive_read_free")
      // By the directory at its end: what another program has left between the files is no file.
      readsZip = try library.function("archive_read_support_format_zip_seekable")
      open = try library.function("archive_read_open_filename")
      nextHeader = try library.function("archive_read_next_header")
      name = try library.function("archive_entry_pathname")
      type = try library.function("archive_entry_filetype")
      hasSize = try library.function("archive_entry_size_is_set")
      size = try library.function("archive_entry_size")
      read = try library.function("archive_read_data")
      message = try library.function("archive_error_string")
    }
  }
}
