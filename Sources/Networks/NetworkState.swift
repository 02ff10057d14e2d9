import Kernels

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

  package var isCounter: Bool {
    if case .buffer(let buffer) = self { return buffer.kind == .counter }
    return false
  }
}

extension Network {
  /// The tensors of the state dict in PyTorch's order, named `PREFIX.LAYER.weight`.
  package var stateTensors: [(name: String, tensor: StateTensor)] {
    layers.enumerated().flatMap { index, layer in
      layer.parameters.map { ("\(namePrefix)\(index).\($0.name)", StateTensor.parameter($0)) }
        + layer.buffers.map { ("\(namePrefix)\(index).\($0.name)", StateTensor.buffer($0)) }
    }
  }

  package var namedParameters: [(name: String, parameter: Parameter)] {
    layers.enumerated().flatMap { index, layer in
      layer.parameters.map { ("\(namePrefix)\(index).\($0.name)", $0) }
    }
  }
}
