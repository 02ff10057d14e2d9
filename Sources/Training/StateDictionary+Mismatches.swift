import Base
import Storage

extension StateDictionary {
  /// A tensor that is not as it is expected.
  package struct Mismatch: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
      case missing
      /// There, but not asked for.
      case unexpected
      case shape(found: [Int], expected: [Int])
      /// An element type that cannot be taken.
      case type(found: String, expected: String)
    }

    package let name: String
    package let kind: Kind
  }

  /// All tensors that are missing, of another shape or type, or not asked for.
  ///
  /// - Parameter file: The file.
  /// - Returns: The expected ones in their order, then the file's others in its own.
  /// - Throws: Where the file is damaged.
  package func mismatches(_ file: some TensorSource) throws -> [Mismatch] {
    var found: [Mismatch] = []
    for tensor in tensors {
      guard file.contains(tensor.name) else {
        found.append(Mismatch(name: tensor.name, kind: .missing))
        continue
      }
      let (type, shape) = try file.entry(tensor.name)
      if shape != tensor.shape {
        found.append(
          Mismatch(name: tensor.name, kind: .shape(found: shape, expected: tensor.shape)))
      } else if !tensor.type.takes(type) {
        let expected = tensor.type == .int64 ? "an integer" : "a float"
        found.append(Mismatch(name: tensor.name, kind: .type(found: type, expected: expected)))
      }
    }
    let names = Set(tensors.map(\.name))
    return found
      + file.names.filter { !names.contains($0) }.map { Mismatch(name: $0, kind: .unexpected) }
  }
}

extension [StateDictionary.Mismatch] {
  /// A table of them: name, what is wrong, found, expected.
  ///
  /// - Returns: The lines, with a header; none where there are none.
  package var table: [String] {
    guard !isEmpty else { return [] }
    var table = TextTable([.text("tensor"), .text("what"), .text("found"), .text("expected")])
    for mismatch in self { table.add([mismatch.name] + mismatch.kind.words) }
    return table.lines
  }
}

extension StateDictionary.Mismatch: Encodable {
  private enum Key: String, CodingKey {
    case name, what, found, expected
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    let words = kind.words
    try container.encode(name, forKey: .name)
    try container.encode(words[0], forKey: .what)
    guard !words[1].isEmpty else { return }
    try container.encode(words[1], forKey: .found)
    try container.encode(words[2], forKey: .expected)
  }
}

extension StateDictionary.Mismatch.Kind {
  /// What is wrong, what was found, and what was expected; the latter two empty where there is
  /// nothing to compare.
  fileprivate var words: [String] {
    switch self {
    case .missing: ["missing", "", ""]
    case .unexpected: ["unexpected", "", ""]
    case .shape(let found, let expected): ["shape", "\(found)", "\(expected)"]
    case .type(let found, let expected): ["type", found, expected]
    }
  }
}

extension SafetensorsType {
  /// Whether a tensor of this type can be read from one of another.
  fileprivate func takes(_ type: String) -> Bool {
    switch self {
    case .float32: ["F64", "F32", "F16", "BF16"].contains(type)
    case .int64: ["I64", "I32"].contains(type)
    }
  }
}
