import Networks
import Storage

extension Network {
  /// Overwrites parameters and buffers with a file's.
  ///
  /// - Parameters:
  ///   - file: The weights, in PyTorch's order and shapes.
  ///   - key: Gives the file's name of a tensor from its name in the state dict.
  /// - Throws: `TrainingError` where a tensor has another shape; `StorageError` where one is
  ///   missing or cannot be read.
  package func load(_ file: SafetensorsFile, key: (String) -> String) throws {
    for (name, tensor) in stateTensors {
      let key = key(name)
      let found = try file.entry(key).shape
      guard found == tensor.shape else {
        throw TrainingError(
          "\(file.path): \(key) has shape \(found), but the configuration's \(self.name) has "
            + "\(tensor.shape)")
      }
      switch tensor {
      case .parameter(let parameter):
        try file.floats(key).withUnsafeBufferPointer { found in
          parameter.mutate { parameter.layout.fromPyTorch(found, into: $0) }
        }
      case .buffer(let buffer) where buffer.kind == .counter:
        buffer.counter = try file.integers(key).first ?? 0
      case .buffer(let buffer):
        _ = buffer.values.buffer.update(fromContentsOf: try file.floats(key))
      }
    }
  }
}
