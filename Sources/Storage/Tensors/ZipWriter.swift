import Base

/// Writes a zip archive of uncompressed files, one after the other, of any size.
///
/// PKWARE's APPNOTE 6.3.10: local headers, central directory, end record; the 64-bit forms of
/// sizes and places (sections 4.3.14, 4.5.3) where 32 bits do not hold them. A file's CRC-32 is
/// known behind its bytes: it stands in the directory and in a descriptor (section 4.3.9).
package final class ZipWriter {
  private struct Member {
    var name: [UInt8]
    var size: Int
    var crc32: UInt32 = 0
    var place: Int
    /// Bytes written so far.
    var written = 0
    var isWhole = false
  }

  private let file: OutputFile
  private var position = 0
  private var members: [Member] = []
  /// Bytes at whose multiples files begin; PyTorch maps those of 64.
  private let alignment: Int

  /// - Parameters:
  ///   - file: An empty file, open for writing.
  ///   - alignment: At whose multiples the files' bytes begin.
  package init(_ file: OutputFile, alignment: Int = 1) {
    self.file = file
    self.alignment = alignment
  }

  /// Begins a file, of which `size` bytes must be written next; for 0 an empty `write`.
  package func begin(_ name: String, size: Int) throws {
    precondition(members.last?.isWhole ?? true, "the file before is not whole")
    let member = Member(name: Array(name.utf8), size: size, place: position)
    let isLong = size >= Self.limit
    // Version 4.5 knows 64 bits; bit 3: the CRC-32 follows the bytes.
    var header = Bytes()
    header.add(0x0403_4B50, 4)
    header.add(isLong ? 45 : 20, 2)
    header.add(1 << 3, 2)
    header.add(0, 2)
    header.add(Self.date, 4)
    header.add(0, 4)
    header.add(isLong ? Self.limit : size, 4)
    header.add(isLong ? Self.limit : size, 4)
    header.add(member.name.count, 2)
    var extra = Bytes()
    if isLong { extra.addSizes([size, size]) }
    let start = position + header.values.count + 2 + member.name.count + extra.values.count
    let rest = (alignment - start % alignment) % alignment
    if rest > 0 {
      // A field of its own, with room for its four bytes.
      let count = rest < 4 ? rest + alignment : rest
      extra.add(0x4246, 2)
      extra.add(count - 4, 2)
      extra.values += [UInt8](repeating: 0, count: count - 4)
    }
    header.add(extra.values.count, 2)
    header.values += member.name + extra.values
    try write(header.values)
    members.append(member)
  }

  /// Writes bytes of the file that has begun.
  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    let last = members.count - 1
    precondition(last >= 0, "no file has begun")
    members[last].written += bytes.count
    members[last].crc32 = FileSystem.crc32(bytes, continuing: members[last].crc32)
    precondition(members[last].written <= members[last].size, "more bytes than were announced")
    try file.write(bytes)
    position += bytes.count
    guard members[last].written == members[last].size, !members[last].isWhole else { return }
    members[last].isWhole = true
    var descriptor = Bytes()
    descriptor.add(0x0807_4B50, 4)
    descriptor.add(Int(members[last].crc32), 4)
    let width = members[last].size >= Self.limit ? 8 : 4
    descriptor.add(members[last].size, width)
    descriptor.add(members[last].size, width)
    try write(descriptor.values)
  }

  /// Writes the directory; nothing may follow.
  package func finish() throws {
    let start = position
    for member in members {
      var entry = Bytes()
      let (isLong, isFar) = (member.size >= Self.limit, member.place >= Self.limit)
      let sizes = isLong ? [member.size, member.size] : []
      var extra = Bytes()
      if isLong || isFar { extra.addSizes(sizes + (isFar ? [member.place] : [])) }
      entry.add(0x0201_4B50, 4)
      entry.add(extra.values.isEmpty ? 20 : 45, 2)
      entry.add(extra.values.isEmpty ? 20 : 45, 2)
      entry.add(1 << 3, 2)
      entry.add(0, 2)
      entry.add(Self.date, 4)
      entry.add(Int(member.crc32), 4)
      entry.add(isLong ? Self.limit : member.size, 4)
      entry.add(isLong ? Self.limit : member.size, 4)
      entry.add(member.name.count, 2)
      entry.add(extra.values.count, 2)
      // No comment, first disk, no attributes.
      entry.add(0, 2 + 2 + 2)
      entry.add(0, 4)
      entry.add(isFar ? Self.limit : member.place, 4)
      try write(entry.values + member.name + extra.values)
    }
    try writeEnd(directory: start)
  }

  private func writeEnd(directory start: Int) throws {
    let end = position
    var record = Bytes()
    if start >= Self.limit || end - start >= Self.limit || members.count >= 0xFFFF {
      record.add(0x0606_4B50, 4)
      record.add(44, 8)
      record.add(45, 2)
      record.add(45, 2)
      record.add(0, 8)
      for value in [members.count, members.count, end - start, start] { record.add(value, 8) }
      record.add(0x0706_4B50, 4)
      record.add(0, 4)
      record.add(end, 8)
      record.add(1, 4)
    }
    record.add(0x0605_4B50, 4)
    record.add(0, 4)
    record.add(min(members.count, 0xFFFF), 2)
    record.add(min(members.count, 0xFFFF), 2)
    record.add(min(end - start, Self.limit), 4)
    record.add(min(start, Self.limit), 4)
    record.add(0, 2)
    try write(record.values)
  }

  private static let limit = 0xFFFF_FFFF
  /// Time 0 and the first day of the format, 1980-01-01: the same bytes every time.
  private static let date = 0x0021_0000

  private func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try file.write($0) }
    position += bytes.count
  }

  /// Little-endian numbers one after the other.
  private struct Bytes {
    var values: [UInt8] = []

    mutating func add(_ value: Int, _ count: Int) {
      values += (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// The extra field of 64-bit numbers.
    mutating func addSizes(_ sizes: [Int]) {
      add(1, 2)
      add(8 * sizes.count, 2)
      for size in sizes { add(size, 8) }
    }
  }
}
