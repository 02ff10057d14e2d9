import Base
import Storage

/// An array in the format of MNIST's files, of any of its element types and up to 255 dimensions,
/// plain or compressed with gzip.
///
/// A magic number 0, 0, element type, dimension count; each size as a big-endian 32-bit number; the
/// elements, big-endian, last dimension fastest.
final class IDXArray: ArrayField {
  /// The element types by their numbers.
  static let types: [UInt8: ElementType] = [
    0x08: .uint8, 0x09: .int8, 0x0B: .int16, 0x0C: .int32, 0x0D: .float32, 0x0E: .float64,
  ]

  let path: String
  let type: ElementType
  let isBigEndian = true
  let sizes: [Int]
  let offset: Int?
  private let count: Int
  private let headerBytes: Int
  private let total: Int

  var name: String { path }
  var rows: Int? { count }

  init(path: String) throws {
    self.path = path
    let file = try DecompressedFile(path: path)
    var start: [UInt8] = []
    _ = try file.read(upTo: 4, appendingTo: &start)
    guard start.count == 4, let type = Self.types[start[2]], start[3] > 0 else {
      throw Fault("\(path): is no IDX file of an array")
    }
    self.type = type
    let dimensions = Int(start[3])
    headerBytes = 4 + 4 * dimensions
    _ = try file.read(upTo: 4 * dimensions, appendingTo: &start)
    guard start.count == headerBytes else { throw Fault("\(path): truncated within its header") }
    let shape = (1...dimensions).map { index in
      start[4 * index..<4 * index + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    guard let total = checkedProduct([type.byteCount] + shape), 1...1 << 60 ~= total else {
      let claim = shape.map(String.init).joined(separator: " x ")
      throw Fault("\(path): its header says \(claim) elements")
    }
    self.total = total
    count = shape[0]
    sizes = Array(shape.dropFirst())
    let size = try FileSystem.fileSize(path)
    offset = file.isCompressed ? nil : headerBytes
    guard offset == nil || size == headerBytes + total else {
      throw Fault(
        "\(path): its header says \(total) bytes of elements, found \(size - headerBytes)")
    }
  }

  func read(rows: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Int {
    let file = try DecompressedFile(path: path)
    var header: [UInt8] = []
    _ = try file.read(upTo: headerBytes, appendingTo: &header)
    var filter = RowFilter(rows, bytes: rowBytes)
    try file.forEachPiece(of: total, name: path) { try body(filter.next($0)) }
    return count
  }
}
