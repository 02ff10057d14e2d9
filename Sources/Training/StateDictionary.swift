import Base
import Networks
import Storage

/// The tensors of a safetensors file as training expects them: names, PyTorch's shapes and types,
/// and the memory that they are read into and written from.
///
/// Reading and writing go by one list, so that what is written is what is expected. The memory is
/// its owner's, who keeps it while the dictionary is used.
package struct StateDictionary {
  /// One tensor.
  package struct Entry {
    private enum Memory {
      case floats(MutableFloatBuffer, ParameterLayout)
      case counter(StateBuffer)
    }

    /// What iterations and steps can count to, with room to go on.
    private static let mostCounted = 1 << 60

    let tensor: SafetensorsEntry
    private let memory: Memory

    /// - Parameters:
    ///   - name: The name in the file.
    ///   - parameter: The parameter that shape and layout are taken from.
    ///   - vector: A vector over the whole arena; the parameter's slice of it is the tensor.
    package init(_ name: String, _ parameter: Parameter, in vector: MutableFloatBuffer) {
      tensor = SafetensorsEntry(name: name, shape: parameter.shape)
      memory = .floats(
        parameter.slice(vector.start), parameter.layout)
    }

    /// - Parameters:
    ///   - name: The name in the file.
    ///   - buffer: The tensor.
    package init(_ name: String, _ buffer: StateBuffer) {
      let isCounter = buffer.kind == .counter
      tensor = SafetensorsEntry(
        name: name, type: isCounter ? .int64 : .float32, shape: buffer.shape)
      memory = isCounter ? .counter(buffer) : .floats(buffer.values.buffer, .same)
    }

    fileprivate func read(_ file: some TensorSource) throws {
      switch memory {
      case .floats(let target, let layout):
        try file.floats(tensor.name).withUnsafeBufferPointer {
          layout.fromPyTorch($0, into: target)
        }
      case .counter(let buffer):
        let count = try file.integers(tensor.name)[0]
        guard (0...Self.mostCounted).contains(count) else {
          throw Fault(
            "\(file.path): \(tensor.name) is \(count), a count from 0 to \(Self.mostCounted) is "
              + "expected")
        }
        buffer.counter = count
      }
    }

    fileprivate func copy(into bytes: UnsafeMutableRawBufferPointer) {
      switch memory {
      case .floats(let source, let layout):
        layout.toPyTorch(FloatBuffer(source), into: bytes.bindMemory(to: Float.self))
      case .counter(let buffer):
        bytes.storeBytes(of: Int64(buffer.counter).littleEndian, as: Int64.self)
      }
    }
  }

  private let entries: [Entry]

  package init(_ entries: [Entry]) { self.entries = entries }

  /// The state dict of a network.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - parameters: A vector over its whole arena.
  ///   - buffers: In the order of the network's own; nil for those.
  ///   - key: Gives the file's name of a tensor from its name in the state dict.
  package init(
    of network: Network, parameters: MutableFloatBuffer, buffers: [StateBuffer]? = nil,
    key: (String) -> String = { $0 }
  ) {
    var copies = buffers?.makeIterator()
    entries = network.stateTensors.map { name, tensor in
      switch tensor {
      case .parameter(let parameter): Entry(key(name), parameter, in: parameters)
      case .buffer(let buffer): Entry(key(name), copies?.next() ?? buffer)
      }
    }
  }

  /// The tensors as the file has them, in its order.
  package var tensors: [SafetensorsEntry] { entries.map(\.tensor) }

  /// Overwrites the memory with a file's tensors.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - allowsOthers: Whether the file may have more tensors than these.
  ///   - reason: What a tensor that is missing, foreign or of another shape tells of the file.
  /// - Throws: `Fault` for such a tensor, before anything is overwritten; `Fault`
  ///   where one is of another type.
  package func read(
    _ file: some TensorSource, allowsOthers: Bool = false,
    reason: String = "the file is of another configuration"
  ) throws {
    for mismatch in try mismatches(file) {
      let what: String
      switch mismatch.kind {
      case .missing: what = "has no tensor \(mismatch.name)"
      case .shape(let found, let expected):
        what = "\(mismatch.name) has shape \(found), expected \(expected)"
      case .unexpected where !allowsOthers:
        what = "has a tensor \(mismatch.name), which is not expected"
      // The type is told when the values are asked for.
      case .unexpected, .type: continue
      }
      throw Fault("\(file.path): \(what): \(reason)")
    }
    for entry in entries { try entry.read(file) }
  }

  /// Overwrites the memory with those of a file's tensors that fit, and leaves the rest.
  ///
  /// - Parameter file: The file.
  /// - Throws: `Fault` where a value cannot be taken.
  package func readFitting(_ file: some TensorSource) throws {
    let unfit = Set(try mismatches(file).map(\.name))
    for entry in entries where !unfit.contains(entry.tensor.name) { try entry.read(file) }
  }

  /// Writes the tensors to a file.
  ///
  /// - Parameter path: The file.
  /// - Returns: Name, size and checksum of the file.
  /// - Throws: `Fault`.
  package func write(to path: String) throws -> StoredFile {
    try writer.write(to: path, fill: copy)
  }

  /// Replaces the file at `path` as a whole by the tensors.
  package func writeAtomically(to path: String) throws {
    try writer.writeAtomically(to: path, fill: copy)
  }

  /// Overwrites `bytes` with the tensor of an index, as a file has it.
  package func copy(_ index: Int, into bytes: UnsafeMutableRawBufferPointer) {
    entries[index].copy(into: bytes)
  }

  /// "pt" tells Python's safetensors that the layouts are PyTorch's.
  private var writer: SafetensorsWriter {
    SafetensorsWriter(entries: tensors, metadata: ["format": "pt"])
  }
}

extension Network {
  /// Overwrites parameters and buffers with a file's.
  ///
  /// - Parameters:
  ///   - file: The weights, in PyTorch's order and shapes.
  ///   - allowsOthers: Whether the file may have more tensors than the network's.
  ///   - reason: What a tensor that does not fit tells of the file.
  ///   - key: Gives the file's name of a tensor from its name in the state dict.
  /// - Throws: As `StateDictionary.read`.
  package func load(
    _ file: some TensorSource, allowsOthers: Bool = false,
    reason: String = "the file is of another configuration", key: (String) -> String = { $0 }
  ) throws {
    try arena.mutate {
      try StateDictionary(of: self, parameters: $0, key: key)
        .read(file, allowsOthers: allowsOthers, reason: reason)
    }
  }
}
