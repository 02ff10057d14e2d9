import Base

/// What numpy and PyTorch make their arrays with: built here, and nothing called.
extension PickleReader {
  mutating func pushGlobal(module: String, name: String) throws {
    guard let global = PickleGlobal(module: module, name: name),
      content == .tensors || !global.isPyTorchs
    else {
      throw fail(
        "refused: the name \(Self.shown("\(module).\(name)")); expected \(content.expected) only")
    }
    push(.global(global))
  }

  /// `f(*arguments)` for the functions known.
  mutating func reduce() throws {
    guard case .tuple(let tuple) = try pop() else {
      throw fail("damaged: expected a tuple of arguments")
    }
    let arguments = tuple.items
    let function = try pop()
    guard case .global(let global) = function else {
      throw fail("refused: a call of \(function.kind); expected \(content.expected) only")
    }
    switch global {
    case .reconstruct:
      guard case .global(.ndarray)? = arguments.first else {
        throw fail("refused: \(global.name) of something else than numpy.ndarray")
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
      else { throw fail("damaged: \(global.name) of other arguments than numpy's") }
      let array = try container(PickleArray())
      try fill(
        array, shape: shape.items, type: type, isFortranOrdered: order == "F", bytes: data)
      push(.array(array))
    case .encode: push(.bytes(try encoded(arguments)[...]))
    case .orderedDictionary:
      guard arguments.isEmpty else {
        throw fail("refused: \(global.name) of arguments; expected an empty one")
      }
      push(.dictionary(try container(PickleDictionary())))
    case .rebuildTensor: push(.tensor(try tensor(arguments)))
    case .rebuildParameter:
      guard case .tensor(let tensor)? = arguments.first else {
        throw fail("damaged: \(global.name) of something else than a tensor")
      }
      push(.tensor(tensor))
    case .ndarray, .storage:
      throw fail("refused: a call of \(global.name)")
    }
  }

  /// How protocol 2 writes bytes, `_codecs.encode(text, "latin1")`.
  private mutating func encoded(_ arguments: [PickleValue]) throws -> [UInt8] {
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
    return bytes
  }

  /// A tensor's values, which lie elsewhere: `("storage", type, key, place, count)`, in PyTorch's
  /// format of before 1.6 with None behind it.
  mutating func storage(_ value: PickleValue) throws -> PickleStorage {
    guard case .tuple(let tuple) = value,
      tuple.items.count == 5 || tuple.items.last?.isNone == true,
      tuple.items.count <= 6, tuple.items.count >= 5,
      tuple.items[0].string == "storage", case .global(.storage(let type)) = tuple.items[1],
      let key = tuple.items[2].string, key.utf8.count <= Self.maximumKeySize,
      let count = tuple.items[4].integerValue, count >= 0
    else { throw fail("damaged: expected the storage of a tensor") }
    return try container(PickleStorage(type: type, key: key, count: count))
  }

  /// `_rebuild_tensor_v2(storage, offset, shape, strides, ...)`.
  private mutating func tensor(_ arguments: [PickleValue]) throws -> PickleTensor {
    guard arguments.count >= 4, case .storage(let storage) = arguments[0],
      let offset = arguments[1].integerValue, case .tuple(let sizes) = arguments[2],
      case .tuple(let steps) = arguments[3]
    else { throw fail("damaged: a tensor that is not made of a storage") }
    let shape = sizes.items.compactMap(\.integerValue)
    let strides = steps.items.compactMap(\.integerValue)
    guard shape.count == sizes.items.count, strides.count == steps.items.count,
      let tensor = PickleTensor(storage, offset: offset, shape: shape, strides: strides)
    else {
      throw fail(
        "damaged: a tensor of shape \(shape), strides \(strides) and offset \(offset) in a storage "
          + "of \(storage.count)")
    }
    return try container(tensor)
  }

  /// `__setstate__` of arrays and types.
  mutating func build() throws {
    let value = try pop()
    // What PyTorch's modules note beside the tensors of an ordered dictionary: their versions.
    if content == .tensors, case .dictionary = value, case .dictionary? = stack.last { return }
    guard case .tuple(let tuple) = value else { throw fail("damaged: expected a tuple of state") }
    let state = tuple.items
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
        array, shape: shape.items, type: type, isFortranOrdered: isFortranOrdered != 0,
        bytes: bytes)
    default:
      throw fail(
        "refused: the state of \(stack.last?.kind ?? "nothing"); expected \(content.expected)")
    }
  }

  func fill(
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
}
