import Base

/// What a network says of itself: its layers' descriptions in order.
package struct NetworkDescription: Sendable, Equatable {
  /// `generator` or `critic`.
  package let name: String
  package let layers: [LayerDescription]

  /// - Parameters:
  ///   - name: The name in messages.
  ///   - layers: At least one, each taking what the one before gives.
  ///   - names: What a configuration calls the layers, nil for those that are counted; nil where
  ///     all are.
  package init(name: String, layers: [any Layer], names: [String?]? = nil) {
    precondition(!layers.isEmpty, "a network without layers")
    self.name = name
    self.layers = layers.enumerated().map { index, layer in
      let name = names?[index]
      return layer.description(path: name ?? "\(index)", name: name)
    }
  }

  package var inputShape: Shape { layers[0].inputShape }
  package var outputShape: Shape { layers[layers.count - 1].outputShape }
  package var parameterCount: Int { layers.reduce(0) { $0 + $1.parameterCount } }
  package var operations: Int { layers.reduce(0) { $0 + $1.operations } }

  /// The layers with those inside them, each before its children.
  package var allLayers: [LayerDescription] { layers.flatMap(\.withChildren) }
}

extension NetworkDescription: Encodable {
  private enum Key: String, CodingKey {
    case name, layers, parameters, operations
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(name, forKey: .name)
    try container.encode(layers, forKey: .layers)
    try container.encode(parameterCount, forKey: .parameters)
    try container.encode(operations, forKey: .operations)
  }
}

extension LayerDescription {
  fileprivate var withChildren: [LayerDescription] { [self] + children.flatMap(\.withChildren) }
}

extension Network {
  package var description: NetworkDescription {
    NetworkDescription(name: name, layers: layers, names: names)
  }
}
