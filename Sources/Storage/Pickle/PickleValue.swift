/// What a pickle can hold.
///
/// Lists, dictionaries and arrays are references, as in Python: a pickle stores them first and
/// fills them afterwards.
package enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  case double(Double)
  /// Bytes, and Python 2's strings: a range of the pickle.
  case bytes(ArraySlice<UInt8>)
  case text(String)
  case tuple(PickleTuple)
  case list(PickleList)
  case dictionary(PickleDictionary)
  case global(PickleGlobal)
  case dataType(PickleDataType)
  case array(PickleArray)
  case storage(PickleStorage)
  case tensor(PickleTensor)

  /// For messages: `a list`.
  package var kind: String {
    switch self {
    case .none: return "None"
    case .bool: return "a boolean"
    case .integer: return "an integer"
    case .double: return "a float"
    case .bytes, .text: return "a string"
    case .tuple(let items): return "a tuple of \(items.items.count)"
    case .list(let list): return "a list of \(list.items.count)"
    case .dictionary: return "a dictionary"
    case .global(let global): return "the function \(global.name)"
    case .dataType: return "a numpy type"
    case .array(let array): return "a numpy array of shape \(array.shape)"
    case .storage: return "the storage of a tensor"
    case .tensor(let tensor): return "a tensor of shape \(tensor.shape)"
    }
  }

  /// The text of a string: Python 3 names keys b'data', Python 2 'data', others 'data' in Unicode.
  package var string: String? {
    switch self {
    case .bytes(let bytes): return String(decoding: bytes, as: UTF8.self)
    case .text(let text): return text
    default: return nil
    }
  }

  var isNone: Bool { if case .none = self { true } else { false } }

  package var integerValue: Int? {
    if case .integer(let value) = self { return value }
    if case .bool(let value) = self { return value ? 1 : 0 }
    return nil
  }
}

extension PickleValue {
  /// The container that it is; nil for values that hold no others.
  var container: PickleContainer? {
    switch self {
    case .tuple(let tuple): tuple
    case .list(let list): list
    case .dictionary(let dictionary): dictionary
    default: nil
    }
  }
}

/// What holds other values.
package class PickleContainer {
  /// Containers that lie in each other, this one included.
  fileprivate(set) var depth = 1
  /// Whether it lies in another container: nothing is put into it any more.
  fileprivate(set) var isComplete = false

  /// Takes note of what is put into it.
  ///
  /// - Returns: Whether that may be.
  func hold(_ items: [PickleValue]) -> Bool {
    for case let inner? in items.map(\.container) {
      inner.isComplete = true
      depth = max(depth, inner.depth + 1)
    }
    return !isComplete
  }
}

package final class PickleTuple: PickleContainer {
  package fileprivate(set) var items: [PickleValue] = []

  init(_ items: [PickleValue]) {
    super.init()
    _ = hold(items)
    self.items = items
  }
}

package final class PickleList: PickleContainer {
  package internal(set) var items: [PickleValue] = []
}

package final class PickleDictionary: PickleContainer {
  package internal(set) var entries: [(key: PickleValue, value: PickleValue)] = []

  package subscript(key: String) -> PickleValue? {
    entries.last { $0.key.string == key }?.value
  }
}

/// The only functions and types that a pickle may name.
///
/// None of them is called: what they would build is built here.
package enum PickleGlobal: Equatable {
  case reconstruct, fromBuffer, ndarray, dtype
  /// How Python 3 writes bytes under protocol 2.
  case encode
  case orderedDictionary, rebuildTensor, rebuildParameter
  /// `torch.FloatStorage` and its like.
  case storage(ElementType)

  private static let names: [String: PickleGlobal] = [
    "numpy.core.multiarray._reconstruct": .reconstruct,
    "numpy.core.numeric._frombuffer": .fromBuffer,
    "numpy.ndarray": .ndarray,
    "numpy.dtype": .dtype,
    "_codecs.encode": .encode,
    "collections.OrderedDict": .orderedDictionary,
    "torch._utils._rebuild_tensor_v2": .rebuildTensor,
    "torch._utils._rebuild_parameter": .rebuildParameter,
    "torch.DoubleStorage": .storage(.float64),
    "torch.FloatStorage": .storage(.float32),
    "torch.HalfStorage": .storage(.float16),
    "torch.BFloat16Storage": .storage(.bfloat16),
    "torch.LongStorage": .storage(.int64),
    "torch.IntStorage": .storage(.int32),
    "torch.ShortStorage": .storage(.int16),
    "torch.CharStorage": .storage(.int8),
    "torch.ByteStorage": .storage(.uint8),
    "torch.BoolStorage": .storage(.boolean),
  ]

  /// numpy 2 has moved its core to `numpy._core`.
  init?(module: String, name: String) {
    let module = module.hasPrefix("numpy._core.") ? "numpy.core." + module.dropFirst(12) : module
    guard let global = Self.names["\(module).\(name)"] else { return nil }
    self = global
  }

  /// As a pickle names it.
  var name: String { Self.names.first { $0.value == self }?.key ?? "" }

  /// Whether only PyTorch's pickles have it.
  var isPyTorchs: Bool {
    switch self {
    case .orderedDictionary, .rebuildTensor, .rebuildParameter, .storage: true
    default: false
    }
  }
}

/// The element type of a numpy array.
package final class PickleDataType {
  /// `u1`, `i8`, `f4`, ...
  package let code: String
  package internal(set) var isBigEndian = false

  init?(code: String) {
    // Type codes may come with their byte order in front.
    let plain = code.drop { "|<>=".contains($0) }
    guard Self.codes.contains(String(plain)) else { return nil }
    self.code = String(plain)
    isBigEndian = code.hasPrefix(">")
  }

  private static let codes: Set = [
    "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "b1",
  ]

  /// Bytes of an element.
  package var size: Int { Int(String(code.suffix(1))) ?? 1 }
}

/// A numpy array: shape, element type, and its bytes within the pickle.
package final class PickleArray {
  package internal(set) var shape: [Int] = []
  package internal(set) var dataType: PickleDataType?
  package internal(set) var isFortranOrdered = false
  package internal(set) var bytes: ArraySlice<UInt8> = []

  /// Elements: the product of the shape.
  package var count: Int { shape.reduce(1, *) }
}

/// Where a tensor's values lie: under a key beside the pickle.
package final class PickleStorage {
  package let type: ElementType
  package let key: String
  /// Elements.
  package let count: Int

  init(type: ElementType, key: String, count: Int) {
    self.type = type
    self.key = key
    self.count = count
  }
}

/// A view of a storage: element (i, j, ...) is number offset + i strides[0] + j strides[1] + ...
package final class PickleTensor {
  package let storage: PickleStorage
  package let offset: Int
  package let shape: [Int]
  package let strides: [Int]
  /// Elements: the product of the shape.
  package let count: Int

  /// - Returns: nil for a view that leaves its storage, or has more elements than it: a stride of 0
  ///   could make any number of them.
  init?(_ storage: PickleStorage, offset: Int, shape: [Int], strides: [Int]) {
    guard shape.count == strides.count, shape.count <= 8, (0...storage.count).contains(offset),
      shape.allSatisfy({ $0 >= 0 }), strides.allSatisfy({ $0 >= 0 })
    else { return nil }
    var (count, last) = (shape.contains(0) ? 0 : 1, offset)
    for (size, stride) in zip(shape, strides) where count > 0 {
      let (product, isTooLarge) = count.multipliedReportingOverflow(by: size)
      let (reach, isTooFar) = (size - 1).multipliedReportingOverflow(by: stride)
      guard !isTooLarge, !isTooFar, product <= storage.count, reach < storage.count else {
        return nil
      }
      (count, last) = (product, last + reach)
    }
    guard count == 0 || last < storage.count else { return nil }
    self.count = count
    self.storage = storage
    self.offset = offset
    self.shape = shape
    self.strides = strides
  }

  /// Whether its elements lie one after the other.
  package var isContiguous: Bool {
    var step = 1
    for (size, stride) in zip(shape, strides).reversed() where size != 1 {
      if stride != step { return false }
      step *= size
    }
    return true
  }
}
