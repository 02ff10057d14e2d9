import Base
import Configuration

/// Layers that read the samples' conditions.
extension LayerCatalog {
  @Sendable static func labelConcat(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let embedding = try item.options.optionalInteger("embedding", in: sizes)
    try item.options.finish()
    guard site.condition.classes > 0 else {
      throw item.fail("expected labels, but the run has none (data.classes)")
    }
    return LabelConcat(
      inputShape: site.inputShape, classes: site.condition.classes, embedding: embedding,
      members: site.condition.members, context: site.context)
  }

  @Sendable static func conditionConcat(
    _ item: ConfigurationItem, _ site: Site
  ) throws -> any Layer {
    let count = try numberCount(item, site)
    let chosen = try item.options.integers(
      "numbers", default: Array(0..<count), count: 1...count, in: 0...count - 1)
    guard Set(chosen).count == chosen.count else {
      throw item.options.fail("numbers", "expected each number once, found \(chosen)")
    }
    // Of a pack those of every member.
    let numbers = (0..<site.condition.members).flatMap { member in
      chosen.map { member * count + $0 }
    }
    var inner: Sequential?
    if let items = try item.options.optionalItems("layers") {
      let vector = site.taking(Shape(channels: numbers.count))
      let layers = Sequential(item.name, try members(items, of: item, vector))
      guard layers.outputShape.pixels == 1 else {
        throw vector.misfit(
          item, "expected layers that give a vector, found \(layers.outputShape)")
      }
      inner = layers
    }
    try item.options.finish()
    return ConditionConcat(
      inputShape: site.inputShape, count: site.condition.numbers, numbers: numbers, inner: inner,
      context: site.context)
  }

  @Sendable static func conditionScale(
    _ item: ConfigurationItem, _ site: Site
  ) throws -> any Layer {
    let count = try numberCount(item, site)
    try requireSingleSamples(item, site)
    let number = try item.options.integer("number", default: 0, in: 0...count - 1)
    try item.options.finish()
    return ConditionScale(inputShape: site.inputShape, number: number, context: site.context)
  }

  /// Refuses a layer whose input has one condition where critic.pack gives it several.
  static func requireSingleSamples(_ item: ConfigurationItem, _ site: Site) throws {
    let members = site.condition.members
    guard members == 1 else {
      throw item.fail("expected critic.pack 1 with this layer, found \(members)")
    }
  }

  /// How many numbers a sample's condition has: one or more.
  private static func numberCount(_ item: ConfigurationItem, _ site: Site) throws -> Int {
    guard site.condition.numbers > 0 else {
      throw item.fail("expected samples with a vector of numbers, but this network's have none")
    }
    return site.condition.memberNumbers
  }
}

extension LayerCatalog.Site {
  /// The same place for layers that take something else than the layer's input.
  fileprivate func taking(_ shape: Shape) -> Self {
    Self(
      inputShape: shape, initialization: initialization, groups: groups, condition: condition,
      context: context, layerNumber: layerNumber)
  }
}
