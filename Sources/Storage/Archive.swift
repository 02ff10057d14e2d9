import Base

/// The files of a tar or zip archive that lies in memory.
///
/// Nothing is unpacked to the disk: a file's name is a key, whatever folders it claims.
package enum Archive {
  /// The contents of the regular files whose names `key` takes.
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
    in bytes: [UInt8], format: ArchiveReader.Format, path: String, limit: Int = .max,
    key: (String) -> String?
  ) throws -> [String: [UInt8]] {
    try bytes.withUnsafeBytes { memory in
      let archive = try ArchiveReader(
        path: path, format: format, memory: memory, advice: "download it again")
      var found: [String: [UInt8]] = [:]
      var left = memory.count
      while let file = try archive.next() {
        guard let name = key(file.name) else { continue }
        let size = file.size ?? 0
        guard size >= 0, size <= min(limit, left) else {
          throw Fault("\(path): \(name): \(size) bytes", advice: "is it the published file?")
        }
        left -= size
        try MemoryLimit.require(size, for: path)
        guard found.updateValue(try contents(of: archive, size, name, path), forKey: name) == nil
        else {
          throw Fault("\(path): \(name) is there twice", advice: "is it the published file?")
        }
      }
      return found
    }
  }

  private static func contents(
    of archive: ArchiveReader, _ size: Int, _ name: String, _ path: String
  ) throws -> [UInt8] {
    var contents = [UInt8](repeating: 0, count: size)
    let got = try contents.withUnsafeMutableBytes { size == 0 ? 0 : try archive.read(into: $0) }
    // Behind the last byte a zip's checksum is compared.
    var more: UInt8 = 0
    let rest = try withUnsafeMutableBytes(of: &more) { try archive.read(into: $0) }
    guard got == size, rest == 0 else {
      throw Fault(
        "\(path): \(name) has \(size) bytes, \(got)\(rest == 0 ? "" : " and more") are there",
        advice: "download it again")
    }
    return contents
  }
}
