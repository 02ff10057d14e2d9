import CArchive
import Foundation

/// The bytes of a file that may be compressed with gzip, read from the front by libarchive.
///
/// Only gzip is unpacked: libarchive's other filters may start programs (`lrzip`, `grzip`) because
/// of what a downloaded file begins with.
struct DecompressedFile: ~Copyable {
  private let archive: OpaquePointer
  private let path: String
  /// A file without a byte has no entry to read from.
  private let isEmpty: Bool

  /// Opens the file at `path`; throws if it cannot be read or its compression has no valid start.
  init(path: String) throws {
    guard let archive = archive_read_new() else {
      throw DatasetError("\(path): out of memory")
    }
    var status = archive_read_support_filter_gzip(archive)
    if status == ARCHIVE_OK { status = archive_read_support_format_raw(archive) }
    if status == ARCHIVE_OK { status = archive_read_support_format_empty(archive) }
    if status == ARCHIVE_OK { status = archive_read_open_filename(archive, path, 1 << 17) }
    var entry: OpaquePointer?
    if status == ARCHIVE_OK { status = archive_read_next_header(archive, &entry) }
    guard status == ARCHIVE_OK || status == ARCHIVE_EOF else {
      defer { archive_read_free(archive) }
      throw Self.error(archive, path: path, position: 0)
    }
    self.archive = archive
    self.path = path
    isEmpty = status == ARCHIVE_EOF
  }

  deinit { archive_read_free(archive) }

  /// Appends up to `limit` further bytes to `bytes` and returns how many.
  ///
  /// Less than `limit` only at the end. The array grows with what is really there, not with what
  /// was asked for.
  func read(upTo limit: Int, appendingTo bytes: inout [UInt8]) throws -> Int {
    if isEmpty { return 0 }
    var chunk = [UInt8](repeating: 0, count: min(limit, 1 << 20))
    var total = 0
    while total < limit {
      let wanted = min(chunk.count, limit - total)
      let got = chunk.withUnsafeMutableBytes { archive_read_data(archive, $0.baseAddress, wanted) }
      guard got >= 0 else {
        throw Self.error(archive, path: path, position: bytes.count)
      }
      if got == 0 { break }
      bytes.append(contentsOf: chunk[..<got])
      total += got
    }
    return total
  }

  /// Everything that the file at `path` unpacks to, its gzip checksum compared.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - limit: bytes that are the most; what unpacks to more is refused.
  /// - Returns: the bytes.
  /// - Throws: `DatasetError` if the file cannot be read, is damaged or too large.
  static func contents(of path: String, limit: Int) throws -> [UInt8] {
    let file = try DecompressedFile(path: path)
    var bytes: [UInt8] = []
    // Room for a file that is not compressed, so that the array is not copied as it grows.
    bytes.reserveCapacity(min(limit, Int(fileSize(path))) + 1)
    guard try file.read(upTo: limit + 1, appendingTo: &bytes) <= limit else {
      throw DatasetError("\(path): more than \(limit) bytes unpacked; is it the published file?")
    }
    if let trailer = try GzipTrailer(path: path), !trailer.matches(bytes) {
      throw DatasetError(
        "\(path): corrupt: the gzip checksum does not fit the \(bytes.count) bytes; "
          + "download it again")
    }
    return bytes
  }

  private static func fileSize(_ path: String) -> Int64 {
    var status = stat()
    return stat(path, &status) == 0 ? Int64(status.st_size) : 0
  }

  /// What went wrong, `position` bytes into the unpacked data: the file system, or the compression.
  private static func error(
    _ archive: OpaquePointer, path: String, position: Int
  ) -> DatasetError {
    // Positive numbers are the system's, but for EILSEQ: libarchive's "wrong format".
    let number = archive_errno(archive)
    if number > 0 && number != EILSEQ {
      return DatasetError("\(path): cannot be read: \(String(cString: strerror(number)))")
    }
    let reason = archive_error_string(archive).map { String(cString: $0) } ?? "unknown error"
    return DatasetError(
      "\(path): corrupt after \(position) bytes: \(reason); download it again")
  }
}
