import Base
import Configuration
import Networks

/// A network as a configuration describes it: its input and its layers.
package struct NetworkSettings {
  /// The noise's; nil for a critic, whose input is the data's.
  package var inputShape: Shape?
  /// What the generator's input is drawn from.
  package var noise: NoiseDistribution
  /// How weights begin, where a layer says nothing of its own.
  package var initialization: Initialization
  /// In front of a layer's number in state dicts: `main.`, or nothing.
  package var namePrefix: String
  /// Names and options, one or more; built by `LayerCatalog`.
  package var layers: [ConfigurationItem]
  /// The section, for errors about what is found wrong later.
  package var reader: ConfigurationReader

  /// Reads a network's section.
  ///
  /// - Parameters:
  ///   - section: `generator` or `critic`.
  ///   - isGenerator: Whether it has a noise input.
  /// - Throws: `ConfigurationError` naming file, line and key.
  package init(_ section: ConfigurationReader, isGenerator: Bool) throws {
    var shape: Shape?
    var noise = NoiseDistribution.standard
    if isGenerator {
      noise = try NoiseDistribution(section)
      let latent = try section.integer("latent", in: 1...65536)
      let sizes = try section.integers("input", default: [latent], count: 1...4, in: 1...65536)
      let found = Shape(sizes)
      guard found.elementCount == latent else {
        throw section.fail(
          "input",
          "expected [n], [channels, length], [channels, height, width] or [channels, depth, "
            + "height, width] of latent = \(latent) values, found \(sizes)")
      }
      shape = found
    }
    let scheme = try section.choice("initialization", default: Initialization.Scheme.pytorch)
    let prefix = try section.string("prefix", default: "")
    let layers = try section.items("layers")
    guard !layers.isEmpty else { throw section.fail("layers", "expected at least one layer") }
    inputShape = shape
    self.noise = noise
    initialization = Initialization(scheme)
    namePrefix = prefix.isEmpty ? "" : prefix + "."
    self.layers = layers
    reader = section
  }

  /// Builds the network.
  ///
  /// - Parameters:
  ///   - name: What messages call it.
  ///   - inputShape: What it takes.
  ///   - condition: What the samples are conditioned on, where layers take conditions.
  ///   - memory: The largest pass that will run.
  ///   - context: The ranks, threads and shared memory of the passes.
  /// - Returns: The network, its parameters not drawn yet.
  /// - Throws: `ConfigurationError` or `Fault` naming layer, expected and found.
  func makeNetwork(
    named name: String, inputShape: Shape, condition: ConditionShape = .none, memory: MemoryPlan,
    context: ExecutionContext
  ) throws -> Network {
    try Network(
      name: name,
      layers: LayerCatalog.layers(
        layers, inputShape: inputShape,
        .init(
          initialization: initialization, groups: memory.groups, condition: condition,
          context: context)),
      namePrefix: namePrefix, condition: condition, memory: memory, context: context)
  }
}
