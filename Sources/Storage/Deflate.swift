import Base
import CZlib

/// Bytes packed by zlib.
package enum Deflate {
  /// The bytes as a zlib stream (RFC 1950), as PDF's FlateDecode unpacks it.
  ///
  /// - Throws: `Fault` where there is no memory for it.
  package static func compressed(_ bytes: [UInt8]) throws -> [UInt8] {
    var size = compressBound(uLong(bytes.count))
    var packed = [UInt8](repeating: 0, count: Int(size))
    guard compress2(&packed, &size, bytes, uLong(bytes.count), Z_BEST_COMPRESSION) == Z_OK else {
      throw Fault("out of memory while \(bytes.count) bytes were packed")
    }
    packed.removeLast(packed.count - Int(size))
    return packed
  }
}
