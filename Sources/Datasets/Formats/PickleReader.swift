import Base
import Foundation

/// Reads the pickles that CIFAR-10's python version and `mnist.pkl.gz` are made of, and nothing
/// else.
///
/// A pickle is a program; Python runs any function that it names. This reader knows the opcodes of
/// protocols 0 to 5 that build numbers, strings, tuples, lists, dictionaries and numpy arrays. Five
/// names (`PickleGlobal`) stand for what numpy's arrays are made with; every other name and every
/// other opcode is refused with its offset. Nothing is ever looked up or called.
///
/// Memory and time are bounded: strings and arrays are ranges of the pickle and not copies, 250,000
/// opcodes (a batch of CIFAR-10 has up to 50,000) and a thousand containers are the most.
struct PickleReader {
  static let maximumOperations = 250_000
  /// Also bounds how deep containers lie in each other, and with it the recursion that frees them.
  static let maximumContainers = 1_000
  /// Bytes of a dictionary's key, which every look-up decodes.
  static let maximumKeySize = 256

  private let path: String
  private let bytes: [UInt8]
  private var position = 0
  /// Where the opcode at work begins, for messages.
  private var start = 0
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  private var containers = 0
  /// Bytes that strings were decoded into; ranges cost none.
  private var decoded = 0

  /// The value of a pickle.
  ///
  /// - Parameters:
  ///   - bytes: all of the pickle.
  ///   - path: for messages.
  /// - Returns: the one value that the pickle leaves.
  /// - Throws: `Fault` if it is damaged or holds or does anything else than said above.
  static func read(_ bytes: [UInt8], path: String) throws -> PickleValue {
    var reader = PickleReader(path: path, bytes: bytes)
    return try reader.run()
  }

  private init(path: String, bytes: [UInt8]) {
    self.path = path
    self.bytes = bytes
  }

  // MARK: - The machine

  private mutating func run() throws -> PickleValue {
    for _ in 0..<Self.maximumOperations {
      start = position
      let opcode = try byte()
      if opcode == UInt8(ascii: ".") {
        let result = try pop()
        guard stack.isEmpty, marks.isEmpty else {
          throw fail("damaged: \(stack.count) values are left over at the end")
        }
        return result
      }
      try execute(opcode)
    }
    throw fail("refused: more than \(Self.maximumOperations) opcodes")
  }

  private mutating func execute(_ opcode: UInt8) throws {
    let isDone =
      try pushConstant(opcode) || pushString(opcode) || build(container: opcode) || useMemo(opcode)
    if isDone { return }
    switch opcode {
    case 0x80:  // PROTO
      let version = try byte()
      guard version <= 5 else { throw fail("refused: protocol \(version); expected 0 to 5") }
    case 0x95:  // FRAME
      _ = try length(bytes: 8)
    case UInt8(ascii: "("):  // MARK
      marks.append(stack.count)
    case UInt8(ascii: "0"):  // POP
      _ = try pop()
    case UInt8(ascii: "c"):  // GLOBAL
      let module = String(decoding: try line(), as: UTF8.self)
      try pushGlobal(module: module, name: String(decoding: try line(), as: UTF8.self))
    case 0x93:  // STACK_GLOBAL
      let name = try pop()
      let module = try pop()
      guard let module = module.string, let name = name.string else {
        throw fail("damaged: expected a name, found \(name.kind)")
      }
      try pushGlobal(module: module, name: name)
    case UInt8(ascii: "R"): try reduce()
    case UInt8(ascii: "b"): try build()
    default:
      let digits = opcode.padded(to: 2, radix: 16).uppercased()
      let name = Self.refusedNames[opcode].map { " (\($0))" } ?? ""
      throw fail(
        "refused: opcode 0x\(digits)\(name); expected numbers, "
          + "strings, lists, dictionaries and numpy arrays only")
    }
  }

  /// Pushes None, a boolean or a number; false for other opcodes.
  private mutating func pushConstant(_ opcode: UInt8) throws -> Bool {
    switch opcode {
    case UInt8(ascii: "N"): push(.none)
    case 0x88: push(.bool(true))
    case 0x89: push(.bool(false))
    case UInt8(ascii: "J"):  // BININT
      push(.integer(Int(Int32(truncatingIfNeeded: try unsigned(bytes: 4)))))
    case UInt8(ascii: "K"): push(.integer(try unsigned(bytes: 1)))
    case UInt8(ascii: "M"): push(.integer(try unsigned(bytes: 2)))
    case UInt8(ascii: "I"): push(try decimal())
    case UInt8(ascii: "L"): push(try decimal())
    case 0x8A:  // LONG1
      push(.integer(try signed(bytes: Int(try byte()))))
    case UInt8(ascii: "G"):  // BINFLOAT
      let range = try take(8)
      let bits = range.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      push(.double(Double(bitPattern: bits)))
    case UInt8(ascii: "F"):
      let text = String(decoding: try line(), as: UTF8.self)
      guard let value = Double(text) else {
        throw fail("damaged: found '\(Self.shown(text))' for a float")
      }
      push(.double(value))
    default: return false
    }
    return true
  }

  /// Pushes a string; false for other opcodes.
  private mutating func pushString(_ opcode: UInt8) throws -> Bool {
    switch opcode {
    case UInt8(ascii: "U"), UInt8(ascii: "C"):  // SHORT_BINSTRING, SHORT_BINBYTES
      push(.bytes(try take(Int(try byte()))))
    case UInt8(ascii: "T"), UInt8(ascii: "B"):  // BINSTRING, BINBYTES
      push(.bytes(try take(try length(bytes: 4))))
    case 0x8E, 0x96:  // BINBYTES8, BYTEARRAY8
      push(.bytes(try take(try length(bytes: 8))))
    case UInt8(ascii: "S"): push(.bytes(try quotedString()))
    case UInt8(ascii: "X"): push(.text(try text(try length(bytes: 4))))
    case 0x8C: push(.text(try text(Int(try byte()))))
    case 0x8D: push(.text(try text(try length(bytes: 8))))
    case UInt8(ascii: "V"): push(.text(try escapedText()))
    default: return false
    }
    return true
  }

  /// Pushes a tuple, a list or a dictionary, or adds to one; false for other opcodes.
  private mutating func build(container opcode: UInt8) throws -> Bool {
    switch opcode {
    case UInt8(ascii: ")"): push(.tuple([]))
    case UInt8(ascii: "t"): try pushTuple(try popToMark())
    case 0x85, 0x86, 0x87:  // TUPLE1 to TUPLE3
      let items = try (0..<Int(opcode) - 0x84).map { _ in try pop() }
      try pushTuple(items.reversed())
    case UInt8(ascii: "]"), UInt8(ascii: "l"):  // EMPTY_LIST, LIST
      let list = try container(PickleList())
      if opcode == UInt8(ascii: "l") { list.items = try popToMark() }
      push(.list(list))
    case UInt8(ascii: "a"):  // APPEND
      let item = try pop()
      try topList().items.append(item)
    case UInt8(ascii: "e"):  // APPENDS
      let items = try popToMark()
      try topList().items += items
    case UInt8(ascii: "}"), UInt8(ascii: "d"):  // EMPTY_DICT, DICT
      let dictionary = try container(PickleDictionary())
      if opcode == UInt8(ascii: "d") { try add(try popToMark(), to: dictionary) }
      push(.dictionary(dictionary))
    case UInt8(ascii: "s"):  // SETITEM
      let value = try pop()
      let key = try pop()
      try add([key, value], to: try topDictionary())
    case UInt8(ascii: "u"):  // SETITEMS
      let items = try popToMark()
      try add(items, to: try topDictionary())
    default: return false
    }
    return true
  }

  /// Stores the topmost value, or pushes a stored one; false for other opcodes.
  private mutating func useMemo(_ opcode: UInt8) throws -> Bool {
    switch opcode {
    case UInt8(ascii: "p"): try remember(try key())
    case UInt8(ascii: "q"): try remember(try unsigned(bytes: 1))
    case UInt8(ascii: "r"): try remember(try unsigned(bytes: 4))
    case 0x94: try remember(memo.count)
    case UInt8(ascii: "g"): try recall(try key())
    case UInt8(ascii: "h"): try recall(try unsigned(bytes: 1))
    case UInt8(ascii: "j"): try recall(try unsigned(bytes: 4))
    default: return false
    }
    return true
  }

  /// Opcodes that pickles of other things have, for messages.
  private static let refusedNames: [UInt8: String] = [
    UInt8(ascii: "i"): "INST", UInt8(ascii: "o"): "OBJ", 0x81: "NEWOBJ", 0x92: "NEWOBJ_EX",
    UInt8(ascii: "P"): "PERSID", UInt8(ascii: "Q"): "BINPERSID", 0x82: "EXT1", 0x83: "EXT2",
    0x84: "EXT4", 0x8B: "LONG4", 0x8F: "EMPTY_SET", 0x91: "FROZENSET",
    0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
  ]

  // MARK: - numpy

  private mutating func pushGlobal(module: String, name: String) throws {
    guard let global = PickleGlobal(module: module, name: name) else {
      throw fail("refused: the name \(Self.shown("\(module).\(name)")); expected numpy arrays only")
    }
    push(.global(global))
  }

  /// `f(*arguments)` for the functions known.
  private mutating func reduce() throws {
    guard case .tuple(let arguments) = try pop() else {
      throw fail("damaged: expected a tuple of arguments")
    }
    let function = try pop()
    guard case .global(let global) = function else {
      throw fail("refused: a call of \(function.kind); expected numpy arrays only")
    }
    switch global {
    case .reconstruct:
      guard case .global(.ndarray)? = arguments.first else {
        throw fail("refused: \(global.rawValue) of something else than numpy.ndarray")
      }
      push(.array(try container(PickleArray())))
    case .dtype:
      guard let code = arguments.first?.string, let type = PickleDataType(code: code) else {
        let found = arguments.first?.string.map(Self.shown) ?? "none"
        throw fail("refused: numpy type \(found); expected integers and floats of 1 to 8 bytes")
      }
      push(.dataType(type))
    case .fromBuffer:
      guard arguments.count == 4, case .bytes(let data) = arguments[0],
        case .dataType(let type) = arguments[1], case .tuple(let shape) = arguments[2],
        let order = arguments[3].string
      else { throw fail("damaged: \(global.rawValue) of other arguments than numpy's") }
      let array = try container(PickleArray())
      try fill(array, shape: shape, type: type, isFortranOrdered: order == "F", bytes: data)
      push(.array(array))
    case .encode:
      guard arguments.count == 2, case .text(let text) = arguments[0],
        arguments[1].string == "latin1"
      else { throw fail("refused: _codecs.encode of other arguments than a text and latin1") }
      try count(decoded: text.utf8.count)
      var bytes: [UInt8] = []
      bytes.reserveCapacity(text.utf8.count)
      for scalar in text.unicodeScalars {
        guard let byte = UInt8(exactly: scalar.value) else {
          throw fail("damaged: U+\(String(scalar.value, radix: 16)) is not in latin1")
        }
        bytes.append(byte)
      }
      push(.bytes(bytes[...]))
    case .ndarray:
      throw fail("refused: a call of numpy.ndarray")
    }
  }

  /// `__setstate__` of arrays and types.
  private mutating func build() throws {
    guard case .tuple(let state) = try pop() else {
      throw fail("damaged: expected a tuple of state")
    }
    switch stack.last {
    case .dataType(let type)?:
      // (version, byte order, subtype, names, fields, size, alignment, flags)
      guard state.count >= 5, let order = state[1].string, case .none = state[2],
        case .none = state[3], case .none = state[4]
      else { throw fail("refused: a numpy type with fields; expected plain numbers") }
      type.isBigEndian = order == ">"
    case .array(let array)?:
      // (version, shape, type, Fortran order, bytes)
      guard state.count == 5, case .tuple(let shape) = state[1],
        case .dataType(let type) = state[2], let isFortranOrdered = state[3].integerValue,
        case .bytes(let bytes) = state[4]
      else { throw fail("damaged: the state of a numpy array is not numpy's") }
      try fill(
        array, shape: shape, type: type, isFortranOrdered: isFortranOrdered != 0, bytes: bytes)
    default:
      throw fail("refused: the state of \(stack.last?.kind ?? "nothing"); expected numpy arrays")
    }
  }

  private func fill(
    _ array: PickleArray, shape: [PickleValue], type: PickleDataType, isFortranOrdered: Bool,
    bytes: ArraySlice<UInt8>
  ) throws {
    let sizes = shape.compactMap(\.integerValue)
    guard sizes.count == shape.count, sizes.count <= 4,
      let total = checkedProduct(sizes + [type.size])
    else { throw fail("damaged: impossible shape of a numpy array") }
    guard total == bytes.count else {
      throw fail(
        "damaged: a numpy array of shape \(sizes) and type \(type.code) has \(bytes.count) bytes, "
          + "expected \(total)")
    }
    array.shape = sizes
    array.dataType = type
    array.isFortranOrdered = isFortranOrdered
    array.bytes = bytes
  }

  // MARK: - The stack

  private mutating func push(_ value: PickleValue) { stack.append(value) }

  private mutating func pop() throws -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.popLast() else {
      throw fail("damaged: a value is missing")
    }
    return value
  }

  private mutating func popToMark() throws -> [PickleValue] {
    guard let mark = marks.popLast() else { throw fail("damaged: a mark is missing") }
    let items = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return items
  }

  private mutating func pushTuple(_ items: [PickleValue]) throws {
    containers += 1
    guard containers <= Self.maximumContainers else { throw tooManyContainers }
    push(.tuple(items))
  }

  private mutating func container<Object>(_ object: Object) throws -> Object {
    containers += 1
    guard containers <= Self.maximumContainers else { throw tooManyContainers }
    return object
  }

  private var tooManyContainers: Fault {
    fail("refused: more than \(Self.maximumContainers) lists, tuples, dictionaries and arrays")
  }

  private func topList() throws -> PickleList {
    guard stack.count > marks.last ?? 0, case .list(let list)? = stack.last else {
      throw fail("damaged: expected a list to append to")
    }
    return list
  }

  private func topDictionary() throws -> PickleDictionary {
    guard stack.count > marks.last ?? 0, case .dictionary(let dictionary)? = stack.last else {
      throw fail("damaged: expected a dictionary to add to")
    }
    return dictionary
  }

  private func add(_ items: [PickleValue], to dictionary: PickleDictionary) throws {
    guard items.count.isMultiple(of: 2) else { throw fail("damaged: a key without a value") }
    for index in stride(from: 0, to: items.count, by: 2) {
      let size =
        switch items[index] {
        case .bytes(let bytes): bytes.count
        case .text(let text): text.utf8.count
        default: 0
        }
      guard size <= Self.maximumKeySize else {
        throw fail("refused: a key of \(size) bytes; expected up to \(Self.maximumKeySize)")
      }
      guard items[index].string != nil else {
        throw fail("refused: a key that is \(items[index].kind); expected a string")
      }
      dictionary.entries.append((items[index], items[index + 1]))
    }
  }

  private mutating func remember(_ key: Int) throws {
    guard stack.count > marks.last ?? 0, let value = stack.last else {
      throw fail("damaged: a value is missing")
    }
    memo[key] = value
  }

  private mutating func recall(_ key: Int) throws {
    guard let value = memo[key] else { throw fail("damaged: nothing is stored under \(key)") }
    push(value)
  }

  // MARK: - Arguments

  private mutating func byte() throws -> UInt8 {
    guard position < bytes.count else { throw truncated() }
    position += 1
    return bytes[position - 1]
  }

  private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count <= bytes.count - position else { throw truncated() }
    position += count
    return bytes[position - count..<position]
  }

  /// A little-endian number of up to 4 bytes.
  private mutating func unsigned(bytes count: Int) throws -> Int {
    try take(count).reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// A count of bytes to follow.
  private mutating func length(bytes count: Int) throws -> Int {
    let value = try take(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard value <= UInt64(bytes.count) else { throw truncated() }
    return Int(value)
  }

  /// A little-endian two's complement number.
  private mutating func signed(bytes count: Int) throws -> Int {
    guard count <= 8 else { throw fail("refused: an integer of \(count) bytes; expected up to 8") }
    let range = try take(count)
    guard let last = range.last else { return 0 }
    let value = range.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let fill = last >= 0x80 && count < 8 ? UInt64.max << (8 * UInt64(count)) : 0
    return Int(Int64(bitPattern: value | fill))
  }

  private mutating func line() throws -> ArraySlice<UInt8> {
    guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else {
      throw truncated()
    }
    defer { position = end + 1 }
    return bytes[position..<end]
  }

  private mutating func decimal() throws -> PickleValue {
    let found = String(decoding: try line(), as: UTF8.self)
    // Protocols 0 and 1 of Python 2 write booleans as I01 and I00, long integers as 5L.
    if found == "01" { return .bool(true) }
    if found == "00" { return .bool(false) }
    guard let value = Int(found.hasSuffix("L") ? String(found.dropLast()) : found) else {
      throw fail("damaged: found '\(Self.shown(found))' for an integer of up to 8 bytes")
    }
    return .integer(value)
  }

  private mutating func key() throws -> Int {
    guard let value = Int(String(decoding: try line(), as: UTF8.self)), value >= 0 else {
      throw fail("damaged: expected the number of a stored value")
    }
    return value
  }

  private mutating func text(_ count: Int) throws -> String {
    try self.count(decoded: count)
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw fail("damaged: a text that is not UTF-8")
    }
    return text
  }

  /// Decoding copies: what a stored text may be decoded into is bounded too.
  private mutating func count(decoded count: Int) throws {
    decoded += count
    guard decoded <= 4 * bytes.count + 4096 else {
      throw fail("refused: texts larger than the file")
    }
  }

  /// Python 2's `repr` of a string: quotes and escapes.
  private mutating func quotedString() throws -> ArraySlice<UInt8> {
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
  private mutating func escapedText() throws -> String {
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

  // MARK: - Errors

  private func truncated() -> Fault {
    fail("truncated: the file ends in the middle (\(bytes.count) bytes); download it again")
  }

  private func fail(_ message: String) -> Fault {
    Fault("\(path): pickle, byte \(start): \(message)")
  }

  /// A name from a file as one short line.
  private static func shown(_ text: String) -> String {
    let plain = text.unicodeScalars.prefix(80).map { $0.value < 32 || $0.value > 126 ? "?" : $0 }
    return String(String.UnicodeScalarView(plain)) + (text.unicodeScalars.count > 80 ? "..." : "")
  }
}
