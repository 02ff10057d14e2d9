import Base
import Foundation

/// One file of a tar or zip archive after the other, read from the front by libarchive, which
/// unpacks stored and deflated ones and compares a zip's checksums.
///
/// A file is never in memory as a whole unless the caller keeps it, and nothing is unpacked to the
/// disk.
package final class ArchiveReader {
  package enum Format: String, Sendable {
    case tar, zip
  }

  private let path: String
  private let format: Format
  private let advice: String?
  private let library: Library
  private let archive: OpaquePointer

  /// Opens an archive.
  ///
  /// - Parameters:
  ///   - path: The file; with `memory` for messages only.
  ///   - format: What it is.
  ///   - memory: The archive, a tar not compressed, which must stay where it is; nil to read the
  ///     file.
  ///   - advice: Of the message about one that is damaged.
  /// - Throws: `Fault` where it cannot be opened or is no such archive, and without libarchive.
  package init(
    path: String, format: Format, memory: UnsafeRawBufferPointer? = nil, advice: String? = nil
  ) throws {
    self.path = path
    self.format = format
    self.advice = advice
    library = try Library.loaded.get()
    guard let archive = library.makeReader() else { throw Fault("\(path): out of memory") }
    self.archive = archive
    var status = format == .tar ? library.readsTar(archive) : library.readsZip(archive)
    if status == Library.ok {
      status =
        memory.map { library.openMemory(archive, $0.baseAddress, $0.count) }
        ?? library.openFile(archive, path, 1 << 17)
    }
    guard status == Library.ok else { throw unreadable }
  }

  deinit { _ = library.freeReader(archive) }

  /// Goes to the next regular file.
  ///
  /// - Returns: Its name and, where the archive says it, its bytes; nil behind the last one.
  /// - Throws: `Fault` where the archive is damaged.
  package func next() throws -> (name: String, size: Int?)? {
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
  package func read(into output: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = library.read(archive, output.baseAddress, output.count)
    guard count >= 0 else { throw unreadable }
    return count
  }

  private var unreadable: Fault {
    let reason = library.message(archive).map { String(cString: $0) } ?? "unknown error"
    return Fault(
      "\(path): damaged, or no \(format.rawValue) archive: \(reason.filter { !$0.isNewline })",
      advice: advice)
  }

  /// The functions of libarchive that reading takes, loaded by the first archive.
  private struct Library: Sendable {
    static let loaded = Result { try Library() }
    /// `ARCHIVE_OK` and `ARCHIVE_EOF`.
    static let (ok, end): (Int32, Int32) = (0, 1)

    let makeReader: @convention(c) () -> OpaquePointer?
    let freeReader: @convention(c) (OpaquePointer) -> Int32
    let readsTar: @convention(c) (OpaquePointer) -> Int32
    let readsZip: @convention(c) (OpaquePointer) -> Int32
    let openFile: @convention(c) (OpaquePointer, UnsafePointer<CChar>?, Int) -> Int32
    let openMemory: @convention(c) (OpaquePointer, UnsafeRawPointer?, Int) -> Int32
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
      readsTar = try library.function("archive_read_support_format_tar")
      // By the directory at its end: what another program has left between the files is no file.
      readsZip = try library.function("archive_read_support_format_zip_seekable")
      openFile = try library.function("archive_read_open_filename")
      openMemory = try library.function("archive_read_open_memory")
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
