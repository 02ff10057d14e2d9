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

  /// Opens the file at `path`, plain or compressed with gzip, whatever its name ends in.
  ///
  /// Only the header is read at first, and then what it takes for the first samples: what lies
  /// behind those is not looked at, a compressed file's checksum neither. Memory grows with the
  /// bytes that are there: a header that claims 2^64 of them costs nothing.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - content: What it is expected to hold.
  /// - Returns: What there is of the slowest dimension: images, or labels.
  /// - Throws: `Fault` if the file cannot be read or unpacked, has another magic number or
  ///   an empty dimension; where samples are taken also if it has fewer bytes than they need, and
  ///   where all are taken if it has more than its header says.
  package static func open(
    _ path: String, content: Content
  ) throws -> AvailableSamples<IDXFile> {
    let header = try Header(DecompressedFile(path: path), content: content, path: path)
    return AvailableSamples(count: header.dimensions[0]) { count in
      try read(path, header, first: count)
    }
  }

  private static func read(_ path: String, _ header: Header, first count: Int) throws -> IDXFile {
    let file = try DecompressedFile(path: path)
    var skipped: [UInt8] = []
    _ = try file.read(upTo: header.size, appendingTo: &skipped)
    let wanted = (header.total - header.size) / header.dimensions[0] * count
    var elements: [UInt8] = []
    // What the file cannot hold is found out by reading it; else the array need not be copied as
    // it grows.
    if wanted <= file.mostBytes {
      try MemoryLimit.require(wanted, for: path)
      elements.reserveCapacity(wanted)
    }
    let found = try file.read(upTo: wanted, appendingTo: &elements)
    guard found == wanted else {
      throw truncated(
        path, expected: "the header says \(header.total) bytes", found: header.size + found)
    }
    if count == header.dimensions[0] {
      // Also reads what follows the last byte: the checksum, if the file is compressed.
      var rest: [UInt8] = []
      guard try file.read(upTo: 1, appendingTo: &rest) == 0 else {
        throw Fault(
          "\(path): trailing bytes: the header says \(header.total) bytes (\(header.sizes) "
            + "elements), the file has more", advice: "download it again")
      }
    }
    return IDXFile(dimensions: [count] + header.dimensions.dropFirst(), elements: elements)
  }

  /// What stands in front of the elements.
  private struct Header {
    var dimensions: [Int]
    /// Bytes of the header.
    var size: Int
    /// Bytes of the whole file, unpacked.
    var total: Int

    /// The dimensions, for messages.
    var sizes: String { dimensions.map(String.init).joined(separator: " x ") }

    init(_ file: DecompressedFile, content: Content, path: String) throws {
      size = 4 + 4 * content.dimensionCount
      var bytes: [UInt8] = []
      _ = try file.read(upTo: 4, appendingTo: &bytes)
      guard bytes.count == 4 else {
        throw truncated(path, expected: "an IDX header has \(size) bytes", found: bytes.count)
      }
      try check(magic: word(bytes, at: 0), content: content, path: path)
      _ = try file.read(upTo: size - 4, appendingTo: &bytes)
      guard bytes.count == size else {
        throw truncated(path, expected: "an IDX header has \(size) bytes", found: bytes.count)
      }
      dimensions = (1...content.dimensionCount).map { Int(word(bytes, at: 4 * $0)) }
      total = 0
      guard !dimensions.contains(0) else {
        throw Fault("\(path): empty: the header says \(sizes) elements")
      }
      guard let elements = checkedProduct(dimensions), elements <= Int.max - size else {
        throw Fault("\(path): impossible size: the header says \(sizes) elements")
      }
      total = elements + size
    }
  }

  private static func check(magic: UInt32, content: Content, path: String) throws {
    guard magic != content.rawValue else { return }
    let found: String
    switch magic {
    case Content.images.rawValue:
      found = "this is an image file"
    case Content.labels.rawValue:
      found = "this is a label file"
    case _ where magic >> 24 == 0x3C:
      found = "it begins with \"<\": a web page saved in place of the file?"
    case _ where magic >> 16 == 0 && magic >> 8 != 8:
      found = "only unsigned bytes (type 08) are read here, other types by data.source: array"
    default:
      found = "is it an IDX file?"
    }
    throw Fault(
      "\(path): wrong magic number: found \(hexadecimal(magic)), "
        + "expected \(hexadecimal(content.rawValue)) (\(content))", advice: found)
  }

  private static func truncated(_ path: String, expected: String, found: Int) -> Fault {
    Fault(
      "\(path): truncated: \(expected), the file has \(found)", advice: "download it again")
  }

  private static func word(_ bytes: [UInt8], at offset: Int) -> UInt32 {
    bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
  }

  private static func hexadecimal(_ value: UInt32) -> String {
    "0x" + value.padded(to: 8, radix: 16).uppercased()
  }
}
