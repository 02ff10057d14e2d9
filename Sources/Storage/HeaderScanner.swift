import Base

/// Reads the JSON of a safetensors header: an object of objects of texts and lists of integers.
///
/// Not Foundation's, which makes some seventy bytes of objects of one byte of a header.
struct HeaderScanner {
  /// What is wrong, for the caller to name the file.
  struct Failure: Error {
    var reason: String
  }

  private let bytes: [UInt8]
  private var position: Int
  private let end: Int

  /// - Parameters:
  ///   - bytes: The file.
  ///   - range: The header's part of it.
  init(_ bytes: [UInt8], in range: Range<Int>) {
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
  }

  private var notJSON: Failure { Failure(reason: "the header is not JSON") }

  // MARK: - Structure

  /// Reads an object and calls `body` behind each key's colon, to read the value.
  mutating func object(
    _ body: (_ scanner: inout HeaderScanner, _ key: String) throws -> Void
  ) throws {
    try expect(UInt8(ascii: "{"))
    if skip(UInt8(ascii: "}")) { return }
    repeat {
      let key = try text()
      try expect(UInt8(ascii: ":"))
      try body(&self, key)
    } while skip(UInt8(ascii: ","))
    try expect(UInt8(ascii: "}"))
  }

  /// Whether the next value begins with `sign`.
  mutating func isNext(_ sign: Character) -> Bool {
    skipSpace()
    return position < end && bytes[position] == sign.asciiValue
  }

  /// A list of integers of up to `most`, nil where the value is something else, which is skipped.
  mutating func integers(most: Int) throws -> [Int]? {
    let start = position
    var integers: [Int] = []
    if skip(UInt8(ascii: "[")) {
      if skip(UInt8(ascii: "]")) { return [] }
      repeat {
        guard integers.count < most, let integer = integer() else { break }
        integers.append(integer)
      } while skip(UInt8(ascii: ","))
      if skip(UInt8(ascii: "]")) { return integers }
      position = start
    }
    try skipValue()
    return nil
  }

  /// A text, nil where the value is something else, which is skipped.
  mutating func optionalText() throws -> String? {
    if isNext("\"") { return try text() }
    try skipValue()
    return nil
  }

  /// Skips a value of any kind.
  mutating func skipValue(depth: Int = 0) throws {
    guard depth < 32 else { throw Failure(reason: "the header is nested too deeply") }
    skipSpace()
    guard position < end else { throw notJSON }
    switch bytes[position] {
    case UInt8(ascii: "{"): try object { scanner, _ in try scanner.skipValue(depth: depth + 1) }
    case UInt8(ascii: "["):
      position += 1
      if skip(UInt8(ascii: "]")) { return }
      repeat { try skipValue(depth: depth + 1) } while skip(UInt8(ascii: ","))
      try expect(UInt8(ascii: "]"))
    case UInt8(ascii: "\""): _ = try text()
    default:
      let word = bytes[position..<end].prefix { byte in
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
          UInt8(ascii: "E"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
          true
        default: false
        }
      }
      let found = String(decoding: word, as: UTF8.self)
      guard ["true", "false", "null"].contains(found) || Double(found) != nil else { throw notJSON }
      position += word.count
    }
  }

  /// Nothing but white space may be left.
  mutating func finish() throws {
    skipSpace()
    guard position == end else { throw notJSON }
  }

  // MARK: - Values

  /// A whole number, nil where there is none.
  private mutating func integer() -> Int? {
    skipSpace()
    let isNegative = position < end && bytes[position] == UInt8(ascii: "-")
    var place = position + (isNegative ? 1 : 0)
    let first = place
    var value = 0
    while place < end, 48...57 ~= bytes[place] {
      let digit = Int(bytes[place]) - 48
      let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflow2) = tenfold.addingReportingOverflow(digit)
      if overflow || overflow2 { return nil }
      value = sum
      place += 1
    }
    guard place > first else { return nil }
    position = place
    return isNegative ? -value : value
  }

  mutating func text() throws -> String {
    try expect(UInt8(ascii: "\""))
    let start = position
    while position < end, bytes[position] != UInt8(ascii: "\"") {
      if bytes[position] == UInt8(ascii: "\\") { return try escapedText(from: start) }
      guard bytes[position] >= 0x20 else { throw notJSON }
      position += 1
    }
    return try finishText(bytes[start..<position])
  }

  /// A text with escapes, from its first letter.
  private mutating func escapedText(from start: Int) throws -> String {
    var text = Array(bytes[start..<position])
    while position < end, bytes[position] != UInt8(ascii: "\"") {
      let byte = bytes[position]
      guard byte >= 0x20 else { throw notJSON }
      position += 1
      guard byte == UInt8(ascii: "\\") else {
        text.append(byte)
        continue
      }
      text += try escape()
    }
    return try finishText(text[...])
  }

  private mutating func finishText(_ letters: ArraySlice<UInt8>) throws -> String {
    guard position < end, let text = String(validating: letters, as: UTF8.self) else {
      throw notJSON
    }
    position += 1
    return text
  }

  /// The letters that an escape stands for, its backslash being read.
  private mutating func escape() throws -> [UInt8] {
    guard position < end else { throw notJSON }
    position += 1
    switch bytes[position - 1] {
    case UInt8(ascii: "n"): return [10]
    case UInt8(ascii: "r"): return [13]
    case UInt8(ascii: "t"): return [9]
    case UInt8(ascii: "b"): return [8]
    case UInt8(ascii: "f"): return [12]
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [bytes[position - 1]]
    case UInt8(ascii: "u"):
      var units = [try codeUnit()]
      if UTF16.isLeadSurrogate(units[0]), position + 1 < end,
        bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
      {
        position += 2
        units.append(try codeUnit())
      }
      guard let text = String(validating: units, as: UTF16.self) else { throw notJSON }
      return Array(text.utf8)
    default: throw notJSON
    }
  }

  private mutating func codeUnit() throws -> UInt16 {
    guard end - position >= 4 else { throw notJSON }
    var unit: UInt16 = 0
    for byte in bytes[position..<position + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { throw notJSON }
      unit = unit << 4 | UInt16(digit)
    }
    position += 4
    return unit
  }

  // MARK: - Signs

  private mutating func skipSpace() {
    while position < end, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
  }

  private mutating func skip(_ sign: UInt8) -> Bool {
    skipSpace()
    guard position < end, bytes[position] == sign else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ sign: UInt8) throws {
    guard skip(sign) else { throw notJSON }
  }
}
