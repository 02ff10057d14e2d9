import Base
import Networks
import Training

/// A network's tensors by their names in its state dict, in PyTorch's order.
struct NetworkWeights {
  struct Tensor {
    var shape: [Int]
    var values: [Float]
  }

  private var tensors: [String: Tensor] = [:]
  private let prefix: String

  init(_ network: Network) {
    prefix = network.namePrefix
    tensors = network.arena.mutate { parameters in
      let state = StateDictionary(of: network, parameters: parameters)
      var tensors: [String: Tensor] = [:]
      for (index, entry) in state.tensors.enumerated() where entry.type == .float32 {
        var values = [Float](repeating: 0, count: entry.elementCount)
        values.withUnsafeMutableBytes { state.copy(index, into: $0) }
        tensors[entry.name] = Tensor(shape: entry.shape, values: values)
      }
      return tensors
    }
  }

  /// The name in the state dict of a layer's tensor.
  func name(_ layer: LayerDescription, _ tensor: String) -> String {
    let path = layer.path
    return prefix + (path.isEmpty || tensor.isEmpty ? path + tensor : "\(path).\(tensor)")
  }

  /// A layer's tensor; nil where it has none of the name.
  func find(_ layer: LayerDescription, _ tensor: String) -> Tensor? {
    tensors[name(layer, tensor)]
  }

  /// A tensor that the layer has.
  subscript(layer: LayerDescription, tensor: String) -> Tensor {
    guard let found = find(layer, tensor) else {
      preconditionFailure("\(layer.kind) has no tensor \(name(layer, tensor))")
    }
    return found
  }

  /// The weight that a layer multiplies with: with spectral norm W / sigma, sigma = u^T W v.
  ///
  /// - Parameters:
  ///   - layer: The layer, or one that holds it.
  ///   - path: What stands before `weight`, with a dot; empty for the layer's own.
  ///   - isTransposed: Whether the weight is inputs x outputs, that of a transposed convolution.
  /// - Returns: The weight in PyTorch's shape.
  func weight(
    _ layer: LayerDescription, path: String = "", isTransposed: Bool = false
  ) -> Tensor {
    if let plain = find(layer, "\(path)weight") { return plain }
    var weight = self[layer, "\(path)weight_orig"]
    let u = self[layer, "\(path)weight_u"].values
    let v = self[layer, "\(path)weight_v"].values
    let pixels = weight.shape.dropFirst(2).reduce(1, *)
    var sigma = 0.0
    for (index, value) in weight.values.enumerated() {
      let (row, place) = (
        index / (weight.shape[1] * pixels), index % (weight.shape[1] * pixels)
      )
      let (output, input) =
        isTransposed ? (place / pixels, row * pixels + place % pixels) : (row, place)
      sigma += Double(u[output]) * Double(value) * Double(v[input])
    }
    let factor = Float(1 / sigma)
    for index in weight.values.indices { weight.values[index] *= factor }
    return weight
  }
}
