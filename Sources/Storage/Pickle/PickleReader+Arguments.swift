import Base
import Foundation

/// What stands behind an opcode.
extension PickleReader {
  mutating func byte() throws -> UInt8 {
    guard position < bytes.count else { throw truncated() }
    position += 1
    return bytes[position - 1]
  }

  mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count <= bytes.count - position else { throw truncated() }
    position += count
    return bytes[position - count..<position]
  }

  /// A little-endian number of up to 4 bytes.
  mutating func unsigned(bytes count: Int) throws -> Int {
    try take(count).reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// A count of bytes to follow.
  mutating func length(bytes count: Int) throws -> Int {
    let value = try take(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard value <= UInt64(bytes.count) else { throw truncated() }
    return Int(value)
  }

  /// A little-endian two's complement number.
  mutating func signed(bytes count: Int) throws -> Int {
    guard count <= 8 else { throw fail("refused: an integer of \(count) bytes; expected up to 8") }
    let range = try take(count)
    guard let last = range.last else { return 0 }
    let value = range.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let fill = last >= 0x80 && count < 8 ? UInt64.max << (8 * UInt64(count)) : 0
    return Int(Int64(bitPattern: value | fill))
  }

  mutating func line() throws -> ArraySlice<UInt8> {
    guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else {
      throw truncated()
    }
    defer { position = end + 1 }
    return bytes[position..<end]
  }

  mutating func decimal() throws -> PickleValue {
    let found = String(decoding: try line(), as: UTF8.self)
    // Protocols 0 and 1 of Python 2 write booleans as I01 and I00, long integers as 5L.
    if found == "01" { return .bool(true) }
    if found == "00" { return .bool(false) }
    guard let value = Int(found.hasSuffix("L") ? String(found.dropLast()) : found) else {
      throw fail("damaged: found '\(Self.shown(found))' for an integer of up to 8 bytes")
    }
    return .integer(value)
  }

  mutating func key() throws -> Int {
    guard let value = Int(String(decoding: try line(), as: UTF8.self)), value >= 0 else {
      throw fail("damaged: expected the number of a stored value")
    }
    return value
  }

  mutating func text(_ count: Int) throws -> String {
    try self.count(decoded: count)
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw fail("damaged: a text that is not UTF-8")
    }
    return text
  }

  /// Decoding copies: what a stored text may be decoded into is bounded too.
  mutating func count(decoded count: Int) throws {
    decoded += count
    guard decoded <= 4 * bytes.count + 4096 else {
      throw fail("refused: texts larger than the file")
    }
  }

  /// Python 2's `repr` of a string: quotes and escapes.
  mutating func quotedString() throws -> ArraySlice<UInt8> {
    let found = try line()
    try count(decoded: found.count)
    guard found.count >= 2, let quote = found.first, quote == found.last,
      quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
    else { throw fail("damaged: a string without its quotes") }
    let body = Array(found.dropFirst().dropLast())
    var result: [UInt8] = []
    result.reserveCapacity(body.count)
    var index = 0
    while index < body.count {
      guard body[index] == UInt8(ascii: "\\") else {
        result.append(body[index])
        index += 1
        continue
      }
      guard index + 1 < body.count else { throw fail("damaged: a string that ends in \\") }
      let plain: UInt8?
      switch body[index + 1] {
      case UInt8(ascii: "n"): plain = 10
      case UInt8(ascii: "t"): plain = 9
      case UInt8(ascii: "r"): plain = 13
      case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): plain = body[index + 1]
      case UInt8(ascii: "x"):
        let digits = String(decoding: body[(index + 2)...].prefix(2), as: UTF8.self)
        plain = digits.count == 2 ? UInt8(digits, radix: 16) : nil
      default: plain = nil
      }
      guard let plain else { throw fail("damaged: an unknown escape in a string") }
      result.append(plain)
      index += body[index + 1] == UInt8(ascii: "x") ? 4 : 2
    }
    return result[...]
  }

  /// Python's raw-unicode-escape: latin1 with \uXXXX.
  mutating func escapedText() throws -> String {
    let found = Array(try line())
    try count(decoded: 2 * found.count)
    var scalars = String.UnicodeScalarView()
    var index = 0
    while index < found.count {
      if found[index] == UInt8(ascii: "\\"), index + 5 < found.count,
        found[index + 1] == UInt8(ascii: "u")
      {
        let digits = String(decoding: found[index + 2..<index + 6], as: UTF8.self)
        guard let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value) else {
          throw fail("damaged: an unknown escape in a text")
        }
        scalars.append(scalar)
        index += 6
      } else {
        scalars.append(Unicode.Scalar(found[index]))
        index += 1
      }
    }
    return String(scalars)
  }
}
