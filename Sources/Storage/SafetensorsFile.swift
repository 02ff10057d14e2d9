import Base

/// A safetensors file, read and checked as a whole.
///
/// Takes what Python's `safetensors` writes. The file is read rather than mapped: a mapped file
/// that another process shortens ends the reader with SIGBUS instead of an error.
package struct SafetensorsFile: TensorSource, Sendable {
  /// The file, for messages.
  package let path: String
  /// The header's `__metadata__`, empty if it has none.
  package let metadata: [String: String]
  /// The tensors' names in the order of their bytes.
  package let names: [String]
  private let tensors: [String: SafetensorsHeader.Tensor]
  private let contents: [UInt8]

  /// Reads and checks a file.
  ///
  /// - Throws: `Fault` naming the path if the file cannot be read, is shorter than its
  ///   header says, its header is not the expected JSON, or its tensors do not tile the data
  ///   exactly.
  package init(path: String) throws {
    let contents = try FileSystem.readFile(path)
    Messages.detail("reads \(path), \(contents.count) bytes")
    try self.init(path: path, contents: contents)
  }

  /// Checks a file's bytes, as `init(path:)` does.
  init(path: String, contents: [UInt8]) throws {
    self.contents = contents
    let header = try SafetensorsHeader(of: contents, path: path)
    self.path = path
    metadata = header.metadata
    tensors = header.tensors
    names = header.names
  }

  /// Whether the file has a tensor of this name.
  package func contains(_ name: String) -> Bool { tensors[name] != nil }

  /// Type (`F32`, `I64`, ...) and shape of a tensor.
  ///
  /// - Throws: `Fault` if there is no such tensor.
  package func entry(_ name: String) throws -> (dtype: String, shape: [Int]) {
    let tensor = try tensor(name)
    return (tensor.type.rawValue, tensor.shape)
  }

  /// The elements of an F32, F16 or BF16 tensor, or those of an F64 one rounded to Float.
  ///
  /// - Throws: `Fault` if there is no such tensor or it is of another type.
  package func floats(_ name: String) throws -> [Float] {
    let tensor = try tensor(name)
    guard let values = load(tensor, { $0.floats }) else {
      throw wrongType(name, tensor.type.rawValue, expected: Self.floatTypes)
    }
    return values
  }

  /// The elements of an I64 or I32 tensor.
  ///
  /// - Throws: `Fault` if there is no such tensor or it is of another type.
  package func integers(_ name: String) throws -> [Int] {
    let tensor = try tensor(name)
    guard let values = load(tensor, { $0.integers }) else {
      throw wrongType(name, tensor.type.rawValue, expected: Self.integerTypes)
    }
    return values
  }

  private func tensor(_ name: String) throws -> SafetensorsHeader.Tensor {
    guard let tensor = tensors[name] else { throw missing(name) }
    return tensor
  }

  private func load<Element>(
    _ tensor: SafetensorsHeader.Tensor,
    _ elements: (ElementType) -> (UnsafeRawBufferPointer) -> [Element]?
  ) -> [Element]? {
    contents.withUnsafeBytes {
      elements(tensor.type)(UnsafeRawBufferPointer(rebasing: $0[tensor.bytes]))
    }
  }
}
