import Networks

/// A (leaky) ReLU of a network and its path in a state dict, without the network's prefix:
/// `0.main.1`.
struct NamedRectifier {
  var path: String
  var layer: LeakyReLU
}

extension Network {
  /// The (leaky) ReLUs, those inside composite layers too, in the layers' order.
  var rectifiers: [NamedRectifier] {
    func found(_ layer: any Layer, _ path: String) -> [NamedRectifier] {
      if let rectifier = layer as? LeakyReLU {
        return [NamedRectifier(path: path, layer: rectifier)]
      }
      return layer.children.flatMap { found($0.layer, "\(path).\($0.path)") }
    }
    return layers.enumerated().flatMap { found($1, "\($0)") }
  }
}
