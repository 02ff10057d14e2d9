/// The types of a tensor's elements, under their names in a safetensors header.
package enum ElementType: String, Sendable, CaseIterable {
  case float64 = "F64"
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  case uint64 = "U64"
  case uint32 = "U32"
  case uint16 = "U16"
  case uint8 = "U8"
  case boolean = "BOOL"

  /// Bytes an element takes.
  package var byteCount: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .boolean: 1
    }
  }

  /// The type of a numpy array: `f4`, `i8`; nil for others.
  package init?(numpy code: String) {
    let types: [String: ElementType] = [
      "f8": .float64, "f4": .float32, "f2": .float16, "i8": .int64, "i4": .int32, "i2": .int16,
      "i1": .int8, "u8": .uint64, "u4": .uint32, "u2": .uint16, "u1": .uint8, "b1": .boolean,
    ]
    guard let type = types[code] else { return nil }
    self = type
  }

  /// Little-endian elements as Floats: those of F64 rounded, F16 and BF16 exactly.
  ///
  /// - Returns: nil for a type of no floats.
  package func floats(_ bytes: UnsafeRawBufferPointer) -> [Float]? {
    switch self {
    case .float64:
      elements(bytes, UInt64.self).map { Float(Double(bitPattern: UInt64(littleEndian: $0))) }
    case .float32:
      elements(bytes, UInt32.self).map { Float(bitPattern: UInt32(littleEndian: $0)) }
    case .float16:
      elements(bytes, UInt16.self).map { Float(Float16(bitPattern: UInt16(littleEndian: $0))) }
    case .bfloat16:
      elements(bytes, UInt16.self).map { Float(bitPattern: UInt32(UInt16(littleEndian: $0)) << 16) }
    default: nil
    }
  }

  /// Little-endian elements of I64 and I32.
  ///
  /// - Returns: nil for other types.
  package func integers(_ bytes: UnsafeRawBufferPointer) -> [Int]? {
    switch self {
    case .int64: elements(bytes, Int64.self).map { Int(Int64(littleEndian: $0)) }
    case .int32: elements(bytes, Int32.self).map { Int(Int32(littleEndian: $0)) }
    default: nil
    }
  }

  /// A copy: a file's bytes may lie at any address.
  private func elements<Element: FixedWidthInteger>(
    _ bytes: UnsafeRawBufferPointer, _: Element.Type
  ) -> [Element] {
    [Element](unsafeUninitializedCapacity: bytes.count / MemoryLayout<Element>.size) {
      target, count in
      UnsafeMutableRawBufferPointer(target).copyMemory(from: bytes)
      count = target.count
    }
  }
}
