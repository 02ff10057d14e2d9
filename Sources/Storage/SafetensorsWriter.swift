import Base
import Foundation

/// The element types that checkpoints hold, under their names in a safetensors header.
package enum SafetensorsType: String, Sendable {
  case float32 = "F32"
  case int64 = "I64"

  /// Bytes an element takes.
  package var byteCount: Int {
    switch self {
    case .float32: 4
    case .int64: 8
    }
  }
}

/// One tensor of a safetensors file to be written.
package struct SafetensorsEntry: Equatable, Sendable {
  package let name: String
  package let type: SafetensorsType
  /// The sizes, outermost first; empty for a scalar.
  package let shape: [Int]

  package init(name: String, type: SafetensorsType = .float32, shape: [Int]) {
    precondition(shape.allSatisfy { $0 >= 0 }, "tensor '\(name)' has the shape \(shape)")
    self.name = name
    self.type = type
    self.shape = shape
  }

  /// Elements of the tensor; 1 for a scalar.
  package var elementCount: Int { shape.reduce(1, *) }

  /// Bytes of the tensor.
  package var byteCount: Int { elementCount * type.byteCount }
}

/// Size and checksum of a file of a checkpoint, as its `DONE` records them.
package struct StoredFile: Equatable, Sendable {
  /// The file's name, without a folder.
  package let name: String
  /// Bytes.
  package let size: Int
  /// CRC-32 of the whole file.
  package let crc32: UInt32

  package init(name: String, size: Int, crc32: UInt32) {
    self.name = name
    self.size = size
    self.crc32 = crc32
  }
}

/// Writes safetensors files of one fixed layout, one tensor in memory at a time.
///
/// Format (https://github.com/huggingface/safetensors, "Format"): the header's length as an 8-byte
/// little-endian integer, a JSON header, the tensors' bytes, little-endian, without gaps. The bytes
/// are a function of entries and metadata alone: tensors in the order given, `__metadata__` first
/// with its keys sorted, no white space but the padding that makes the header a multiple of 8.
package struct SafetensorsWriter: Sendable {
  package let entries: [SafetensorsEntry]
  /// Everything before the first tensor's bytes: length, JSON, padding.
  package let header: [UInt8]
  /// Bytes of the whole file.
  package let fileSize: Int

  /// Fixes the layout.
  ///
  /// - Parameters:
  ///   - entries: The tensors in the order of the file, names all different.
  ///   - metadata: Free text, given back by every safetensors reader.
  package init(entries: [SafetensorsEntry], metadata: [String: String] = [:]) {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        .map { "\(quoted($0.key)):\(quoted($0.value))" }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var names: Set<String> = ["__metadata__"]
    var offset = 0
    for entry in entries {
      precondition(names.insert(entry.name).inserted, "two tensors are named '\(entry.name)'")
      let shape = entry.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(quoted(entry.name)):{\"dtype\":\"\(entry.type.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(offset + entry.byteCount)]}")
      offset += entry.byteCount
    }
    var json = Array("{\(members.joined(separator: ","))}".utf8)
    json += Array(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    let length = UInt64(json.count)
    self.entries = entries
    header = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + json
    fileSize = header.count + offset
  }

  /// Writes the file and brings it to the device.
  ///
  /// Meant for a temporary folder: what stood at `path` is overwritten in place, and after an error
  /// a partial file stays. Memory: one buffer of the largest tensor's size.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - fill: Called once for every entry in order with its index and `byteCount` bytes, aligned
  ///     to 64, all of which it must set: they hold an earlier tensor's values.
  /// - Returns: Name, size and checksum of the file.
  /// - Throws: `Fault`, or what `fill` throws.
  @discardableResult
  package func write(
    to path: String,
    fill: (_ entryIndex: Int, _ bytes: UnsafeMutableRawBufferPointer) throws -> Void
  ) throws -> StoredFile {
    let file = try OutputFile(path: path, mode: .replace)
    let sum = try write(to: file, fill)
    try file.synchronize()
    try file.close()
    return StoredFile(name: FileSystem.name(of: path), size: fileSize, crc32: sum)
  }

  /// Replaces the file at `path` as a whole; `fill` as in `write`.
  package func writeAtomically(
    to path: String,
    fill: (_ entryIndex: Int, _ bytes: UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    try FileSystem.writeAtomically(to: path) { _ = try write(to: $0, fill) }
  }

  /// Writes header and tensors.
  ///
  /// - Returns: The CRC-32 of all.
  private func write(
    to file: OutputFile,
    _ fill: (_ entryIndex: Int, _ bytes: UnsafeMutableRawBufferPointer) throws -> Void
  ) throws -> UInt32 {
    let largest = entries.map(\.byteCount).max() ?? 0
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: largest, alignment: 64)
    defer { buffer.deallocate() }
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    var sum = try header.withUnsafeBytes { bytes in
      try file.write(bytes)
      return FileSystem.crc32(bytes)
    }
    for (index, entry) in entries.enumerated() {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<entry.byteCount])
      try fill(index, part)
      try file.write(UnsafeRawBufferPointer(part))
      sum = FileSystem.crc32(UnsafeRawBufferPointer(part), continuing: sum)
    }
    return sum
  }
}

/// `text` as a JSON string: what must be escaped is, the rest stays UTF-8.
private func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\r": result += "\\r"
    case "\t": result += "\\t"
    case _ where scalar.value < 0x20:
      result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
