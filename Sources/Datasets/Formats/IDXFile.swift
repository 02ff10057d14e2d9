import Base

/// An array of unsigned bytes in the format of MNIST's files (LeCun, Cortes and Burges,
/// "The MNIST database of handwritten digits"): a magic number 0, 0, element type, dimension count;
/// each size as a big-endian 32-bit number; the elements, last dimension fastest.
package struct IDXFile: Sendable, Equatable {
  /// What a file is expected to hold; the raw value is its magic number.
  package enum Content: UInt32, Sendable {
    /// count x height x width bytes.
    case images = 0x0000_0803
    /// count bytes.
    case labels = 0x0000_0801

    var dimensionCount: Int { Int(rawValue & 0xFF) }
  }

  /// The sizes, the slowest first: count, height, width for images.
  package var dimensions: [Int]
  /// As many bytes as the product of the dimensions.
  package var elements: [UInt8]

  /// Reads the file at `path`, plain or compressed with gzip, whatever its name ends in.
  ///
  /// Throws if the file cannot be read or unpacked, has another magic number, an empty dimension,
  /// or fewer or more bytes than its header says. Memory grows with the bytes that are there: a
  /// header that claims 2^64 of them costs nothing.
  package static func read(_ path: String, content: Content) throws -> IDXFile {
    let file = try DecompressedFile(path: path)
    let headerSize = 4 + 4 * content.dimensionCount
    var bytes: [UInt8] = []
    _ = try file.read(upTo: 4, appendingTo: &bytes)
    guard bytes.count == 4 else {
      throw truncated(path, expected: "an IDX header has \(headerSize) bytes", found: bytes.count)
    }
    try check(magic: word(bytes, at: 0), content: content, path: path)
    _ = try file.read(upTo: headerSize - 4, appendingTo: &bytes)
    guard bytes.count == headerSize else {
      throw truncated(path, expected: "an IDX header has \(headerSize) bytes", found: bytes.count)
    }
    let dimensions = (1...content.dimensionCount).map { Int(word(bytes, at: 4 * $0)) }
    let sizes = dimensions.map(String.init).joined(separator: " x ")
    guard !dimensions.contains(0) else {
      throw DatasetError("\(path): empty: the header says \(sizes) elements")
    }
    var expected = headerSize
    var overflowed = false
    var product = 1
    for dimension in dimensions where !overflowed {
      (product, overflowed) = product.multipliedReportingOverflow(by: dimension)
    }
    if !overflowed { (expected, overflowed) = product.addingReportingOverflow(headerSize) }
    guard !overflowed else {
      throw DatasetError("\(path): impossible size: the header says \(sizes) elements")
    }

    bytes.reserveCapacity(min(expected, 1 << 26))
    _ = try file.read(upTo: expected - headerSize, appendingTo: &bytes)
    guard bytes.count == expected else {
      throw truncated(path, expected: "the header says \(expected) bytes", found: bytes.count)
    }
    // Also reads what follows the last byte: the checksum, if the file is compressed.
    var rest: [UInt8] = []
    guard try file.read(upTo: 1, appendingTo: &rest) == 0 else {
      throw DatasetError(
        "\(path): trailing bytes: the header says \(expected) bytes (\(sizes) elements), "
          + "the file has more; download it again")
    }
    bytes.removeFirst(headerSize)
    return IDXFile(dimensions: dimensions, elements: bytes)
  }

  private static func check(magic: UInt32, content: Content, path: String) throws {
    guard magic != content.rawValue else { return }
    let found: String
    switch magic {
    case Content.images.rawValue:
      found = "; this is an image file"
    case Content.labels.rawValue:
      found = "; this is a label file"
    case _ where magic >> 24 == 0x3C:
      found = "; it begins with \"<\": a web page saved in place of the file?"
    case _ where magic >> 16 == 0 && magic >> 8 != 8:
      found = "; only unsigned bytes (type 08) are read"
    default:
      found = "; is it an IDX file?"
    }
    throw DatasetError(
      "\(path): wrong magic number: found \(hexadecimal(magic)), "
        + "expected \(hexadecimal(content.rawValue)) (\(content))\(found)")
  }

  private static func truncated(_ path: String, expected: String, found: Int) -> DatasetError {
    DatasetError("\(path): truncated: \(expected), the file has \(found); download it again")
  }

  private static func word(_ bytes: [UInt8], at offset: Int) -> UInt32 {
    bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
  }

  private static func hexadecimal(_ value: UInt32) -> String {
    "0x" + value.padded(to: 8, radix: 16).uppercased()
  }
}
