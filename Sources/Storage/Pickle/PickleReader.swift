import Base

/// Reads the pickles that data sets and weights are published in, and nothing else: CIFAR-10's
/// python version, `mnist.pkl.gz`, PyTorch's state dicts, Paddle's `.pdparams`.
///
/// A pickle is a program; Python runs any function that it names. This reader knows the opcodes of
/// protocols 0 to 5 that build numbers, strings, tuples, lists, dictionaries, numpy arrays, and
/// where they are asked for PyTorch's tensors. The names of `PickleGlobal` stand for what those are
/// made with; every other name and every other opcode is refused with its offset. Nothing is ever
/// looked up or called.
///
/// Memory and time are bounded: strings and arrays are ranges of the pickle and not copies, and
/// opcodes, containers and how deep they lie in each other have limits. What lies in another
/// container is complete: nothing can hold itself.
package struct PickleReader {
  /// What a pickle may hold beside numbers, strings and containers.
  package enum Content: Sendable {
    /// Numpy's arrays.
    case arrays
    /// PyTorch's tensors too, and dictionaries with numbers as keys.
    case tensors

    var expected: String {
      switch self {
      case .arrays: "numpy arrays"
      case .tensors: "numpy arrays and PyTorch's tensors"
      }
    }
  }

  /// A batch of CIFAR-10 has up to 50,000.
  static let maximumOperations = 250_000
  static let maximumContainers = 200_000
  /// Also bounds the recursion that frees them.
  static let maximumDepth = 64
  /// Bytes of a dictionary's key, which every look-up decodes.
  static let maximumKeySize = 256

  let path: String
  let content: Content
  let bytes: [UInt8]
  var position: Int
  /// Where the opcode at work begins, for messages.
  private var start = 0
  var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  private var containers = 0
  /// Bytes that strings were decoded into; ranges cost none.
  var decoded = 0

  /// The value of a pickle.
  ///
  /// - Parameters:
  ///   - bytes: All of the pickle.
  ///   - path: For messages.
  ///   - content: What it may hold.
  /// - Returns: The one value that the pickle leaves.
  /// - Throws: `Fault` if it is damaged or holds or does anything else than said above.
  package static func read(
    _ bytes: [UInt8], path: String, content: Content = .arrays
  ) throws -> PickleValue {
    var position = 0
    return try read(bytes, from: &position, path: path, content: content)
  }

  /// The value of one of several pickles that lie behind each other.
  ///
  /// - Parameters:
  ///   - bytes: All of them.
  ///   - position: Where it begins; moves behind its end.
  ///   - path: For messages.
  ///   - content: What it may hold.
  /// - Returns: The one value that the pickle leaves.
  /// - Throws: As `read`.
  static func read(
    _ bytes: [UInt8], from position: inout Int, path: String, content: Content
  ) throws -> PickleValue {
    var reader = PickleReader(path: path, content: content, bytes: bytes, position: position)
    let value = try reader.run()
    position = reader.position
    return value
  }

  private init(path: String, content: Content, bytes: [UInt8], position: Int) {
    self.position = position
    self.path = path
    self.content = content
    self.bytes = bytes
  }

  // MARK: - The machine

  mutating func run() throws -> PickleValue {
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

  mutating func execute(_ opcode: UInt8) throws {
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
    case UInt8(ascii: "Q") where content == .tensors: push(.storage(try storage(pop())))
    default:
      let digits = opcode.padded(to: 2, radix: 16).uppercased()
      let name = Self.refusedNames[opcode].map { " (\($0))" } ?? ""
      throw fail(
        "refused: opcode 0x\(digits)\(name); expected numbers, "
          + "strings, lists, dictionaries and \(content.expected) only")
    }
  }

  /// Pushes None, a boolean or a number; false for other opcodes.
  mutating func pushConstant(_ opcode: UInt8) throws -> Bool {
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
  mutating func pushString(_ opcode: UInt8) throws -> Bool {
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
  mutating func build(container opcode: UInt8) throws -> Bool {
    switch opcode {
    case UInt8(ascii: ")"): try pushTuple([])
    case UInt8(ascii: "t"): try pushTuple(try popToMark())
    case 0x85, 0x86, 0x87:  // TUPLE1 to TUPLE3
      let items = try (0..<Int(opcode) - 0x84).map { _ in try pop() }
      try pushTuple(items.reversed())
    case UInt8(ascii: "]"), UInt8(ascii: "l"):  // EMPTY_LIST, LIST
      let list = try container(PickleList())
      if opcode == UInt8(ascii: "l") { try add(popToMark(), to: list) }
      push(.list(list))
    case UInt8(ascii: "a"):  // APPEND
      let item = try pop()
      try add([item], to: topList())
    case UInt8(ascii: "e"):  // APPENDS
      let items = try popToMark()
      try add(items, to: topList())
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
  mutating func useMemo(_ opcode: UInt8) throws -> Bool {
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
  static let refusedNames: [UInt8: String] = [
    UInt8(ascii: "i"): "INST", UInt8(ascii: "o"): "OBJ", 0x81: "NEWOBJ", 0x92: "NEWOBJ_EX",
    UInt8(ascii: "P"): "PERSID", UInt8(ascii: "Q"): "BINPERSID", 0x82: "EXT1", 0x83: "EXT2",
    0x84: "EXT4", 0x8B: "LONG4", 0x8F: "EMPTY_SET", 0x91: "FROZENSET",
    0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
  ]

  // MARK: - The stack

  mutating func push(_ value: PickleValue) { stack.append(value) }

  mutating func pop() throws -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.popLast() else {
      throw fail("damaged: a value is missing")
    }
    return value
  }

  mutating func popToMark() throws -> [PickleValue] {
    guard let mark = marks.popLast() else { throw fail("damaged: a mark is missing") }
    let items = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return items
  }

  mutating func pushTuple(_ items: [PickleValue]) throws {
    let tuple = try container(PickleTuple(items))
    try require(tuple.depth)
    push(.tuple(tuple))
  }

  mutating func container<Object>(_ object: Object) throws -> Object {
    containers += 1
    guard containers <= Self.maximumContainers else { throw tooManyContainers }
    return object
  }

  var tooManyContainers: Fault {
    fail("refused: more than \(Self.maximumContainers) lists, tuples, dictionaries and arrays")
  }

  private func hold(_ items: [PickleValue], in container: PickleContainer) throws {
    guard container.hold(items) else { throw fail("refused: a container that changes later") }
    try require(container.depth)
  }

  private func require(_ depth: Int) throws {
    guard depth <= Self.maximumDepth else {
      throw fail("refused: containers more than \(Self.maximumDepth) deep in each other")
    }
  }

  private func add(_ items: [PickleValue], to list: PickleList) throws {
    try hold(items, in: list)
    list.items += items
  }

  func topList() throws -> PickleList {
    guard stack.count > marks.last ?? 0, case .list(let list)? = stack.last else {
      throw fail("damaged: expected a list to append to")
    }
    return list
  }

  func topDictionary() throws -> PickleDictionary {
    guard stack.count > marks.last ?? 0, case .dictionary(let dictionary)? = stack.last else {
      throw fail("damaged: expected a dictionary to add to")
    }
    return dictionary
  }

  func add(_ items: [PickleValue], to dictionary: PickleDictionary) throws {
    guard items.count.isMultiple(of: 2) else { throw fail("damaged: a key without a value") }
    try hold(items, in: dictionary)
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
      let isNumber = content == .tensors && items[index].integerValue != nil
      guard isNumber || items[index].string != nil else {
        throw fail("refused: a key that is \(items[index].kind); expected a string")
      }
      dictionary.entries.append((items[index], items[index + 1]))
    }
  }

  mutating func remember(_ key: Int) throws {
    guard stack.count > marks.last ?? 0, let value = stack.last else {
      throw fail("damaged: a value is missing")
    }
    memo[key] = value
  }

  mutating func recall(_ key: Int) throws {
    guard let value = memo[key] else { throw fail("damaged: nothing is stored under \(key)") }
    push(value)
  }

  // MARK: - Errors

  func truncated() -> Fault {
    fail(
      "truncated: the file ends in the middle (\(bytes.count) bytes)",
      advice: "download it again")
  }

  func fail(_ statement: String, advice: String? = nil) -> Fault {
    Fault("\(path): pickle, byte \(start): \(statement)", advice: advice)
  }

  /// A name from a file as one short line.
  static func shown(_ text: String) -> String {
    let plain = text.unicodeScalars.prefix(80).map { $0.value < 32 || $0.value > 126 ? "?" : $0 }
    return String(String.UnicodeScalarView(plain)) + (text.unicodeScalars.count > 80 ? "..." : "")
  }
}
