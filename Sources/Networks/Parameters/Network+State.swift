/// One tensor of a network's state dict: PyTorch's name, shape and order.
package enum StateTensor {
  case parameter(Parameter)
  case buffer(StateBuffer)

  package var shape: [Int] {
    switch self {
    case .parameter(let parameter): parameter.shape
    case .buffer(let buffer): buffer.shape
    }
  }
}

extension Network {
  /// The tensors of the state dict in PyTorch's order, named `PREFIX.LAYER.weight`, inside a
  /// composite layer `PREFIX.LAYER.main.0.weight`; LAYER is its number, or its name if it has one.
  package var stateTensors: [(name: String, tensor: StateTensor)] {
    layers.enumerated().flatMap { index, layer in
      Self.stateTensors(of: layer, path: namePrefix + (names[index] ?? "\(index)"))
    }
  }

  package var namedParameters: [(name: String, parameter: Parameter)] {
    stateTensors.compactMap { name, tensor in
      if case .parameter(let parameter) = tensor { return (name, parameter) }
      return nil
    }
  }

  /// The names of linear layers' weights: outputs x inputs in PyTorch, inputs x outputs elsewhere.
  package var linearWeightNames: Set<String> {
    Set(layers.enumerated().flatMap { Self.linearWeightNames(of: $1, path: "\(namePrefix)\($0)") })
  }

  private static func linearWeightNames(of layer: any Layer, path: String) -> [String] {
    guard layer.children.isEmpty else {
      return layer.children.flatMap {
        linearWeightNames(of: $0.layer, path: "\(path).\($0.path)")
      }
    }
    return (layer as? Linear).map { ["\(path).\($0.weight.name)"] } ?? []
  }

  private static func stateTensors(
    of layer: any Layer, path: String
  ) -> [(name: String, tensor: StateTensor)] {
    guard layer.children.isEmpty else {
      return layer.children.flatMap { stateTensors(of: $0.layer, path: joinedPath(path, $0.path)) }
    }
    return layer.parameters.map { (joinedPath(path, $0.name), StateTensor.parameter($0)) }
      + layer.buffers.map { (joinedPath(path, $0.name), StateTensor.buffer($0)) }
  }
}

/// `Mixed_5b` and `branch1x1` as `Mixed_5b.branch1x1`; an empty part adds nothing.
func joinedPath(_ path: String, _ part: String) -> String {
  path.isEmpty || part.isEmpty ? path + part : "\(path).\(part)"
}
