extension ElementType {
  /// The type of a NumPy array of this little-endian type: `f4`; nil where NumPy has none.
  package var numpyCode: String? {
    switch self {
    case .float64: "f8"
    case .float32: "f4"
    case .float16: "f2"
    case .bfloat16: nil
    case .int64: "i8"
    case .int32: "i4"
    case .int16: "i2"
    case .int8: "i1"
    case .uint64: "u8"
    case .uint32: "u4"
    case .uint16: "u2"
    case .uint8: "u1"
    case .boolean: "b1"
    }
  }

  /// Overwrites `output` with the numbers in `bytes`, rounded to single precision.
  ///
  /// - Parameters:
  ///   - bytes: `output.count` elements.
  ///   - isBigEndian: Whether an element's first byte is its highest.
  ///   - output: The numbers.
  package func convert(
    _ bytes: UnsafeRawBufferPointer, isBigEndian: Bool,
    into output: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(bytes.count == output.count * byteCount, "\(bytes.count), \(output.count)")
    write(bytes, isBigEndian, output) { $0 }
  }

  /// Overwrites `output` with elements that lie anywhere, of 64 bits rounded to a Double.
  ///
  /// - Parameters:
  ///   - bytes: Where element 0 is.
  ///   - isBigEndian: As in `convert`.
  ///   - first: The element of `output`'s first number, where there are no places.
  ///   - places: An element each; nil for elements that lie one after the other.
  ///   - output: The numbers.
  package func gather(
    from bytes: UnsafeRawBufferPointer, isBigEndian: Bool, first: Int,
    places: UnsafeBufferPointer<Int>?, into output: UnsafeMutableBufferPointer<Double>
  ) {
    guard let places else { return write(bytes, isBigEndian, output) { first + $0 } }
    precondition(places.count == output.count, "\(places.count) places, \(output.count) numbers")
    write(bytes, isBigEndian, output) { places[$0] }
  }

  @inline(__always)
  private func write<Number: BinaryFloatingPoint>(
    _ bytes: UnsafeRawBufferPointer, _ isBigEndian: Bool,
    _ output: UnsafeMutableBufferPointer<Number>, _ place: (Int) -> Int
  ) {
    switch self {
    case .boolean: each(bytes, UInt8.self, isBigEndian, output, place) { $0 == 0 ? 0 : 1 }
    case .uint8: each(bytes, UInt8.self, isBigEndian, output, place) { Number($0) }
    case .uint16: each(bytes, UInt16.self, isBigEndian, output, place) { Number($0) }
    case .uint32: each(bytes, UInt32.self, isBigEndian, output, place) { Number($0) }
    case .uint64: each(bytes, UInt64.self, isBigEndian, output, place) { Number($0) }
    case .int8:
      each(bytes, UInt8.self, isBigEndian, output, place) { Number(Int8(bitPattern: $0)) }
    case .int16:
      each(bytes, UInt16.self, isBigEndian, output, place) { Number(Int16(bitPattern: $0)) }
    case .int32:
      each(bytes, UInt32.self, isBigEndian, output, place) { Number(Int32(bitPattern: $0)) }
    case .int64:
      each(bytes, UInt64.self, isBigEndian, output, place) { Number(Int64(bitPattern: $0)) }
    case .float16:
      each(bytes, UInt16.self, isBigEndian, output, place) { Number(Float16(bitPattern: $0)) }
    case .bfloat16:
      each(bytes, UInt16.self, isBigEndian, output, place) {
        Number(Float(bitPattern: UInt32($0) << 16))
      }
    case .float32:
      each(bytes, UInt32.self, isBigEndian, output, place) { Number(Float(bitPattern: $0)) }
    case .float64:
      each(bytes, UInt64.self, isBigEndian, output, place) { Number(Double(bitPattern: $0)) }
    }
  }

  @inline(__always)
  private func each<Word: FixedWidthInteger, Number: BinaryFloatingPoint>(
    _ bytes: UnsafeRawBufferPointer, _ word: Word.Type, _ isBigEndian: Bool,
    _ output: UnsafeMutableBufferPointer<Number>, _ place: (Int) -> Int, _ value: (Word) -> Number
  ) {
    for i in output.indices {
      let word = bytes.loadUnaligned(
        fromByteOffset: place(i) * MemoryLayout<Word>.size, as: Word.self)
      output[i] = value(isBigEndian ? Word(bigEndian: word) : Word(littleEndian: word))
    }
  }

  // MARK: - Writing

  /// Numbers as little-endian elements: floats rounded, integers rounded and brought into their
  /// range, BOOL 0 below 1/2.
  package func encode(_ numbers: some Collection<Double>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(numbers.count * byteCount)
    func append(_ word: some FixedWidthInteger) {
      withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }
    func clamped<Word: FixedWidthInteger>(_ number: Double, _: Word.Type) -> Word {
      // A Double of the highest 64-bit integer is one above it.
      let rounded = number.isNaN ? 0 : number.rounded()
      return Word(exactly: rounded) ?? (rounded < 0 ? Word.min : Word.max)
    }
    for number in numbers {
      switch self {
      case .float64: append(number.bitPattern)
      case .float32: append(Float(number).bitPattern)
      case .float16: append(Float16(number).bitPattern)
      case .bfloat16:
        // To the nearest, ties to even.
        let bits = Float(number).bitPattern
        append(UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16))
      case .int64: append(clamped(number, Int64.self))
      case .int32: append(clamped(number, Int32.self))
      case .int16: append(clamped(number, Int16.self))
      case .int8: append(clamped(number, Int8.self))
      case .uint64: append(clamped(number, UInt64.self))
      case .uint32: append(clamped(number, UInt32.self))
      case .uint16: append(clamped(number, UInt16.self))
      case .uint8: append(clamped(number, UInt8.self))
      case .boolean: append(UInt8(number >= 0.5 ? 1 : 0))
      }
    }
    return bytes
  }

  /// A number as this type holds it, in the fewest digits that are read as the same.
  package func text(_ number: Double) -> String {
    switch self {
    case .float64: "\(number)"
    case .float32, .bfloat16: "\(Float(number))"
    case .float16: "\(Float16(number))"
    default: "\(Int(exactly: number.rounded()) ?? 0)"
    }
  }
}

extension ElementType: Codable {}
