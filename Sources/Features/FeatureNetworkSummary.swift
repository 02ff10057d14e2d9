import Base
import Networks

/// What a file's feature network is, without its weights: layers, what is read where, memory.
package struct FeatureNetworkSummary: Encodable {
  struct Output: Encodable {
    /// Values of an image.
    let count: Int
    /// The layer that gives them.
    let layer: String
    /// Whether a linear layer's offset is added.
    let hasBias: Bool
  }

  let name: String
  let network: NetworkDescription
  /// What is done to images first.
  let input: String
  let features: Output
  /// nil for a network without classes.
  let logits: Output?
  /// The file.
  let weights: String
  /// Images of a pass.
  let batch: Int
  /// Bytes that passes of so many images take.
  let memory: Int

  /// - Parameter description: What the file says.
  /// - Throws: As the network's initializer.
  package init(_ description: FeatureDescription) throws {
    let before = MemoryLedger.bytes
    let (network, bytes) = try MemoryLedger.planning {
      let network = try FeatureNetwork(withoutWeights: description)
      return (network, MemoryLedger.bytes - before)
    }
    name = network.name
    self.network = network.network.description
    input = description.preparation.summary
    features = Output(
      count: network.featureCount, layer: description.features.layer,
      hasBias: description.features.hasBias)
    logits = description.logits.map {
      Output(count: network.classCount, layer: $0.layer, hasBias: $0.hasBias)
    }
    weights = description.weights
    batch = network.batch
    memory = bytes
  }

  /// For people: the table of the layers, and the rest a line each.
  package var text: String {
    var lines = [
      network.table(hasAlgorithms: false), "", "input: \(input)",
      "features: \(features.count) of \(features.layer)",
    ]
    if let logits {
      lines.append(
        "logits: \(logits.count) of \(logits.layer)"
          + (logits.hasBias ? "" : " without its bias"))
    }
    let megabytes = (Double(memory) / 1_048_576).rounded()
    return
      (lines + [
        "weights: \(weights)", "memory: \(Int(megabytes)) MB for passes of \(batch) images",
      ]).joined(separator: "\n")
  }
}
