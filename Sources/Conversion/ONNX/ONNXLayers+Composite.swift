import Base
import Networks
import ONNXMessages

/// Layers of layers, and layers that read what samples are conditioned on.
extension ONNXLayers {
  /// main(x) + shortcut(x), both in the output's sizes; an empty shortcut is x itself.
  mutating func residual(
    _ layer: LayerDescription, _ value: ONNXValue
  ) throws -> ONNXValue {
    let sizes = layer.outputShape.arraySizes
    let main = formed(try apply(layer.branch("main"), to: value), sizes, layer)
    let shortcut = formed(try apply(layer.branch("shortcut"), to: value), sizes, layer)
    return mapped("Add", main, with: [shortcut.name], layer)
  }

  /// The branches' outputs, all of the same input, one behind the other along the channels.
  mutating func concat(_ layer: LayerDescription, _ value: ONNXValue) throws -> ONNXValue {
    let branches = try layer.children.map { branch in
      formed(try apply(branch.children, to: value), branch.outputShape.arraySizes, layer).name
    }
    return joined(branches, layer.outputShape.arraySizes, layer)
  }

  /// The class of each sample as channels: a row of a table; of packs a row each member.
  ///
  /// The table is that of the embedding, or for one-hot classes a matrix of ones and zeros.
  mutating func labelConcat(_ layer: LayerDescription, _ value: ONNXValue) -> ONNXValue {
    let (count, classes) = (layer.integer("added"), layer.integer("classes"))
    let isOneHot = layer[option: "embedding"] == nil
    let table =
      isOneHot
      ? graph.constant(
        weights.name(layer, "one_hot"), [classes, classes],
        (0..<classes * classes).map { $0 % (classes + 1) == 0 ? 1 : 0 })
      : tensor(layer, "weight")
    let row = isOneHot ? classes : layer.integer("embedding")
    let rows = ONNXValue(
      name: graph.node("Gather", [table, Self.labels], at: layer.path),
      sizes: row == count ? [count] : [count / row, row])
    return appended(formed(rows, [count], layer).name, count: count, to: value, layer)
  }

  /// Numbers of each sample's condition as channels, through the layers inside.
  ///
  /// - Parameters:
  ///   - layer: Says which of the numbers, and has the layers.
  ///   - value: What they are put behind.
  /// - Returns: As many channels more, each the same over all pixels.
  /// - Throws: `Fault` naming a layer that there are no nodes for.
  mutating func conditionConcat(
    _ layer: LayerDescription, _ value: ONNXValue
  ) throws -> ONNXValue {
    let row = conditionNumbers(layer.integers("numbers"), layer)
    let count = layer.integer("added")
    let found = formed(try apply(layer.children, to: row), [count], layer)
    return appended(found.name, count: count, to: value, layer)
  }

  /// x times one number of the sample's condition.
  mutating func conditionScale(_ layer: LayerDescription, _ value: ONNXValue) -> ONNXValue {
    let number = conditionNumbers([layer.integer("number")], layer)
    let factor = formed(number, value.sizes.map { _ in 1 }, layer)
    return mapped("Mul", value, with: [factor.name], layer)
  }

  /// Columns of the input `condition`, in the order of their places in it.
  private mutating func conditionNumbers(
    _ numbers: [Int], _ layer: LayerDescription
  ) -> ONNXValue {
    ONNXValue(
      name: graph.node(
        "Gather", [Self.condition, graph.integers(numbers)], at: layer.path,
        [.integer("axis", 1)]), sizes: [numbers.count])
  }

  /// A row of each sample behind the channels of a value, spread over its pixels.
  private mutating func appended(
    _ row: String, count: Int, to value: ONNXValue, _ layer: LayerDescription
  ) -> ONNXValue {
    let added = spread(row, count: count, over: value, layer)
    return joined([value.name, added], [value.sizes[0] + count] + value.sizes.dropFirst(), layer)
  }

  /// Values with the same pixels, one behind the other along axis 1, the channels.
  private mutating func joined(
    _ parts: [String], _ sizes: [Int], _ layer: LayerDescription
  ) -> ONNXValue {
    ONNXValue(
      name: graph.node("Concat", parts, at: layer.path, [.integer("axis", 1)]), sizes: sizes)
  }
}
