import Base
import Storage

/// The `.pt` file of a state dict: what `torch.save` writes of an ordered dictionary of tensors.
///
/// A zip of `data.pkl` (protocol 2), `version`, `byteorder`, and `data/N` for each tensor, at
/// multiples of 64 bytes. `torch.load(weights_only=True)` reads it.
package struct StateDictPickle {
  private let entries: [SafetensorsEntry]

  /// - Parameter entries: The tensors in their order.
  package init(_ entries: [SafetensorsEntry]) { self.entries = entries }

  /// Writes the file, one tensor in memory at a time.
  ///
  /// - Parameters:
  ///   - path: The file; replaced as a whole.
  ///   - fill: Overwrites `byteCount` bytes with the tensor of an index.
  /// - Throws: `Fault`, or what `fill` throws.
  package func write(
    to path: String,
    fill: (_ entryIndex: Int, _ bytes: UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    let folder = FileSystem.name(of: path).split(separator: ".").first.map(String.init) ?? "archive"
    try FileSystem.writeAtomically(to: path) { file in
      let zip = ZipWriter(file, alignment: 64)
      func add(_ name: String, _ bytes: [UInt8]) throws {
        try zip.begin("\(folder)/\(name)", size: bytes.count)
        try bytes.withUnsafeBytes { try zip.write($0) }
      }
      try add("data.pkl", pickle)
      try add("byteorder", Array("little".utf8))
      for (index, entry) in entries.enumerated() {
        var bytes = [UInt8](repeating: 0, count: entry.byteCount)
        try bytes.withUnsafeMutableBytes { try fill(index, $0) }
        try add("data/\(index)", bytes)
      }
      try add("version", Array("3\n".utf8))
      try zip.finish()
    }
  }

  /// The bytes of `data.pkl`: protocol 2, an `OrderedDict` of `_rebuild_tensor_v2` calls, of which
  /// storage N is `data/N`.
  private var pickle: [UInt8] {
    var bytes: [UInt8] = [0x80, 2]
    func opcode(_ letter: Unicode.Scalar) { bytes.append(UInt8(ascii: letter)) }
    func global(_ module: String, _ name: String) {
      opcode("c")
      bytes += Array("\(module)\n\(name)\n".utf8)
    }
    func number(_ value: Int, _ count: Int) {
      bytes += (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    func integer(_ value: Int) {
      if value < 1 << 31 {
        opcode("J")
        number(value, 4)
      } else {
        bytes += [0x8A, 8]
        number(value, 8)
      }
    }
    func text(_ text: String) {
      opcode("X")
      number(text.utf8.count, 4)
      bytes += Array(text.utf8)
    }
    func integers(_ values: [Int]) {
      opcode("(")
      values.forEach(integer)
      opcode("t")
    }
    func emptyDictionary() {
      global("collections", "OrderedDict")
      opcode(")")
      opcode("R")
    }
    emptyDictionary()
    opcode("(")
    for (index, entry) in entries.enumerated() {
      text(entry.name)
      global("torch._utils", "_rebuild_tensor_v2")
      opcode("(")
      opcode("(")
      text("storage")
      global("torch", entry.type == .int64 ? "LongStorage" : "FloatStorage")
      text("\(index)")
      text("cpu")
      integer(entry.elementCount)
      opcode("t")
      opcode("Q")
      integer(0)
      integers(entry.shape)
      integers(entry.shape.indices.map { entry.shape[($0 + 1)...].reduce(1, *) })
      // requires_grad, and no hooks.
      bytes.append(0x89)
      emptyDictionary()
      opcode("t")
      opcode("R")
    }
    opcode("u")
    opcode(".")
    return bytes
  }
}
