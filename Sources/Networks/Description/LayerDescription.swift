import Base
import Configuration

/// What a layer says of itself: a value without the layer's memory.
package struct LayerDescription: Sendable, Equatable {
  /// The layer's number in its network, and inside a composite layer the child's path behind it:
  /// `3.main.1`.
  package let path: String
  /// What a configuration calls the layer; nil where it is counted.
  package let name: String?
  /// The name in a configuration: `conv2d`.
  package let kind: String
  package let options: [LayerOption]
  package let inputShape: Shape
  package let outputShape: Shape
  /// Values that are trained, those of the children included.
  package let parameterCount: Int
  /// Floating-point operations of one forward pass, a sample, those of the children included.
  package let operations: Int
  /// How the products are computed; nil for a layer without.
  package let algorithm: String?
  package let children: [LayerDescription]
}

extension Layer {
  /// Describes the layer and the layers that it is made of.
  ///
  /// - Parameters:
  ///   - path: Where the layer is in its network.
  ///   - name: What a configuration calls it; nil where it is counted.
  /// - Returns: The layer's facts; the children's paths begin with its own.
  package func description(path: String, name: String? = nil) -> LayerDescription {
    LayerDescription(
      path: path, name: name, kind: kind, options: options, inputShape: inputShape,
      outputShape: outputShape,
      parameterCount: parameters.reduce(0) { $0 + $1.count }, operations: operations,
      algorithm: algorithm,
      children: isDescribedByOptions
        ? []
        : zip(children, childNames).map { child, name in
          child.layer.description(path: joinedPath(path, child.path), name: name)
        })
  }
}

extension LayerDescription {
  /// The value of an option, nil where the layer has no such option.
  package subscript(option name: String) -> LayerOption.Value? {
    options.first { $0.name == name }?.value
  }

  /// The layer's entries in a configuration's list of layers, in YAML's flow style:
  /// `conv2d: {channels: 64, kernel: 4}`.
  ///
  /// More than one where the layer is a step that runs several entries at once.
  package var configurationItems: [String] {
    let ownName = name.map { ["name: \(quotedIfNeeded($0))"] } ?? []
    if let list = layerList {
      let entries = ownName + chosenOptions + [list]
      return ["\(kind): {\(entries.joined(separator: ", "))}"]
    }
    // The last part of a child's path is its number; what stands before names a branch.
    let branches = children.map { child in
      child.path.dropFirst(path.count + 1).split(separator: ".").dropLast().joined(separator: ".")
    }
    let inner = zip(branches, children)
    if !children.isEmpty, branches.allSatisfy(\.isEmpty) {
      return children.flatMap(\.configurationItems)
    }
    var entries = ownName + chosenOptions
    var names: [String] = []
    for name in branches where !names.contains(name) { names.append(name) }
    for name in names {
      let items = inner.filter { $0.0 == name }.flatMap { $0.1.flowItems }
      entries.append("\(name): [\(items.joined(separator: ", "))]")
    }
    return [entries.isEmpty ? kind : "\(kind): {\(entries.joined(separator: ", "))}"]
  }

  /// What a configuration says of the layer itself.
  private var chosenOptions: [String] {
    options.filter { $0.origin != .derived }.map { "\($0.name): \($0.value.yaml)" }
  }

  /// The option that lists the layers inside, of the kinds that have one for all of them.
  private var layerList: String? {
    switch kind {
    case "concat": "branches: [\(children.map(\.flowList).joined(separator: ", "))]"
    case "sequential": "layers: \(flowList)"
    case "conditionConcat" where !children.isEmpty: "layers: \(flowList)"
    default: nil
    }
  }

  private var flowList: String {
    "[\(children.flatMap(\.flowItems).joined(separator: ", "))]"
  }

  /// The entries inside a list in flow style, which wants the braces of a mapping.
  private var flowItems: [String] {
    configurationItems.map { $0.contains(":") ? "{\($0)}" : $0 }
  }
}

extension LayerDescription: Encodable {
  private enum Key: String, CodingKey {
    case path, kind, options, inputShape, outputShape, parameters, operations, algorithm, children
  }

  private struct OptionKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(path, forKey: .path)
    try container.encode(kind, forKey: .kind)
    var values = container.nestedContainer(keyedBy: OptionKey.self, forKey: .options)
    for option in options {
      let key = OptionKey(option.name)
      switch option.value {
      case .integer(let value): try values.encode(value, forKey: key)
      case .number(let value): try values.encode(value, forKey: key)
      case .flag(let value): try values.encode(value, forKey: key)
      case .word(let value): try values.encode(value, forKey: key)
      case .integers(let value): try values.encode(value, forKey: key)
      case .words(let value): try values.encode(value, forKey: key)
      case .choice(let name, let inner, let number):
        try values.encode([name: [inner: number]], forKey: key)
      }
    }
    try container.encode(inputShape.sizes, forKey: .inputShape)
    try container.encode(outputShape.sizes, forKey: .outputShape)
    try container.encode(parameterCount, forKey: .parameters)
    try container.encode(operations, forKey: .operations)
    try container.encodeIfPresent(algorithm, forKey: .algorithm)
    if !children.isEmpty { try container.encode(children, forKey: .children) }
  }
}
