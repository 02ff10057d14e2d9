import Base
import Collectives
import Configuration
import Datasets
import Networks
import Scores
import Storage
import Training

/// A network that is only evaluated, with its preparation of images: Inception-v3, or a classifier
/// of one's own.
///
/// Runs on one rank's threads; callers divide images over ranks. What it gives for an image depends
/// on that image alone: batch norm has its running statistics, and no product's bits depend on the
/// images beside it.
package final class FeatureNetwork: FeatureExtractor {
  package let name: String
  package let featureCount: Int
  package let classCount: Int
  package var white: Float { description.preparation.white }
  /// The layers with their memory.
  package let network: Network
  private let description: FeatureDescription
  /// Numbers of the layers that give features and logits.
  private let features: Int
  private let logits: Int?
  /// Images of a pass.
  let batch: Int
  /// One a shard.
  private let scratch: [ImagePreparation.Scratch]

  /// Builds the network and reads its weights.
  ///
  /// - Parameters:
  ///   - description: What its file says.
  ///   - weights: The safetensors file; nil for the one that the description names.
  ///   - batch: Images of a pass, which its memory is for.
  ///   - threads: Threads that divide them.
  /// - Throws: `ConfigurationError` or `Fault` naming what was found and expected.
  package convenience init(
    _ description: FeatureDescription, weights: String? = nil, batch: Int = 8, threads: Int = 1
  ) throws {
    let file = weights ?? description.weights
    guard FileSystem.exists(file) else {
      throw Fault(
        "\(file): no such file; expected the weights of \(description.path), which come from "
          + "elsewhere: docs/features.md says how to make it")
    }
    try self.init(
      withoutWeights: description, batch: batch, threads: threads,
      source: FileSystem.name(of: file))
    try load(SafetensorsFile(path: file))
  }

  /// Builds the network with parameters that have no values yet.
  ///
  /// - Parameters:
  ///   - description: What its file says.
  ///   - batch: Images of a pass, which its memory is for.
  ///   - threads: Threads that divide them.
  ///   - source: Where the weights come from, for the name.
  /// - Throws: `ConfigurationError` or `Fault` naming what was found and expected.
  package init(
    withoutWeights description: FeatureDescription, batch: Int = 8, threads: Int = 1,
    source: String = "no weights"
  ) throws {
    precondition(batch > 0 && threads > 0, "batches of \(batch) on \(threads) threads")
    self.description = description
    self.batch = batch
    name = "\(description.name) (\(source))"
    let plan = try ShardPlan(shards: min(threads, batch), rank: 0, ranks: 1)
    let context = try ExecutionContext(
      plan: plan, communicator: SoloCommunicator(), threads: threads)
    let built = try LayerCatalog.namedLayers(
      description.layers, inputShape: description.preparation.shape,
      .init(initialization: Initialization(.pytorch), groups: 1, context: context))
    features = try Self.layer(description.features, in: built)
    logits = try description.logits.map { try Self.layer($0, in: built) }
    try description.reader.finish()
    featureCount = built.layers[features].outputShape.elementCount
    classCount = logits.map { built.layers[$0].outputShape.elementCount } ?? 0
    // Layers behind the last that is read give nothing.
    let end = max(features, logits ?? 0) + 1
    network = try Network(
      name: description.name, layers: Array(built.layers[..<end]),
      names: Array(built.names[..<end]),
      memory: .forwardOnly(shardCapacity: plan.capacity(batch: batch)),
      keptLayers: Set([features, logits].compactMap { $0 }), context: context)
    scratch = (0..<plan.localShards).map { _ in ImagePreparation.Scratch() }
  }

  /// The number of a layer that is read.
  private static func layer(
    _ point: FeatureDescription.LayerPoint, in built: LayerCatalog.NamedLayers
  ) throws -> Int {
    guard let index = built.names.firstIndex(of: point.layer) else {
      let names = built.names.compactMap { $0 }.suffix(6).joined(separator: ", ")
      throw point.reader.fail(
        "layer", "no layer is called '\(point.layer)'; the last with a name: \(names)")
    }
    let layer = built.layers[index]
    guard layer.outputShape.pixels == 1 else {
      throw point.reader.fail(
        "layer",
        "\(point.layer) gives \(layer.outputShape); expected a vector (globalMean, "
          + "flatten)")
    }
    guard point.hasBias || (layer as? Linear)?.bias != nil else {
      throw point.reader.fail("bias", "\(point.layer) is \(layer.kind) without a bias to leave out")
    }
    return index
  }

  // MARK: - Weights

  /// Takes the weights from a file, which may have others too.
  ///
  /// Counters of batches are not asked for: nothing of evaluation depends on them.
  private func load(_ file: SafetensorsFile) throws {
    try network.arena.mutate { values in
      let entries = network.stateTensors.compactMap { name, tensor -> StateDictionary.Entry? in
        switch tensor {
        case .parameter(let parameter): StateDictionary.Entry(name, parameter, in: values)
        case .buffer(let buffer) where buffer.kind == .counter: nil
        case .buffer(let buffer): StateDictionary.Entry(name, buffer)
        }
      }
      try StateDictionary(entries).read(
        file, allowsOthers: true, reason: "expected the weights of \(description.path)")
    }
    weightsChanged()
    let isFinite = network.arena.values.allSatisfy(\.isFinite)
    guard isFinite else { throw Fault("\(file.path): has weights that are not finite") }
  }

  /// To be called when parameters have their values: leaves out what logits are asked for without.
  package func weightsChanged() {
    guard let logits, description.logits?.hasBias == false else { return }
    (network.layers[logits] as? Linear)?.bias?.mutate { $0.update(repeating: 0) }
  }

  // MARK: - Extraction

  package func extract(
    _ images: UnsafeBufferPointer<Float>, count: Int, height: Int, width: Int, channels: Int
  ) throws -> Extracted {
    let preparation = description.preparation
    let shape = Shape(channels: channels, height: height, width: width)
    precondition(
      images.count == count * shape.elementCount, "\(images.count) values of \(count) \(shape)")
    guard channels == 1 || channels == preparation.channels else {
      throw Fault(
        "\(name): takes images of 1 or \(preparation.channels) channels, found \(channels)")
    }
    let resizer = try ImageResizer(preparation.resize, from: shape, to: preparation.size)
    var found = Extracted()
    found.features.reserveCapacity(count * featureCount)
    found.logits.reserveCapacity(count * classCount)
    var first = 0
    while first < count {
      let part = min(batch, count - first)
      let size = shape.elementCount
      try pass(
        FloatBuffer(rebasing: images[first * size..<(first + part) * size]), count: part, resizer,
        into: &found)
      first += part
    }
    return found
  }

  /// One pass of at most `batch` images.
  private func pass(
    _ images: FloatBuffer, count: Int, _ resizer: ImageResizer, into found: inout Extracted
  ) throws {
    let context = network.context
    let size = images.count / count
    let pass = Pass(
      .local(count: count, capacity: context.plan.capacity(batch: count)), groups: 0..<1,
      mode: .evaluation, plan: context.plan)
    context.forEachSample(pass) { sample, index, shard in
      self.description.preparation.apply(
        FloatBuffer(rebasing: images[sample * size..<(sample + 1) * size]), resizer,
        into: self.network.input.sample(index, group: 0, pass, shard: shard), self.scratch[shard])
    }
    try network.forward(pass)
    for shard in 0..<context.plan.localShards {
      found.features += output(features).read(pass, shard: shard)
      if let logits { found.logits += output(logits).read(pass, shard: shard) }
    }
  }

  private func output(_ layer: Int) -> Tensor {
    network.sequence.activation(behind: layer, output: network.output)
  }
}
