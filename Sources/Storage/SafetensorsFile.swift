import Base

/// A safetensors file, read and checked as a whole.
///
/// Takes what Python's `safetensors` writes. The file is read rather than mapped: a mapped file
/// that another process shortens ends the reader with SIGBUS instead of an error.
package struct SafetensorsFile: Sendable {
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
    contents = try FileSystem.readFile(path)
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
    return (tensor.type, tensor.shape)
  }

  /// The elements of an F32 tensor, or those of an F64 one rounded to Float.
  ///
  /// - Throws: `Fault` if there is no such tensor or it is of another type.
  package func floats(_ name: String) throws -> [Float] {
    let tensor = try tensor(name)
    switch tensor.type {
    case "F32": return load(tensor, UInt32.self).map { Float(bitPattern: UInt32(littleEndian: $0)) }
    case "F64":
      return load(tensor, UInt64.self).map {
        Float(Double(bitPattern: UInt64(littleEndian: $0)))
      }
    default:
      throw Fault("\(path): tensor '\(name)' is \(tensor.type), F32 or F64 is expected")
    }
  }

  /// The elements of an I64 or I32 tensor.
  ///
  /// - Throws: `Fault` if there is no such tensor or it is of another type.
  package func integers(_ name: String) throws -> [Int] {
    let tensor = try tensor(name)
    switch tensor.type {
    case "I64": return load(tensor, Int64.self).map { Int(Int64(littleEndian: $0)) }
    case "I32": return load(tensor, Int32.self).map { Int(Int32(littleEndian: $0)) }
    default:
      throw Fault("\(path): tensor '\(name)' is \(tensor.type), I64 or I32 is expected")
    }
  }

  private func tensor(_ name: String) throws -> SafetensorsHeader.Tensor {
    guard let tensor = tensors[name] else {
      let some = names.prefix(4).joined(separator: ", ") + (names.count > 4 ? ", ..." : "")
      throw Fault("\(path): has no tensor '\(name)', but \(some.isEmpty ? "none" : some)")
    }
    return tensor
  }

  /// Copies a tensor's elements; the header's length decides whether they are aligned, so a
  /// copy of bytes it must be.
  private func load<Element: FixedWidthInteger>(
    _ tensor: SafetensorsHeader.Tensor, _: Element.Type
  ) -> [Element] {
    contents.withUnsafeBytes { bytes in
      let part = UnsafeRawBufferPointer(rebasing: bytes[tensor.bytes])
      return [Element](unsafeUninitializedCapacity: part.count / MemoryLayout<Element>.size) {
        target, count in
        UnsafeMutableRawBufferPointer(target).copyMemory(from: part)
        count = target.count
      }
    }
  }
}
