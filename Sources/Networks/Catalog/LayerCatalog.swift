import Base
import Configuration
import Kernels

/// Builds layers from their entries in a configuration.
///
/// A new layer is one file in `Layers`, which may have its builder too, and one line here.
package struct LayerCatalog {
  typealias Builder =
    @Sendable (_ item: ConfigurationItem, _ site: Site) throws -> any Layer

  /// Where a layer is being built.
  struct Site {
    let inputShape: Shape
    let initialization: Initialization
    let groups: Int
    /// What the samples are conditioned on.
    let condition: ConditionShape
    let context: ExecutionContext
    /// A number that no other layer of the job's networks has.
    let layerNumber: Int

    /// The error of a layer that does not fit its input.
    func misfit(_ item: ConfigurationItem, _ message: String) -> LayerMisfit {
      LayerMisfit(item, on: inputShape, message)
    }
  }

  /// What all layers of a network have in common.
  package struct Settings {
    package var initialization: Initialization
    /// Stat groups of the largest pass.
    package var groups: Int
    /// What the samples are conditioned on.
    package var condition: ConditionShape
    package var context: ExecutionContext

    package init(
      initialization: Initialization, groups: Int, condition: ConditionShape = .none,
      context: ExecutionContext
    ) {
      self.initialization = initialization
      self.groups = groups
      self.condition = condition
      self.context = context
    }
  }

  private static let builders: [(name: String, build: Builder)] = [
    ("conv1d", convolution(1)),
    ("conv2d", convolution(2)),
    ("conv3d", convolution(3)),
    ("convTranspose1d", transposedConvolution(1)),
    ("convTranspose2d", transposedConvolution(2)),
    ("convTranspose3d", transposedConvolution(3)),
    ("linear", linear),
    ("batchNorm", batchNorm),
    ("conditionalBatchNorm", conditionalBatchNorm),
    ("layerNorm", layerNorm),
    ("instanceNorm", instanceNorm),
    ("residual", residual),
    ("concat", concat),
    ("sequential", sequential),
    ("basicConv2d", basicConv2d),
    ("selfAttention", selfAttention),
    ("leakyReLU", leakyReLU),
    (
      "relu",
      { item, site in
        try item.options.finish()
        return LeakyReLU(inputShape: site.inputShape, slope: 0, context: site.context)
      }
    ),
    ("tanh", activation(.tanh)),
    ("sigmoid", activation(.sigmoid)),
    ("softplus", activation(.softplus)),
    ("elu", elu),
    ("gelu", gelu),
    ("swish", activation(.swish)),
    ("dropout", dropout),
    ("upsample", upsample),
    ("meanPool", meanPool),
    ("maxPool1d", maxPool(1)),
    ("maxPool2d", maxPool(2)),
    ("maxPool3d", maxPool(3)),
    ("avgPool1d", averagePool(1)),
    ("avgPool2d", averagePool(2)),
    ("avgPool3d", averagePool(3)),
    ("globalMean", globalMean),
    ("reshape", reshape),
    ("flatten", flatten),
    ("crop", crop),
    ("labelConcat", labelConcat),
    ("conditionConcat", conditionConcat),
    ("conditionScale", conditionScale),
    ("spans", spans),
  ]

  /// The kinds of layers.
  package static var names: [String] { builders.map(\.name) }

  /// The layers of a list, each fitted to what the one before gives.
  ///
  /// - Parameters:
  ///   - items: Names and options of the layers, in order.
  ///   - inputShape: What the first layer takes.
  ///   - settings: What all layers of the network have in common.
  /// - Returns: One layer for each item, in the same order.
  /// - Throws: `ConfigurationError` naming layer, expected and found; `Fault`, which has the
  ///   shapes too, for a layer that does not fit its input.
  package static func layers(
    _ items: [ConfigurationItem], inputShape: Shape, _ settings: Settings
  ) throws -> [any Layer] {
    try namedLayers(items, inputShape: inputShape, settings, allowsNames: false).layers
  }

  /// Layers with what the configuration calls them.
  package struct NamedLayers {
    package fileprivate(set) var layers: [any Layer] = []
    /// A layer's `name`, which is its part of the path in a state dict; nil where it counts.
    package fileprivate(set) var names: [String?] = []
  }

  /// As `layers`, of entries that may have the option `name`.
  package static func namedLayers(
    _ items: [ConfigurationItem], inputShape: Shape, _ settings: Settings, allowsNames: Bool = true
  ) throws -> NamedLayers {
    var built = NamedLayers()
    do {
      try append(
        items, to: &built, inputShape: inputShape, settings, allowsNames: allowsNames)
    } catch let misfit as LayerMisfit {
      let before = built.layers.enumerated().map { $1.description(path: "\($0)") }
      throw misfit.networkError(
        after: before, input: inputShape, name: items[built.layers.count].name)
    }
    return built
  }

  /// Builds the layers of a list one by one, so that those before one that cannot be built are
  /// known.
  static func append(
    _ items: [ConfigurationItem], to built: inout NamedLayers, inputShape: Shape,
    _ settings: Settings, allowsNames: Bool = true
  ) throws {
    for item in items {
      guard let builder = builders.first(where: { $0.name == item.name }) else {
        throw item.unknownName(known: builders.map(\.name))
      }
      let site = Site(
        inputShape: built.layers.last?.outputShape ?? inputShape,
        initialization: settings.initialization, groups: settings.groups,
        condition: settings.condition, context: settings.context,
        layerNumber: settings.context.nextLayerNumber())
      let name = allowsNames ? try name(item, others: built.names) : nil
      built.layers.append(try builder.build(item, site))
      built.names.append(name)
    }
  }

  /// An entry's `name`; nil for none.
  private static func name(_ item: ConfigurationItem, others: [String?]) throws -> String? {
    guard let name = try item.options.optionalString("name") else { return nil }
    let isPath = name.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."):
        true
      default: false
      }
    }
    guard isPath, !name.hasPrefix("."), !name.hasSuffix(".") else {
      throw item.options.fail(
        "name", "expected letters, digits, _ and dots between them, found '\(name)'")
    }
    guard name.isEmpty || !others.contains(name) else {
      throw item.options.fail("name", "another layer of the list is called '\(name)' too")
    }
    return name
  }

  @Sendable static func residual(_ item: ConfigurationItem, _ site: Site) throws
    -> any Layer
  {
    let settings = innerSettings(site)
    var main = NamedLayers()
    var shortcut = NamedLayers()
    try append(
      item.options.items("main"), to: &main, inputShape: site.inputShape, settings,
      allowsNames: false)
    try append(
      item.options.optionalItems("shortcut") ?? [], to: &shortcut, inputShape: site.inputShape,
      settings, allowsNames: false)
    try item.options.finish()
    do {
      return try Residual(
        main: main.layers, shortcut: shortcut.layers, inputShape: site.inputShape,
        context: site.context)
    } catch let error as Fault {
      throw site.misfit(item, error.message)
    }
  }

  static let sizes = 1...65536

  @Sendable static func linear(_ item: ConfigurationItem, _ site: Site) throws -> any Layer {
    let options = item.options
    let heads =
      options.contains("heads")
      ? try options.integers("heads", count: 1...1024, in: sizes)
      : [try options.integer("outputs", in: sizes)]
    let hasBias = try options.boolean("bias", default: true)
    let isSpectral = try options.boolean("spectralNorm", default: false)
    let initialization = try initialization(options, site)
    try options.finish()
    guard site.inputShape.pixels == 1 else {
      throw site.misfit(item, "expected a vector as input, found \(site.inputShape)")
    }
    return Linear(
      inputs: site.inputShape.channels, heads: heads, hasBias: hasBias, isSpectral: isSpectral,
      initialization: initialization, context: site.context)
  }

  @Sendable static func batchNorm(_ item: ConfigurationItem, _ site: Site) throws
    -> any Layer
  {
    var options = BatchNorm.Options()
    options.epsilon = try epsilon(item)
    options.momentum = try item.options.number(
      "momentum", default: options.momentum, in: 0...1)
    options.runningVariance = try item.options.choice("runningVariance", default: .unbiased)
    try item.options.finish()
    return BatchNorm(
      inputShape: site.inputShape, options, maximumGroups: site.groups,
      initialization: site.initialization, context: site.context)
  }

  @Sendable static func conditionalBatchNorm(
    _ item: ConfigurationItem, _ site: Site
  ) throws -> any Layer {
    var options = BatchNorm.Options()
    options.epsilon = try epsilon(item)
    options.evaluation = try item.options.choice("statistics", default: .batch)
    options.variance = try item.options.choice("variance", default: .biased)
    if options.evaluation == .running {
      options.momentum = try item.options.number(
        "momentum", default: options.momentum, in: 0...1)
    }
    try item.options.finish()
    guard site.condition.classes > 0 else {
      throw item.fail("expected samples with classes, but this network's have none")
    }
    try requireSingleSamples(item, site)
    return BatchNorm(
      inputShape: site.inputShape, options, classes: site.condition.classes,
      maximumGroups: site.groups,
      initialization: site.initialization, context: site.context)
  }

  @Sendable static func layerNorm(_ item: ConfigurationItem, _ site: Site) throws
    -> any Layer
  {
    var options = SampleNorm.Options()
    options.epsilon = try epsilon(item)
    options.affine = try item.options.choice("affine", default: .element)
    options.variance = try item.options.choice("variance", default: .biased)
    if options.affine == .scalar,
      try item.options.choice("initialization", default: "ones", of: ["ones", "xavier"]) == "xavier"
    {
      // Xavier's limit sqrt(6 / (1 + 1)) for a tensor of one value.
      options.weight = .uniform(limit: Float(3.0.squareRoot()))
      options.bias = options.weight
    }
    try item.options.finish()
    guard site.inputShape.elementCount > 1 else {
      throw site.misfit(item, "expected more than one value a sample, found \(site.inputShape)")
    }
    return SampleNorm(.layerNorm, inputShape: site.inputShape, options, context: site.context)
  }

  @Sendable static func instanceNorm(_ item: ConfigurationItem, _ site: Site) throws
    -> any Layer
  {
    var options = SampleNorm.Options()
    options.epsilon = try epsilon(item)
    options.affine = try item.options.boolean("affine", default: false) ? .channel : .none
    try item.options.finish()
    guard site.inputShape.pixels > 1 else {
      throw site.misfit(item, "expected more than one pixel a sample, found \(site.inputShape)")
    }
    return SampleNorm(.instanceNorm, inputShape: site.inputShape, options, context: site.context)
  }

  static func epsilon(_ item: ConfigurationItem) throws -> Double {
    try item.options.number("epsilon", default: 1e-5, in: 0...1, above: 0)
  }

  /// The network's initialization, with the layer's own weight distribution where it names one.
  static func initialization(
    _ options: ConfigurationReader, _ site: Site
  ) throws -> Initialization {
    var initialization = site.initialization
    guard options.contains("initialization") else { return initialization }
    let item = try options.item("initialization")
    switch item.name {
    case "pytorch": initialization.weight = .pytorch
    case "glorot": initialization.weight = .glorot
    case "he": initialization.weight = .he
    case "heFanIn": initialization.weight = .heFanIn
    case "zeros": initialization.weight = .zeros
    case "normal":
      initialization.weight = .normal(
        deviation: Float(try item.options.number("deviation", in: 0...1000)))
    case "uniform":
      initialization.weight = .uniform(
        limit: Float(try item.options.number("limit", in: 0...1000)))
    default:
      throw item.unknownName(
        known: ["pytorch", "glorot", "he", "heFanIn", "zeros", "normal", "uniform"])
    }
    try item.options.finish()
    return initialization
  }

  @Sendable static func leakyReLU(_ item: ConfigurationItem, _ site: Site) throws
    -> any Layer
  {
    let slope = try item.options.number("slope", default: 0.01, in: 0...1)
    try item.options.finish()
    return LeakyReLU(inputShape: site.inputShape, slope: Float(slope), context: site.context)
  }
}
