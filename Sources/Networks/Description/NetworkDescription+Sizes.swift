import Base

/// Where a generator's output departs from the samples' shape, as far as that can be told.
package struct SizeFault: Sendable, Equatable {
  /// The number of the layer whose size is off; nil where none can be blamed.
  package let layer: Int?
  /// What is off there, for people.
  package let reason: String
}

extension NetworkDescription {
  /// Why the network gives another shape than `samples`; nil where it gives that one.
  ///
  /// The layer is told in these cases, the first that holds:
  /// - A layer that works on pixels takes a single one straight from a linear layer, and the output
  ///   is smaller than the samples: a reshape has been forgotten between them.
  /// - The output has as many values as a sample: they only lie otherwise.
  /// - Only the channels differ: the last layer that changes them.
  /// - The output is larger: walking back from it, the first layer from which on it stays larger.
  /// - The output is smaller, and was not somewhere before: the layer behind which it stays
  ///   smaller.
  ///
  /// An output that was smaller all the way could have grown anywhere: no layer is blamed.
  package func sizeFault(samples: Shape) -> SizeFault? {
    let output = outputShape
    guard output != samples else { return nil }
    let isLarger = output.isSomewhereLarger(than: samples)
    let isSmaller = samples.isSomewhereLarger(than: output)
    if isSmaller, !isLarger, let fault = layers.forgottenReshape { return fault }
    if output.elementCount == samples.elementCount {
      return SizeFault(
        layer: layers.count - 1,
        reason: "as many values as a sample has, but not as \(samples): a reshape to "
          + "\(samples.sizes) is missing behind it")
    }
    guard isLarger || isSmaller else {
      let last = layers.lastIndex { $0.inputShape.channels != $0.outputShape.channels }
      return SizeFault(
        layer: last, reason: "\(output.channels) channels, where a sample has \(samples.channels)")
    }
    let size = samples.pixelSizes.map(String.init).joined(separator: "x")
    if isLarger {
      let first = firstOfTail { $0.isSomewhereLarger(than: samples) }
      return SizeFault(
        layer: first,
        reason: "larger than \(size) from here on: this layer or one before grows too much")
    }
    let first = firstOfTail { samples.isSomewhereLarger(than: $0) }
    let before = layers[first].inputShape
    guard !samples.isSomewhereLarger(than: before) else {
      return SizeFault(
        layer: nil,
        reason: "every layer gives less than \(size); which of them should grow more cannot be told"
      )
    }
    return SizeFault(layer: first, reason: "smaller than \(size) from here on")
  }

  /// The first of the layers up to the last whose outputs all fulfil `condition`, as the last's
  /// does.
  private func firstOfTail(_ condition: (Shape) -> Bool) -> Int {
    let last = layers.lastIndex { !condition($0.outputShape) }
    return last.map { $0 + 1 } ?? 0
  }

  /// The whole message about a generator that does not give what the data have; nil for one that
  /// does.
  ///
  /// - Parameters:
  ///   - samples: The shape of the data's samples.
  ///   - dataset: The name of the data.
  /// - Returns: A line that says what was found, expected and where, and the table of the shapes.
  package func sizeError(samples: Shape, of dataset: String) -> String? {
    guard let fault = sizeFault(samples: samples) else { return nil }
    let place = fault.layer.map { "layer \($0) (\(layers[$0].kind)): " } ?? ""
    return "\(name).layers: the last layer gives \(outputShape), but the samples of \(dataset) are "
      + "\(samples); \(place)\(fault.reason)\n"
      + layers.shapes(input: inputShape, marked: fault.layer, note: "here")
  }
}

extension LayerDescription {
  /// Kinds that move or mix pixels.
  static let pixelKinds =
    (1...3).flatMap { ["conv\($0)d", "convTranspose\($0)d", "maxPool\($0)d", "avgPool\($0)d"] }
    + [
      "basicConv2d", "upsample", "meanPool", "globalMean", "crop", "instanceNorm", "selfAttention",
    ]

  /// Whether the layer, or one inside it, moves or mixes pixels.
  var worksOnPixels: Bool {
    Self.pixelKinds.contains(kind) || children.contains(where: \.worksOnPixels)
  }
}

extension [LayerDescription] {
  /// The first layer that works on pixels behind a linear one, where it takes a single pixel.
  var forgottenReshape: SizeFault? {
    var linear: Int?
    for (index, layer) in enumerated() {
      if layer.kind == "linear" { linear = index }
      if layer.outputShape.pixels > 1, !layer.worksOnPixels { linear = nil }
      guard let linear, layer.worksOnPixels else { continue }
      guard layer.inputShape.pixels == 1 else { return nil }
      return SizeFault(
        layer: index,
        reason: "takes the \(layer.inputShape.channels) values of linear (layer \(linear)) as one "
          + "pixel: a reshape is missing before it")
    }
    return nil
  }
}

extension Shape {
  /// Whether it has more pixels in one direction.
  fileprivate func isSomewhereLarger(than other: Shape) -> Bool {
    depth > other.depth || height > other.height || width > other.width
  }
}
