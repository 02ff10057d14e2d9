import Base
import Configuration

extension LayerCatalog {
  @Sendable static func crop(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let height = try item.options.integer("height", in: sizes)
    let width = try item.options.integer("width", in: sizes)
    try item.options.finish()
    guard height <= site.inputShape.height, width <= site.inputShape.width else {
      throw site.misfit(item, "\(height)x\(width) pixels of an input of \(site.inputShape)")
    }
    return FixedMap(
      Crop(inputShape: site.inputShape, height: height, width: width), context: site.context)
  }

  @Sendable static func meanPool(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let size = try item.options.integer("size", in: 1...1024)
    try item.options.finish()
    guard let map = MeanPool(inputShape: site.inputShape, size: size) else {
      throw site.misfit(
        item, "blocks of \(size)x\(size) pixels do not fit its input \(site.inputShape)")
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
    let to = try item.options.integers("to", count: 1...3, in: sizes)
    try item.options.finish()
    guard to.count != 2 else {
      throw item.options.fail("to", "expected [channels, height, width] or [n], found 2 sizes")
    }
    let shape =
      to.count == 1
      ? Shape(channels: to[0])
      : Shape(
        channels: to[0], height: to[1], width: to[2])
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
    let factor = try item.options.integer("factor", default: 2, in: 1...64)
    let order = try item.options.choice("order", default: Upsample.Order.nearest)
    try item.options.finish()
    return FixedMap(
      Upsample(inputShape: site.inputShape, factor: factor, order: order), context: site.context)
  }
}
