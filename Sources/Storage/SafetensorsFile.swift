import Foundation

/// A safetensors file, read and checked as a whole.
///
/// Takes what Python's `safetensors` writes. The file is read rather than mapped: a mapped file
/// that another process shortens ends the reader with SIGBUS instead of an error.
package struct SafetensorsFile: Sendable {
  /// One tensor's place and shape.
  private struct Tensor {
    var type: String
    var shape: [Int]
    var bytes: Range<Int>
  }

  /// The file, for messages.
  package let path: String
  /// The header's `__metadata__`, empty if it has none.
  package let metadata: [String: String]
  /// The tensors' names in the order of their bytes.
  package let names: [String]
  private let tensors: [String: Tensor]
  private let contents: [UInt8]

  /// The longest header that is believed; the reference implementation's limit.
  private static let longestHeader = 100_000_000

  private static let typeSizes = [
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8,
    "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
  ]

  /// Reads and checks a file.
  ///
  /// - Throws: `StorageError` naming the path if the file cannot be read, is shorter than its
  ///   header says, its header is not the expected JSON, or its tensors do not tile the data
  ///   exactly.
  package init(path: String) throws {
    func broken(_ what: String) -> StorageError {
      StorageError("\(path): not a valid safetensors file: \(what)")
    }

    let contents = try FileSystem.readFile(path)
    guard contents.count >= 8 else {
      throw broken("it has \(contents.count) bytes, the header's length alone takes 8")
    }
    let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(contents[$1]) << (8 * $1) }
    guard length <= Self.longestHeader else {
      throw broken("the header's length is given as \(length), at most 100000000 is expected")
    }
    let dataStart = 8 + Int(length)
    guard dataStart <= contents.count else {
      throw broken("truncated: the header takes \(length) bytes, \(contents.count - 8) are left")
    }

    let json: Any
    do {
      json = try JSONSerialization.jsonObject(with: Data(contents[8..<dataStart]))
    } catch {
      throw broken("the header is not JSON")
    }
    guard let header = json as? [String: Any] else { throw broken("the header is not an object") }

    var metadata: [String: String] = [:]
    var tensors: [String: Tensor] = [:]
    let dataSize = contents.count - dataStart
    for (name, value) in header {
      if name == "__metadata__" {
        guard let texts = value as? [String: String] else {
          throw broken("__metadata__ is not an object of strings")
        }
        metadata = texts
        continue
      }
      guard let members = value as? [String: Any], let type = members["dtype"] as? String,
        let shape = Self.integers(members["shape"]),
        let offsets = Self.integers(members["data_offsets"]), offsets.count == 2
      else {
        throw broken("tensor '\(name)' lacks dtype, shape or data_offsets: [begin, end]")
      }
      guard let size = Self.typeSizes[type] else {
        throw broken("tensor '\(name)' has the unknown dtype \(type)")
      }
      let (begin, end) = (offsets[0], offsets[1])
      guard 0 <= begin, begin <= end, end <= dataSize else {
        throw broken(
          "tensor '\(name)' takes the bytes \(begin) to \(end) of \(dataSize); truncated?")
      }
      guard let byteCount = Self.product(shape + [size]), byteCount == end - begin else {
        throw broken("tensor '\(name)' is \(type) \(shape), but takes \(end - begin) bytes")
      }
      tensors[name] = Tensor(
        type: type, shape: shape, bytes: dataStart + begin..<dataStart + end)
    }

    // Several empty tensors may begin at one byte: the name makes their order the same every time.
    let inOrder = tensors.sorted { left, right in
      let (a, b) = (left.value.bytes, right.value.bytes)
      return (a.lowerBound, a.upperBound, left.key) < (b.lowerBound, b.upperBound, right.key)
    }
    var position = dataStart
    for (name, tensor) in inOrder {
      guard tensor.bytes.lowerBound == position else {
        let what = tensor.bytes.lowerBound < position ? "overlaps the one before" : "leaves a hole"
        throw broken(
          "tensor '\(name)' begins at byte \(tensor.bytes.lowerBound - dataStart) and \(what), "
            + "\(position - dataStart) is expected")
      }
      position = tensor.bytes.upperBound
    }
    guard position == contents.count else {
      throw broken("\(contents.count - position) bytes at its end belong to no tensor")
    }

    self.path = path
    self.metadata = metadata
    self.tensors = tensors
    self.contents = contents
    names = inOrder.map(\.key)
  }

  /// Whether the file has a tensor of this name.
  package func contains(_ name: String) -> Bool { tensors[name] != nil }

  /// Type (`F32`, `I64`, ...) and shape of a tensor.
  ///
  /// - Throws: `StorageError` if there is no such tensor.
  package func entry(_ name: String) throws -> (dtype: String, shape: [Int]) {
    let tensor = try tensor(name)
    return (tensor.type, tensor.shape)
  }

  /// The elements of an F32 tensor, or those of an F64 one rounded to Float.
  ///
  /// - Throws: `StorageError` if there is no such tensor or it is of another type.
  package func floats(_ name: String) throws -> [Float] {
    let tensor = try tensor(name)
    switch tensor.type {
    case "F32": return load(tensor, UInt32.self).map { Float(bitPattern: UInt32(littleEndian: $0)) }
    case "F64":
      return load(tensor, UInt64.self).map {
        Float(Double(bitPattern: UInt64(littleEndian: $0)))
      }
    default:
      throw StorageError("\(path): tensor '\(name)' is \(tensor.type), F32 or F64 is expected")
    }
  }

  /// The elements of an I64 or I32 tensor.
  ///
  /// - Throws: `StorageError` if there is no such tensor or it is of another type.
  package func integers(_ name: String) throws -> [Int] {
    let tensor = try tensor(name)
    switch tensor.type {
    case "I64": return load(tensor, Int64.self).map { Int(Int64(littleEndian: $0)) }
    case "I32": return load(tensor, Int32.self).map { Int(Int32(littleEndian: $0)) }
    default:
      throw StorageError("\(path): tensor '\(name)' is \(tensor.type), I64 or I32 is expected")
    }
  }

  private func tensor(_ name: String) throws -> Tensor {
    guard let tensor = tensors[name] else {
      let some = names.prefix(4).joined(separator: ", ") + (names.count > 4 ? ", ..." : "")
      throw StorageError("\(path): has no tensor '\(name)', but \(some.isEmpty ? "none" : some)")
    }
    return tensor
  }

  /// Copies a tensor's elements; the header's length decides whether they are aligned, so a
  /// copy of bytes it must be.
  private func load<Element: FixedWidthInteger>(_ tensor: Tensor, _: Element.Type) -> [Element] {
    contents.withUnsafeBytes { bytes in
      let part = UnsafeRawBufferPointer(rebasing: bytes[tensor.bytes])
      return [Element](unsafeUninitializedCapacity: part.count / MemoryLayout<Element>.size) {
        target, count in
        UnsafeMutableRawBufferPointer(target).copyMemory(from: part)
        count = target.count
      }
    }
  }

  /// A JSON array of integers, nil if it is anything else.
  private static func integers(_ value: Any?) -> [Int]? {
    guard let values = value as? [Any] else { return nil }
    let integers = values.compactMap { $0 as? Int }
    return integers.count == values.count ? integers : nil
  }

  /// The product of non-negative factors, nil if one is negative or the product too large.
  private static func product(_ factors: [Int]) -> Int? {
    var product = 1
    for factor in factors {
      let (next, overflow) = product.multipliedReportingOverflow(by: factor)
      if overflow || factor < 0 { return nil }
      product = next
    }
    return product
  }
}
