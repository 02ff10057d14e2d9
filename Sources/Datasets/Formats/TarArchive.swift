import CArchive
import Foundation

/// The files of a tar archive that lies in memory, by libarchive.
enum TarArchive {
  /// The contents of the regular files whose names, without their folders, `wanted` takes.
  ///
  /// - Parameters:
  ///   - bytes: the archive, not compressed.
  ///   - path: for messages.
  ///   - limit: bytes of one file that are the most.
  ///   - wanted: whether a file of this name is read.
  /// - Returns: bytes by name.
  /// - Throws: `DatasetError` if it is no tar archive, ends too early, has a name twice or a file
  ///   larger than `limit`.
  static func files(
    in bytes: [UInt8], path: String, limit: Int, wanted: (String) -> Bool
  ) throws -> [String: [UInt8]] {
    try bytes.withUnsafeBytes { memory in
      guard let archive = archive_read_new() else { throw DatasetError("\(path): out of memory") }
      defer { archive_read_free(archive) }
      var status = archive_read_support_format_tar(archive)
      if status == ARCHIVE_OK {
        status = archive_read_open_memory(archive, memory.baseAddress, memory.count)
      }
      var found: [String: [UInt8]] = [:]
      while status == ARCHIVE_OK {
        var entry: OpaquePointer?
        status = archive_read_next_header(archive, &entry)
        if status == ARCHIVE_EOF { return found }
        guard status == ARCHIVE_OK, let entry else { break }
        guard let pointer = archive_entry_pathname(entry),
          archive_entry_filetype(entry) == S_IFREG
        else { continue }
        let name = String(cString: pointer).split(separator: "/").last.map(String.init) ?? ""
        guard wanted(name) else { continue }
        let size = Int(archive_entry_size(entry))
        guard size >= 0, size <= min(limit, memory.count) else {
          throw DatasetError("\(path): \(name): \(size) bytes; is it the published file?")
        }
        var contents = [UInt8](repeating: 0, count: size)
        let got = contents.withUnsafeMutableBytes {
          archive_read_data(archive, $0.baseAddress, size)
        }
        guard got == size else {
          throw DatasetError(
            "\(path): truncated: \(name) has \(size) bytes, \(max(got, 0)) are there; "
              + "download it again")
        }
        guard found.updateValue(contents, forKey: name) == nil else {
          throw DatasetError("\(path): \(name) is there twice; is it the published file?")
        }
      }
      let reason = archive_error_string(archive).map { String(cString: $0) } ?? "unknown error"
      throw DatasetError("\(path): not a readable tar archive: \(reason); download it again")
    }
  }
}
