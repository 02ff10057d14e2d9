/// CRC-32C (Castagnoli's polynomial, iSCSI's: RFC 3720, appendix B.4) and what TensorFlow's record
/// files make of it.
package enum MaskedChecksum {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { sum, _ in
      sum & 1 == 1 ? sum >> 1 ^ 0x82F6_3B78 : sum >> 1
    }
  }

  /// The checksum of bytes.
  package static func crc32c(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { sum, byte in
      table[Int((sum ^ UInt32(byte)) & 0xFF)] ^ sum >> 8
    }
  }

  /// The checksum turned right by 15 bits plus a constant: the sum of bytes that hold a sum
  /// themselves says nothing of them.
  package static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
    let sum = crc32c(bytes)
    return (sum >> 15 | sum << 17) &+ 0xA282_EAD8
  }
}
