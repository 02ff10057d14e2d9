import Storage

/// The CRC-32 of `bytes`, by zlib.
package func crc32(_ bytes: some Collection<UInt8>) -> UInt32 {
  Array(bytes).withUnsafeBytes { FileSystem.crc32($0) }
}

/// The bytes of a number, the lowest first.
package func littleEndian(_ word: UInt32) -> [UInt8] {
  (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
}

/// A gzip file that stores `bytes` in one block without compression (RFC 1951, section 3.2.4).
package func gzip(_ bytes: [UInt8]) -> [UInt8] {
  let length = UInt16(bytes.count)
  let block: [UInt8] = [1] + littleEndian(UInt32(length) | UInt32(~length) << 16) + bytes
  return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF] + block + littleEndian(crc32(bytes))
    + littleEndian(UInt32(bytes.count))
}
