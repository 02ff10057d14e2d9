import Base
import Configuration

extension LayerCatalog {
  @Sendable static func crop(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let input = site.inputShape
    let depth =
      input.dimensions == 3 ? try item.options.integer("depth", default: input.depth, in: sizes) : 1
    let height = input.dimensions == 1 ? 1 : try item.options.integer("height", in: sizes)
    let width = try item.options.integer("width", in: sizes)
    try item.options.finish()
    let size = Extents(depth: depth, height: height, width: width)
    guard depth <= input.depth, height <= input.height, width <= input.width else {
      throw site.misfit(item, "\(size.text(input.dimensions)) pixels of an input of \(input)")
    }
    return FixedMap(Crop(inputShape: input, size: size), context: site.context)
  }

  @Sendable static func meanPool(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let dimensions = site.inputShape.dimensions
    let size = try Extents(item.options, "size", dimensions: dimensions)
    try item.options.finish()
    guard let map = MeanPool(inputShape: site.inputShape, size: size) else {
      throw site.misfit(
        item,
        "blocks of \(size.text(dimensions)) pixels do not fit its input \(site.inputShape)")
    }
    return FixedMap(map, context: site.context)
  }

  @Sendable static func globalMean(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    try item.options.finish()
    guard let map = MeanPool(globalOver: site.inputShape) else {
      throw site.misfit(item, "its input \(site.inputShape) has no pixels")
    }
    return FixedMap(map, context: site.context)
  }

  @Sendable static func reshape(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let shape = Shape(try item.options.integers("to", count: 1...4, in: sizes))
    try item.options.finish()
    guard shape.elementCount == site.inputShape.elementCount else {
      throw site.misfit(
        item,
        "to \(shape) has \(shape.elementCount) values, but its input \(site.inputShape) has "
          + "\(site.inputShape.elementCount)")
    }
    return FixedMap(
      Reshape(inputShape: site.inputShape, outputShape: shape), context: site.context)
  }

  /// A reshape to a vector.
  @Sendable static func flatten(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    try item.options.finish()
    return FixedMap(
      Reshape(
        kind: "flatten", inputShape: site.inputShape,
        outputShape: Shape(channels: site.inputShape.elementCount)), context: site.context)
  }

  @Sendable static func upsample(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let dimensions = site.inputShape.dimensions
    let factor = try Extents(
      item.options, "factor", dimensions: dimensions,
      default: Extents(Array(repeating: 2, count: dimensions), other: 1), in: 1...64)
    let order = try item.options.choice("order", default: Upsample.Order.nearest)
    try item.options.finish()
    guard order == .nearest || dimensions == 2 && factor.height == factor.width else {
      throw site.misfit(
        item,
        "order shuffled is of pictures, with one factor; found \(factor.text(dimensions)) on "
          + "\(site.inputShape)")
    }
    return FixedMap(
      Upsample(inputShape: site.inputShape, factor: factor, order: order), context: site.context)
  }
}
