import Base
import Storage

/// The header of NumPy's array format, versions 1 to 3 (NumPy Enhancement Proposal 1).
///
/// `\x93NUMPY`, a version of two bytes, the length of what follows in 2 or 4 bytes, and a Python
/// dictionary: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`. It is read by a
/// scanner of its own: nothing in it is executed.
package struct NumPyHeader: Sendable, Equatable {
  /// The first bytes of every file.
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  /// NumPy itself reads no more than 10,000 bytes of a header that it does not trust.
  private static let mostBytes = 1 << 16
  /// NumPy's own limit.
  private static let mostDimensions = 64

  package let type: ElementType
  package let isBigEndian: Bool
  /// Whether the first index is the fastest.
  package let isFortranOrdered: Bool
  /// The sizes; empty for a single number.
  package let shape: [Int]

  package var elementCount: Int { shape.reduce(1, *) }
  /// Of all elements.
  package var byteCount: Int { elementCount * type.byteCount }

  /// Reads what is in front of the elements.
  ///
  /// - Parameters:
  ///   - path: The file, for messages.
  ///   - read: Gives as many of the next bytes as it is asked for, fewer only at the end.
  /// - Throws: `Fault` where this is no header of an array of numbers.
  init(path: String, read: (_ count: Int) throws -> [UInt8]) throws {
    let start = try read(8)
    guard start.count == 8, start.starts(with: Self.magic) else {
      throw Fault("\(path): no NumPy array: its first bytes are others")
    }
    let version = start[6]
    guard (1...3).contains(version) else {
      throw Fault("\(path): version \(version).\(start[7]) of NumPy's format; 1 to 3 are read")
    }
    let length = try read(version == 1 ? 2 : 4)
    let size = length.reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length.count == (version == 1 ? 2 : 4), size <= Self.mostBytes else {
      throw Fault("\(path): its header has \(size) bytes; at most \(Self.mostBytes) are read")
    }
    let text = try read(size)
    guard text.count == size else { throw Fault("\(path): truncated within its header") }
    var scanner = PythonLiteralScanner(text, path: path)
    try self.init(&scanner, path: path)
  }

  private init(_ scanner: inout PythonLiteralScanner, path: String) throws {
    var (name, isFortran, sizes): (String?, Bool?, [Int]?) = (nil, nil, nil)
    try scanner.expect("{")
    while try !scanner.skip("}") {
      let key = try scanner.string()
      try scanner.expect(":")
      switch key {
      case "descr" where name == nil:
        guard try !scanner.isNext("[") else {
          throw Fault("\(path): an array of records; expected one of numbers")
        }
        name = try scanner.string()
      case "fortran_order" where isFortran == nil: isFortran = try scanner.boolean()
      case "shape" where sizes == nil: sizes = try scanner.integers(most: Self.mostDimensions)
      default: throw scanner.fault("a key is unknown, or there twice")
      }
      if try !scanner.skip(",") {
        try scanner.expect("}")
        break
      }
    }
    try scanner.expectEnd()
    guard let name, let isFortran, let sizes else {
      throw Fault("\(path): its header lacks one of descr, fortran_order and shape")
    }
    guard let type = ElementType(numpy: String(name.dropFirst())), let order = name.first,
      "<>|=".contains(order)
    else {
      throw Fault(
        "\(path): elements of type '\(name.debugDescription.dropFirst().dropLast())'; expected "
          + "numbers: |u1, <f4, <f8, <i8 ..."
          + (name.contains("O") ? "; objects are pickles, which are not read" : ""))
    }
    guard checkedProduct(sizes + [type.byteCount]) != nil else {
      throw Fault(
        "\(path): its header says a shape of \(sizes.map(String.init).joined(separator: "x"))")
    }
    self.type = type
    isBigEndian = order == ">"
    isFortranOrdered = isFortran
    shape = sizes
  }
}

/// Reads the few kinds of Python literals that a header is made of.
struct PythonLiteralScanner {
  private let bytes: [UInt8]
  private let path: String
  private var position = 0

  init(_ bytes: [UInt8], path: String) {
    self.bytes = bytes
    self.path = path
  }

  func fault(_ reason: String) -> Fault {
    Fault("\(path): damaged: its header at byte \(position): \(reason)")
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x0A, 0x09, 0x0D].contains(bytes[position]) {
      position += 1
    }
  }

  mutating func isNext(_ character: Unicode.Scalar) throws -> Bool {
    skipSpace()
    return position < bytes.count && bytes[position] == UInt8(ascii: character)
  }

  /// Takes the character if it is next.
  mutating func skip(_ character: Unicode.Scalar) throws -> Bool {
    guard try isNext(character) else { return false }
    position += 1
    return true
  }

  mutating func expect(_ character: Unicode.Scalar) throws {
    guard try skip(character) else { throw fault("expected '\(character)'") }
  }

  mutating func expectEnd() throws {
    skipSpace()
    guard position == bytes.count else { throw fault("expected its end") }
  }

  /// A text in quotes, without escapes: names of keys and types have none.
  mutating func string() throws -> String {
    let quote: UInt8
    if try skip("'") {
      quote = UInt8(ascii: "'")
    } else {
      try expect("\"")
      quote = UInt8(ascii: "\"")
    }
    guard let end = bytes[position...].firstIndex(of: quote) else {
      throw fault("no end of a text")
    }
    let text = bytes[position..<end]
    guard !text.contains(UInt8(ascii: "\\")) else { throw fault("an escape in a text") }
    position = end + 1
    return String(decoding: text, as: UTF8.self)
  }

  mutating func boolean() throws -> Bool {
    skipSpace()
    for (word, value) in [("True", true), ("False", false)]
    where bytes[position...].starts(with: word.utf8) {
      position += word.utf8.count
      return value
    }
    throw fault("expected True or False")
  }

  /// A tuple of integers from 0: `()`, `(3,)`, `(3, 4)`; with the L of Python 2 behind them or not.
  mutating func integers(most: Int) throws -> [Int] {
    try expect("(")
    var found: [Int] = []
    while try !skip(")") {
      guard found.count < most else { throw fault("more than \(most) dimensions") }
      skipSpace()
      let digits = bytes[position...].prefix { (0x30...0x39).contains($0) }
      guard let value = Int(String(decoding: digits, as: UTF8.self)) else {
        throw fault("expected a size")
      }
      position += digits.count
      _ = try skip("L")
      found.append(value)
      if try !skip(",") {
        try expect(")")
        break
      }
    }
    return found
  }
}
