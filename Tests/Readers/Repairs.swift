import TestSupport

/// Files whose checksums fit what they hold: damage would be found by these alone otherwise.

/// A file that ends in the CRC-32, little-endian, of all before.
func withFinalChecksum(_ bytes: some Collection<UInt8>) -> [UInt8] {
  let content = Array(bytes.dropLast(4))
  return content + littleEndian(crc32(content))
}

/// A PNG file with the checksum of each chunk (PNG specification, section 5.3).
func withPNGChecksums(_ bytes: [UInt8]) -> [UInt8] {
  var bytes = bytes
  var position = 8
  while position + 12 <= bytes.count {
    let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
    guard length <= bytes.count - position - 12 else { break }
    let end = position + 8 + length
    bytes.replaceSubrange(
      end..<end + 4, with: littleEndian(crc32(bytes[position + 4..<end])).reversed())
    position = end + 4
  }
  return bytes
}

/// A tar archive with the checksum of each header: the sum of its bytes, those of the checksum's
/// own field being blanks.
func withTarChecksums(_ bytes: [UInt8]) -> [UInt8] {
  var bytes = bytes
  var position = 0
  // Zeros end an archive.
  while position + 512 <= bytes.count, bytes[position..<position + 512].contains(where: { $0 != 0 })
  {
    for index in 148..<156 { bytes[position + index] = UInt8(ascii: " ") }
    let sum = bytes[position..<position + 512].reduce(0) { $0 + Int($1) }
    let digits = String(sum, radix: 8).utf8
    bytes.replaceSubrange(
      position + 148..<position + 155,
      with: [UInt8](repeating: UInt8(ascii: "0"), count: 6 - digits.count) + digits + [0])
    let size = bytes[position + 124..<position + 136].prefix { 48...55 ~= $0 }
      .reduce(0) { $0 << 3 | Int($1 - 48) }
    position += 512 + (size + 511) / 512 * 512
  }
  return bytes
}
