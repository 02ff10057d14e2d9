import Base
import Configuration

/// A layer that cannot be built on what the layer before it gives.
struct LayerMisfit: Error {
  /// The layer's kind; that of the layer inside, where a composite one's does not fit.
  let kind: String
  let inputShape: Shape
  /// The line that names place, expected and found.
  let error: ConfigurationError

  init(_ item: ConfigurationItem, on inputShape: Shape, _ message: String) {
    kind = item.name
    self.inputShape = inputShape
    error = item.fail(message)
  }

  /// The error with what is probably missing, and a table of the shapes up to the layer.
  ///
  /// - Parameters:
  ///   - layers: The network's layers before it.
  ///   - input: The network's input.
  ///   - name: The network's layer that is at fault, or is made of it.
  /// - Returns: A line and the table.
  func networkError(after layers: [LayerDescription], input: Shape, name: String) -> Fault {
    let takesPixels = LayerDescription.pixelKinds.contains(kind)
    let forgotten = takesPixels ? layers.forgottenReshape : nil
    var hint = ""
    if let forgotten, let layer = forgotten.layer {
      hint = "; layer \(layer) (\(layers[layer].kind)): \(forgotten.reason)"
    } else if takesPixels, takesVector(after: layers, input: input) {
      hint = "; it takes a vector: a reshape to \(sizes) is missing before it"
    } else if kind == "linear" {
      hint = "; a flatten is missing before it"
    }
    return Fault(
      error.message + hint + "\n"
        + layers.shapes(input: input, marked: forgotten?.layer, note: "here", misfit: name))
  }

  /// What the layer takes, in a reshape's words.
  private var sizes: String {
    if kind.hasSuffix("1d") { return "[channels, length]" }
    return kind.hasSuffix("3d") ? "[channels, depth, height, width]" : "[channels, height, width]"
  }

  /// Whether the input's one pixel is no rest of an image: it is a linear layer's, of a flattened
  /// image, or the network's own input.
  private func takesVector(after layers: [LayerDescription], input: Shape) -> Bool {
    guard inputShape.pixels == 1, inputShape == layers.last?.outputShape ?? input else {
      return false
    }
    let vectors = ["linear", "flatten"]
    let source = layers.last { vectors.contains($0.kind) || $0.worksOnPixels }
    return source.map { vectors.contains($0.kind) } ?? true
  }
}
