import Base

/// Named tensors, of a file or what is made of one.
package protocol TensorSource {
  /// The file, for messages.
  var path: String { get }
  /// The tensors' names in the order of the file.
  var names: [String] { get }

  /// Whether there is a tensor of this name.
  func contains(_ name: String) -> Bool

  /// Type and shape of a tensor.
  ///
  /// - Throws: `Fault` if there is no such tensor.
  func entry(_ name: String) throws -> (dtype: String, shape: [Int])

  /// The elements of a tensor of floats, last dimension fastest; those of an F64 one rounded.
  ///
  /// - Throws: `Fault` if there is no such tensor or it is of another type.
  func floats(_ name: String) throws -> [Float]

  /// The elements of an I64 or I32 tensor.
  ///
  /// - Throws: `Fault` if there is no such tensor or it is of another type.
  func integers(_ name: String) throws -> [Int]
}

extension TensorSource {
  /// The error of a name that is not there.
  func missing(_ name: String) -> Fault {
    let some = names.prefix(4).joined(separator: ", ") + (names.count > 4 ? ", ..." : "")
    return Fault("\(path): has no tensor '\(name)', but \(some.isEmpty ? "none" : some)")
  }

  /// The error of a tensor of another type.
  func wrongType(_ name: String, _ type: String, expected: String) -> Fault {
    Fault("\(path): tensor '\(name)' is \(type), \(expected) is expected")
  }

  static var floatTypes: String { "F32, F64, F16 or BF16" }
  static var integerTypes: String { "I64 or I32" }
}
