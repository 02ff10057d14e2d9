import Base

/// State of a layer that is not trained but belongs to its state dict.
package final class StateBuffer {
  package enum Kind: Sendable {
    case float
    /// A scalar counter, a 64-bit integer in PyTorch.
    case counter
  }

  package let name: String
  package let kind: Kind
  package let values: FloatStorage
  package var counter = 0
  /// PyTorch's shape: [] for a counter.
  package var shape: [Int] { kind == .counter ? [] : [values.count] }

  package init(name: String, count: Int, value: Float) {
    self.name = name
    kind = .float
    values = FloatStorage(count: count)
    values.buffer.update(repeating: value)
  }

  package init(counter name: String) {
    self.name = name
    kind = .counter
    values = FloatStorage(count: 0)
  }

  /// A buffer of the same name, kind and size as another, without its values.
  package convenience init(like other: StateBuffer) {
    switch other.kind {
    case .float: self.init(name: other.name, count: other.values.count, value: 0)
    case .counter: self.init(counter: other.name)
    }
  }

  /// Takes the values of a buffer of the same kind and size.
  package func copy(from other: StateBuffer) {
    values.pointer.update(from: other.values.pointer, count: other.values.count)
    counter = other.counter
  }
}
