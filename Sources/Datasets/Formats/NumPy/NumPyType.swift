import Base

/// What the elements of a NumPy array are.
package enum NumPyType: Sendable, Equatable {
  case boolean
  /// Of 1, 2, 4 or 8 bytes.
  case signed(bytes: Int)
  case unsigned(bytes: Int)
  /// IEEE numbers of 2, 4 or 8 bytes.
  case float(bytes: Int)

  /// Reads NumPy's name of a type, `<f4`; nil for one that holds no numbers, or another size.
  ///
  /// - Parameter name: The byte order, the kind and the bytes of an element.
  package init?(_ name: String) {
    let letters = Array(name.utf8)
    guard letters.count == 3, let size = Int(String(decoding: letters[2...], as: UTF8.self))
    else { return nil }
    switch (letters[1], size) {
    case (UInt8(ascii: "b"), 1): self = .boolean
    case (UInt8(ascii: "i"), 1), (UInt8(ascii: "i"), 2), (UInt8(ascii: "i"), 4),
      (UInt8(ascii: "i"), 8):
      self = .signed(bytes: size)
    case (UInt8(ascii: "u"), 1), (UInt8(ascii: "u"), 2), (UInt8(ascii: "u"), 4),
      (UInt8(ascii: "u"), 8):
      self = .unsigned(bytes: size)
    case (UInt8(ascii: "f"), 2), (UInt8(ascii: "f"), 4), (UInt8(ascii: "f"), 8):
      self = .float(bytes: size)
    default: return nil
    }
  }

  /// Bytes of an element.
  package var size: Int {
    switch self {
    case .boolean: 1
    case .signed(let bytes), .unsigned(let bytes), .float(let bytes): bytes
    }
  }

  /// Overwrites `output` with the numbers in `bytes`, rounded to single precision.
  ///
  /// - Parameters:
  ///   - bytes: `output.count` elements.
  ///   - isBigEndian: Whether an element's first byte is its highest.
  ///   - output: The numbers.
  func convert(
    _ bytes: UnsafeRawBufferPointer, isBigEndian: Bool,
    into output: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(bytes.count == output.count * size, "\(bytes.count) bytes, \(output.count)")
    switch self {
    case .boolean: for i in output.indices { output[i] = bytes[i] == 0 ? 0 : 1 }
    case .signed(1): for i in output.indices { output[i] = Float(Int8(bitPattern: bytes[i])) }
    case .unsigned(1): for i in output.indices { output[i] = Float(bytes[i]) }
    case .signed(2): each(bytes, UInt16.self, isBigEndian, output) { Float(Int16(bitPattern: $0)) }
    case .signed(4): each(bytes, UInt32.self, isBigEndian, output) { Float(Int32(bitPattern: $0)) }
    case .signed: each(bytes, UInt64.self, isBigEndian, output) { Float(Int64(bitPattern: $0)) }
    case .unsigned(2): each(bytes, UInt16.self, isBigEndian, output) { Float($0) }
    case .unsigned(4): each(bytes, UInt32.self, isBigEndian, output) { Float($0) }
    case .unsigned: each(bytes, UInt64.self, isBigEndian, output) { Float($0) }
    case .float(2): each(bytes, UInt16.self, isBigEndian, output) { Float(Float16(bitPattern: $0)) }
    case .float(4): each(bytes, UInt32.self, isBigEndian, output) { Float(bitPattern: $0) }
    case .float: each(bytes, UInt64.self, isBigEndian, output) { Float(Double(bitPattern: $0)) }
    }
  }

  @inline(__always)
  private func each<Word: FixedWidthInteger>(
    _ bytes: UnsafeRawBufferPointer, _ word: Word.Type, _ isBigEndian: Bool,
    _ output: UnsafeMutableBufferPointer<Float>, _ value: (Word) -> Float
  ) {
    for i in output.indices {
      let word = bytes.loadUnaligned(fromByteOffset: i * MemoryLayout<Word>.size, as: Word.self)
      output[i] = value(isBigEndian ? Word(bigEndian: word) : Word(littleEndian: word))
    }
  }
}
