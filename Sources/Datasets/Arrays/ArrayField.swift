import Base
import Storage

/// An array of a file, opened but not read: its first index counts samples.
protocol ArrayField: AnyObject {
  var path: String { get }
  /// The file and, where it has several, the array's name: for messages.
  var name: String { get }
  var type: ElementType { get }
  var isBigEndian: Bool { get }
  /// The sizes of one sample; empty for one number.
  var sizes: [Int] { get }
  /// Samples; nil where only reading to the end tells.
  var rows: Int? { get }
  /// Whether the first index is the fastest in the file: then it is read as a whole.
  var isFortranOrdered: Bool { get }
  /// Where the elements begin in the file, one after the other as they are; nil where they have to
  /// be read.
  var offset: Int? { get }
  /// The columns' names, of a table.
  var columns: [String]? { get }

  /// Reads samples.
  ///
  /// - Parameters:
  ///   - rows: Which; those that are not there are none. Of an array in Fortran's order all.
  ///   - body: Takes the elements of some of them, in the file's order.
  /// - Returns: The samples of the array, or as many of them as were looked at.
  /// - Throws: `Fault` where the file is damaged, and what `body` throws.
  func read(rows: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Int
}

extension ArrayField {
  var isFortranOrdered: Bool { false }
  var columns: [String]? { nil }

  /// Bytes of a sample.
  var rowBytes: Int { sizes.reduce(type.byteCount, *) }
}

/// What kind of file arrays are in.
enum ArrayFormat: Equatable {
  case npy, npz, hdf5, idx, csv

  /// Finds out by the first bytes.
  init(path: String) throws {
    let file = try DecompressedFile(path: path)
    var start: [UInt8] = []
    _ = try file.read(upTo: 2056, appendingTo: &start)
    func starts(_ bytes: [UInt8], at offset: Int = 0) -> Bool {
      start.dropFirst(offset).starts(with: bytes)
    }
    // What the user keeps in front of an HDF5 file has 512 bytes, or a power of two times as many.
    if [0, 512, 1024, 2048].contains(where: { starts(HDF5File.signature, at: $0) }) {
      self = .hdf5
    } else if starts(NumPyHeader.magic) {
      self = .npy
    } else if starts([0x50, 0x4B, 3, 4]) || starts([0x50, 0x4B, 5, 6]) {
      self = .npz
    } else if starts([0, 0]), start.count > 3, IDXArray.types[start[2]] != nil {
      self = .idx
    } else if !start.isEmpty, !start.contains(0) {
      self = .csv
    } else {
      throw Fault(
        "\(path): no file of arrays: expected NumPy's .npy or .npz, HDF5, CSV or IDX")
    }
  }

  /// As people say it.
  var text: String {
    switch self {
    case .npy, .npz: "a .\(self) file"
    case .hdf5: "an HDF5 file"
    case .idx: "an IDX file"
    case .csv: "a table"
    }
  }

  /// Whether a file has several arrays, with a name each.
  var hasNames: Bool { self == .npz || self == .hdf5 || self == .csv }

  /// Opens an array.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - names: Of the array, of a table's columns any number of them; empty for the file's only
  ///     one, of a table all columns but `others`.
  ///   - others: Columns that are something else.
  /// - Returns: The array, not read.
  /// - Throws: `Fault` where there is none.
  func open(path: String, names: [String], others: [String] = []) throws -> any ArrayField {
    guard self == .csv || names.count <= 1 else {
      throw Fault("\(path): found \(names.count) names; only a table's columns are taken together")
    }
    switch self {
    case .npy: return try NumPyField(path: path, array: nil)
    case .npz: return try NumPyField(path: path, array: names.first)
    case .idx: return try IDXArray(path: path)
    case .csv: return try CSVTable(path: path, columns: names, others: others)
    case .hdf5:
      try HDF5File.tryOut(path, array: names.first)
      let file = try HDF5File(path: path)
      let found = file.names
      guard let name = names.first ?? (found.count == 1 ? found[0] : nil) else {
        throw Fault(
          "\(path): holds \(found.joined(separator: ", ").onOneLine); expected the name of one of "
            + "them",
          parameter: "samples")
      }
      return HDF5Field(try file.array(name), path: path)
    }
  }
}

/// Takes the bytes of some rows of an array that is read from its first on.
struct RowFilter {
  private let wanted: Range<Int>
  private var position = 0

  /// - Parameters:
  ///   - rows: The rows.
  ///   - bytes: Of a row.
  init(_ rows: Range<Int>, bytes: Int) {
    let (low, isLow) = rows.lowerBound.multipliedReportingOverflow(by: bytes)
    let (high, isHigh) = rows.upperBound.multipliedReportingOverflow(by: bytes)
    wanted = (isLow ? Int.max : low)..<(isHigh ? Int.max : high)
  }

  /// Whether all of them have come.
  var isDone: Bool { position >= wanted.upperBound }

  /// The part of the next bytes that is wanted.
  mutating func next(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let here = position..<position + bytes.count
    position += bytes.count
    let part = here.clamped(to: wanted)
    guard !part.isEmpty else { return UnsafeRawBufferPointer(rebasing: bytes[0..<0]) }
    return UnsafeRawBufferPointer(
      rebasing: bytes[part.lowerBound - here.lowerBound..<part.upperBound - here.lowerBound])
  }
}

/// An array of a `.npy` or `.npz` file.
final class NumPyField: ArrayField {
  let path: String
  private let reader: NumPyReader

  init(path: String, array: String?) throws {
    self.path = path
    reader = try NumPyReader(path: path, array: array)
    guard !reader.header.shape.isEmpty else {
      throw Fault("\(reader.name): one number; expected an array")
    }
  }

  var name: String { reader.name }
  var type: ElementType { reader.header.type }
  var isBigEndian: Bool { reader.header.isBigEndian }
  var sizes: [Int] { Array(reader.header.shape.dropFirst()) }
  var rows: Int? { reader.header.shape[0] }
  var isFortranOrdered: Bool { reader.header.isFortranOrdered && reader.header.shape.count > 1 }
  var offset: Int? { reader.offset }

  func read(rows: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Int {
    let count = reader.header.shape[0]
    var filter = RowFilter(isFortranOrdered ? 0..<count : rows, bytes: rowBytes)
    try reader.forEachPiece { try body(filter.next($0)) }
    return count
  }
}

/// A data set of an HDF5 file.
final class HDF5Field: ArrayField {
  let path: String
  private let array: HDF5Array

  init(_ array: HDF5Array, path: String) {
    self.path = path
    self.array = array
  }

  var name: String { array.name }
  var type: ElementType { array.type }
  var isBigEndian: Bool { array.isBigEndian }
  var sizes: [Int] { Array(array.shape.dropFirst()) }
  var rows: Int? { array.shape[0] }
  var offset: Int? { array.offset }

  func read(rows: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Int {
    let count = array.shape[0]
    try array.read(rows: rows.clamped(to: 0..<count), body)
    return count
  }
}
