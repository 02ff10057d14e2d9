/// What a pickle of a data set can hold.
///
/// Lists, dictionaries and arrays are references, as in Python: a pickle stores them first and
/// fills them afterwards.
enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  case double(Double)
  /// Bytes, and Python 2's strings: a range of the pickle.
  case bytes(ArraySlice<UInt8>)
  case text(String)
  case tuple([PickleValue])
  case list(PickleList)
  case dictionary(PickleDictionary)
  case global(PickleGlobal)
  case dataType(PickleDataType)
  case array(PickleArray)

  /// For messages: `a list`.
  var kind: String {
    switch self {
    case .none: return "None"
    case .bool: return "a boolean"
    case .integer: return "an integer"
    case .double: return "a float"
    case .bytes, .text: return "a string"
    case .tuple(let items): return "a tuple of \(items.count)"
    case .list(let list): return "a list of \(list.items.count)"
    case .dictionary: return "a dictionary"
    case .global(let global): return "the function \(global.rawValue)"
    case .dataType: return "a numpy type"
    case .array(let array): return "a numpy array of shape \(array.shape)"
    }
  }

  /// The text of a string: Python 3 names keys b'data', Python 2 'data', others 'data' in Unicode.
  var string: String? {
    switch self {
    case .bytes(let bytes): return String(decoding: bytes, as: UTF8.self)
    case .text(let text): return text
    default: return nil
    }
  }

  var integerValue: Int? {
    if case .integer(let value) = self { return value }
    if case .bool(let value) = self { return value ? 1 : 0 }
    return nil
  }
}

final class PickleList {
  var items: [PickleValue] = []
}

final class PickleDictionary {
  var entries: [(key: PickleValue, value: PickleValue)] = []

  subscript(key: String) -> PickleValue? {
    entries.last { $0.key.string == key }?.value
  }
}

/// The only functions and types that a pickle may name.
///
/// None of them is called: what they would build is built here.
enum PickleGlobal: String {
  case reconstruct = "numpy.core.multiarray._reconstruct"
  case fromBuffer = "numpy.core.numeric._frombuffer"
  case ndarray = "numpy.ndarray"
  case dtype = "numpy.dtype"
  /// How Python 3 writes bytes under protocol 2.
  case encode = "_codecs.encode"

  /// numpy 2 has moved its core to `numpy._core`.
  init?(module: String, name: String) {
    let module = module.hasPrefix("numpy._core.") ? "numpy.core." + module.dropFirst(12) : module
    self.init(rawValue: "\(module).\(name)")
  }
}

/// The element type of a numpy array.
final class PickleDataType {
  /// `u1`, `i8`, `f4`, ...
  let code: String
  var isBigEndian = false

  init?(code: String) {
    // Type codes may come with their byte order in front.
    let plain = code.drop { "|<>=".contains($0) }
    guard ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"].contains(plain) else {
      return nil
    }
    self.code = String(plain)
    isBigEndian = code.hasPrefix(">")
  }

  /// Bytes of an element.
  var size: Int { Int(String(code.suffix(1))) ?? 1 }
}

/// A numpy array: shape, element type, and its bytes within the pickle.
final class PickleArray {
  var shape: [Int] = []
  var dataType: PickleDataType?
  var isFortranOrdered = false
  var bytes: ArraySlice<UInt8> = []

  /// Elements: the product of the shape.
  var count: Int { shape.reduce(1, *) }
}
