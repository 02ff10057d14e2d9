/// The beginning of a NumPy array's file.
///
/// Format version 1.0 (numpy.lib.format): a magic string, the header's length, a Python literal
/// that tells type, order and shape, and spaces up to a multiple of 64 bytes.
package struct NumPyPreamble {
  package let bytes: [UInt8]
  /// Bytes of header and elements.
  package let fileSize: Int

  /// - Parameters:
  ///   - type: Of the elements, little-endian.
  ///   - shape: The sizes, the slowest first.
  package init(_ type: ElementType, shape: [Int]) {
    guard let name = type.numpyCode else { preconditionFailure("no numpy type for \(type)") }
    // A byte has no order.
    let code = (type.byteCount == 1 ? "|" : "<") + name
    // A tuple of one has a comma.
    let sizes = shape.map { "\($0)," }.joined(separator: " ")
    let text = "{'descr': '\(code)', 'fortran_order': False, 'shape': (\(sizes)), }"
    let start: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
    let room = (64 - (start.count + 2 + text.utf8.count + 1) % 64) % 64
    let header = Array(text.utf8) + [UInt8](repeating: 0x20, count: room) + [0x0A]
    bytes =
      start + [UInt8(truncatingIfNeeded: header.count), UInt8(header.count >> 8)] + header
    fileSize = bytes.count + shape.reduce(type.byteCount, *)
  }
}
