import Base
import Networks
import ONNXMessages

/// Layers that move pixels, or take means or maxima of them.
extension ONNXLayers {
  /// Every pixel as a block: a Resize to the nearest pixel, by whole factors.
  ///
  /// `shuffled`, the order of `Resampling.shuffleUp`, is a DepthToSpace (mode CRD, as PixelShuffle)
  /// of the channels factor x factor times, one copy behind the other.
  mutating func upsample(_ layer: LayerDescription, _ value: ONNXValue) -> ONNXValue {
    let input = image(value, layer)
    let factors = layer.extents("factor", layer.inputShape.dimensions)
    let path = layer.path
    let sizes = layer.outputShape.sizes
    guard layer[option: "order"] != .word("shuffled") else {
      let factor = factors[0]
      let copies =
        factor == 1
        ? input.name
        : graph.node(
          "Concat", Array(repeating: input.name, count: factor * factor), at: path,
          [.integer("axis", 1)])
      return ONNXValue(
        name: graph.node(
          "DepthToSpace", [copies], at: path,
          [.integer("blocksize", factor), .word("mode", "CRD")]), sizes: sizes)
    }
    let scales = graph.constant(
      "\(path)/scales", [2 + factors.count], [1, 1] + factors.map(Float.init))
    return ONNXValue(
      name: graph.node(
        "Resize", [input.name, "", scales], at: path,
        [
          .word("mode", "nearest"), .word("nearest_mode", "floor"),
          .word("coordinate_transformation_mode", "asymmetric"),
        ]), sizes: sizes)
  }

  /// Means or maxima of windows; of `meanPool` of blocks that do not overlap.
  mutating func pooling(_ layer: LayerDescription, _ value: ONNXValue) -> ONNXValue {
    let input = image(value, layer)
    let attributes: [ONNXAttributeProto]
    if layer.kind == "meanPool" {
      let block = layer.extents("size", layer.inputShape.dimensions)
      attributes = [.integers("kernel_shape", block), .integers("strides", block)]
    } else {
      // What counts only where there are zeros around the image.
      let counts = layer[option: "countIncludePad"] != .flag(false)
      attributes =
        windows(layer)
        + (layer.kind.hasPrefix("avg") ? [.integer("count_include_pad", counts ? 1 : 0)] : [])
    }
    let operation = layer.kind.hasPrefix("max") ? "MaxPool" : "AveragePool"
    return ONNXValue(
      name: graph.node(operation, [input.name], at: layer.path, attributes),
      sizes: layer.outputShape.sizes)
  }

  /// The mean of each channel over its pixels: a vector.
  mutating func globalMean(_ layer: LayerDescription, _ value: ONNXValue) -> ONNXValue {
    let input = image(value, layer)
    let channels = layer.outputShape.channels
    let mean = graph.node("GlobalAveragePool", [input.name], at: layer.path)
    return formed(
      ONNXValue(name: mean, sizes: [channels] + input.sizes.dropFirst().map { _ in 1 }),
      [channels], layer)
  }

  /// The pixels nearest to the first corner.
  mutating func crop(_ layer: LayerDescription, _ value: ONNXValue) -> ONNXValue {
    let input = image(value, layer)
    let sizes = layer.outputShape.sizes
    let places = [
      sizes.dropFirst().map { _ in 0 }, Array(sizes.dropFirst()),
      sizes.indices.dropFirst().map { $0 + 1 },
    ].map { graph.integers($0) }
    return ONNXValue(
      name: graph.node("Slice", [input.name] + places, at: layer.path), sizes: sizes)
  }
}
