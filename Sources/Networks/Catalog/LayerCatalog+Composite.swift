import Base
import Configuration

/// Layers that are made of layers.
extension LayerCatalog {
  /// The settings of the layers inside one that is built at `site`.
  static func innerSettings(_ site: Site) -> Settings {
    Settings(
      initialization: site.initialization, groups: site.groups, condition: site.condition,
      context: site.context)
  }

  /// The members of a layer for a list of entries.
  ///
  /// - Parameters:
  ///   - items: The entries, which may have names.
  ///   - prefix: What stands before the number of a layer without a name.
  ///   - item: The layer that is made of them.
  ///   - site: Where it is built.
  /// - Returns: At least one member.
  /// - Throws: As `layers`; also for an empty list.
  static func members(
    _ items: [ConfigurationItem], prefix: String = "", of item: ConfigurationItem, _ site: Site
  ) throws -> [Sequential.Member] {
    guard !items.isEmpty else {
      throw item.fail("expected at least one layer, found an empty list")
    }
    var built = NamedLayers()
    try append(items, to: &built, inputShape: site.inputShape, innerSettings(site))
    return zip(built.layers, built.names).enumerated().map { index, pair in
      .init(path: pair.1 ?? "\(prefix)\(index)", name: pair.1, layer: pair.0)
    }
  }

  @Sendable static func sequential(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let layers = try members(item.options.items("layers"), of: item, site)
    try item.options.finish()
    return Sequential(item.name, layers)
  }

  @Sendable static func concat(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let lists = try item.options.itemLists("branches")
    guard !lists.isEmpty else { throw item.fail("expected branches, found an empty list") }
    let branches = try lists.enumerated().map { index, items in
      Sequential("branch", try members(items, prefix: "\(index).", of: item, site))
    }
    try item.options.finish()
    do {
      return try Concat(branches, context: site.context)
    } catch let error as Fault {
      throw site.misfit(item, error.message)
    }
  }

  @Sendable static func selfAttention(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let pool = try item.options.integer("pool", default: 2, in: 1...64)
    let isSpectral = try item.options.boolean("spectralNorm", default: false)
    let initialization = try initialization(item.options, site)
    try item.options.finish()
    do {
      return try SelfAttention(
        inputShape: site.inputShape, pool: pool, isSpectral: isSpectral,
        initialization: initialization, context: site.context)
    } catch let error as Fault {
      throw site.misfit(item, error.message)
    }
  }

  /// A convolution without bias, batch norm and ReLU, called as in torchvision's `BasicConv2d`.
  @Sendable static func basicConv2d(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let options = item.options
    var norm = BatchNorm.Options()
    norm.epsilon = try options.number("epsilon", default: 1e-3, in: 0...1, above: 0)
    let convolution = try convolution(item, site, dimensions: 2, isBasic: true)
    let kept = convolution.options.filter { !["bias", "spectralNorm"].contains($0.name) }
    return Sequential(
      item.name,
      [
        .init(path: "conv", name: "conv", layer: convolution),
        .init(
          path: "bn", name: "bn",
          layer: BatchNorm(
            inputShape: convolution.outputShape, norm, maximumGroups: site.groups,
            initialization: site.initialization, context: site.context)),
        .init(
          path: "relu", name: "relu",
          layer: LeakyReLU(inputShape: convolution.outputShape, slope: 0, context: site.context)),
      ], options: kept + [LayerOption("epsilon", norm.epsilon, default: 1e-3)])
  }
}
