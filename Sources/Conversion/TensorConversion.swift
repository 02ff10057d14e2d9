import Base
import Storage

/// Makes a safetensors file of any file of tensors, under other names: weights of a network that
/// features come from.
package enum TensorConversion {
  /// What was written.
  package struct Report: Encodable {
    let output: String
    let source: String
    /// Tensors in the output.
    let tensors: Int
    /// Tensors that the map of names left out.
    let omitted: [String]

    /// For people.
    package var lines: [String] {
      let rest = omitted.isEmpty ? "" : ", \(omitted.count) left out by the map"
      return ["\(tensors) tensors from \(source)\(rest)", output]
    }
  }

  /// Reads, renames and writes: floats as F32, integers as I64.
  ///
  /// - Parameters:
  ///   - input: The file, as `TensorFile` reads it.
  ///   - output: The safetensors file; replaced as a whole.
  ///   - map: The map of names.
  ///   - prefix: What names that count begin with; they lose it.
  ///   - layout: How linear weights lie: with Paddle's all matrices called `weight` are transposed.
  /// - Returns: What was written.
  /// - Throws: `Fault` where the file cannot be read, or nothing is left of it.
  package static func run(
    _ input: String, to output: String, map: NameMap = NameMap(), prefix: String = "",
    layout: MappedTensors.Layout? = nil
  ) throws -> Report {
    let file = try TensorFile(path: input)
    let source = try MappedTensors(
      file, map: map, prefix: prefix, layout: layout ?? (file.format == .paddle ? nil : .pytorch),
      expected: [], isLinearWeight: { $0 == "weight" || $0.hasSuffix(".weight") })
    guard !source.names.isEmpty else {
      throw Fault("\(input): no tensor is left of \(file.names.count) by --prefix and --map")
    }
    let entries = try source.names.map { name in
      let (type, shape) = try source.entry(name)
      let isInteger = type == ElementType.int64.rawValue || type == ElementType.int32.rawValue
      return SafetensorsEntry(name: name, type: isInteger ? .int64 : .float32, shape: shape)
    }
    let writer = SafetensorsWriter(entries: entries, metadata: ["format": "pt"])
    try FileSystem.createDirectory(FileSystem.folder(of: output))
    try writer.writeAtomically(to: output) { index, bytes in
      let entry = entries[index]
      switch entry.type {
      case .float32:
        try source.floats(entry.name).withUnsafeBytes { bytes.copyMemory(from: $0) }
      case .int64:
        try source.integers(entry.name).withUnsafeBytes { bytes.copyMemory(from: $0) }
      }
    }
    return Report(
      output: output, source: input, tensors: entries.count, omitted: source.omitted)
  }
}
