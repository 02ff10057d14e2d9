import Base
import Networks

/// Options that a layer of its kind has, for exporters.
extension LayerDescription {
  /// An option that is one whole number, and that every layer of the kind has: asking for another
  /// is a mistake in the code.
  func integer(_ name: String) -> Int {
    guard case .integer(let value)? = self[option: name] else {
      preconditionFailure("\(kind) has no number \(name)")
    }
    return value
  }

  /// Whether an option of numbers is a list.
  func isList(_ name: String) -> Bool {
    if case .integers = self[option: name] { true } else { false }
  }

  /// An option that is a list of whole numbers, which the layer must have.
  func integers(_ name: String) -> [Int] {
    guard case .integers(let values)? = self[option: name] else {
      preconditionFailure("\(kind) has no numbers \(name)")
    }
    return values
  }

  /// One number for each of so many directions.
  func extents(_ name: String, _ dimensions: Int) -> [Int] {
    isList(name) ? integers(name) : Array(repeating: integer(name), count: dimensions)
  }

  /// An option that is a list of words, which the layer must have.
  func words(_ name: String) -> [String] {
    guard case .words(let values)? = self[option: name] else {
      preconditionFailure("\(kind) has no words \(name)")
    }
    return values
  }

  /// An option that is a number with a fraction, which the layer must have.
  func number(_ name: String) -> Double {
    guard case .number(let value)? = self[option: name] else {
      preconditionFailure("\(kind) has no number \(name)")
    }
    return value
  }

  /// Whether an option is there and true.
  func isOn(_ name: String) -> Bool { self[option: name] == .flag(true) }

  /// The layers of a branch of a residual.
  func branch(_ name: String) -> [LayerDescription] {
    children.filter { $0.path.hasPrefix("\(path).\(name).") }
  }

  /// The zeros around an image.
  var padding: PaddedSides {
    let dimensions = outputShape.dimensions
    switch self[option: "padding"] {
    case .integers(let sides)?:
      let directions = 0..<dimensions
      return PaddedSides(
        before: directions.map { sides[2 * $0] }, after: directions.map { sides[2 * $0 + 1] })
    case .integer(let size)?:
      let all = Array(repeating: size, count: dimensions)
      return PaddedSides(before: all, after: all)
    default: preconditionFailure("\(kind) has no padding")
    }
  }
}

/// Zeros around an image: in front of it and behind it, in each direction.
struct PaddedSides {
  var before: [Int]
  var after: [Int]

  /// The numbers of both sides, where they are the same.
  var symmetric: [Int]? { before == after ? before : nil }
}

extension NetworkDescription {
  /// Whether layers look at the samples' classes.
  var readsClasses: Bool { has(["labelConcat", "conditionalBatchNorm"]) }
  /// Whether layers look at the numbers of the samples' conditions.
  var readsNumbers: Bool { has(["conditionConcat", "conditionScale"]) }

  private func has(_ kinds: Set<String>) -> Bool {
    allLayers.contains { kinds.contains($0.kind) }
  }
}
