import Base
import Foundation

/// The files of a tar or zip archive that lies in memory, by libarchive.
///
/// Nothing is unpacked to the disk: a file's name is a key, whatever folders it claims.
package enum Archive {
  package enum Format: String, Sendable {
    case tar, zip
  }

  /// The contents of the regular files whose names `wanted` takes.
  ///
  /// Together they have no more bytes than the archive: neither format need be compressed here.
  ///
  /// - Parameters:
  ///   - bytes: The archive; a tar not compressed.
  ///   - format: What it is.
  ///   - path: For messages.
  ///   - limit: Bytes of one file that are the most.
  ///   - key: The key of a file from its name in the archive; nil for one that is not read.
  /// - Returns: Bytes by key.
  /// - Throws: `Fault` if it is no such archive, ends too early, has a key twice or a file
  ///   larger than `limit`; `Fault` without libarchive.
  package static func files(
    in bytes: [UInt8], format: Format, path: String, limit: Int = .max,
    key: (String) -> String?
  ) throws -> [String: [UInt8]] {
    let library = try Library.loaded.get()
    return try bytes.withUnsafeBytes { memory in
      guard let archive = library.makeReader() else { throw Fault("\(path): out of memory") }
      defer { _ = library.freeReader(archive) }
      var status = format == .tar ? library.readsTar(archive) : library.readsZip(archive)
      if status == Library.ok {
        status = library.open(archive, memory.baseAddress, memory.count)
      }
      var found: [String: [UInt8]] = [:]
      var left = memory.count
      while status == Library.ok {
        var entry: OpaquePointer?
        status = library.nextHeader(archive, &entry)
        if status == Library.end { return found }
        guard status == Library.ok, let entry else { break }
        guard let pointer = library.name(entry),
          library.type(entry) == S_IFREG
        else { continue }
        guard let name = key(String(cString: pointer)) else { continue }
        let size = Int(library.size(entry))
        guard size >= 0, size <= min(limit, left) else {
          throw Fault("\(path): \(name): \(size) bytes; is it the published file?")
        }
        left -= size
        try MemoryLimit.require(size, for: path)
        var contents = [UInt8](repeating: 0, count: size)
        let got = contents.withUnsafeMutableBytes {
          library.read(archive, $0.baseAddress, size)
        }
        guard got == size else {
          throw Fault(
            "\(path): truncated: \(name) has \(size) bytes, \(max(got, 0)) are there; "
              + "download it again")
        }
        // Behind the last byte a zip's checksum is compared.
        var more: UInt8 = 0
        guard library.read(archive, &more, 1) == 0 else { break }
        guard found.updateValue(contents, forKey: name) == nil else {
          throw Fault("\(path): \(name) is there twice; is it the published file?")
        }
      }
      let reason = library.message(archive).map { String(cString: $0) } ?? "unknown error"
      throw Fault(
        "\(path): not a readable \(format.rawValue) archive: \(reason); download it again")
    }
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
    let open: @convention(c) (OpaquePointer, UnsafeRawPointer?, Int) -> Int32
    let nextHeader: @convention(c) (OpaquePointer, UnsafeMutablePointer<OpaquePointer?>) -> Int32
    let name: @convention(c) (OpaquePointer) -> UnsafePointer<CChar>?
    let type: @convention(c) (OpaquePointer) -> mode_t
    let size: @convention(c) (OpaquePointer) -> Int64
    let read: @convention(c) (OpaquePointer, UnsafeMutableRawPointer?, Int) -> Int
    let message: @convention(c) (OpaquePointer) -> UnsafePointer<CChar>?

    init() throws {
      let library = try SharedLibrary(.archive)
      makeReader = try library.function("archive_read_new")
      freeReader = try library.function("archive_read_free")
      readsTar = try library.function("archive_read_support_format_tar")
      readsZip = try library.function("archive_read_support_format_zip_seekable")
      open = try library.function("archive_read_open_memory")
      nextHeader = try library.function("archive_read_next_header")
      name = try library.function("archive_entry_pathname")
      type = try library.function("archive_entry_filetype")
      size = try library.function("archive_entry_size")
      read = try library.function("archive_read_data")
      message = try library.function("archive_error_string")
    }
  }
}
