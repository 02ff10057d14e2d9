import Base
import Configuration
import Networks
import Recipe

/// The description of a classifier as a feature network: features are what its last layer with
/// parameters takes, and logits what that gives.
struct ClassifierDescription {
  private let configuration: ClassifierConfiguration
  private let network: Network
  /// The number of the layer that gives the logits.
  private let last: Int

  init(_ configuration: ClassifierConfiguration, _ network: Network) {
    self.configuration = configuration
    self.network = network
    last = network.layers.lastIndex { !$0.parameters.isEmpty } ?? network.layers.count - 1
  }

  /// The name of a tensor in the file of weights: the last layer's has the layer's name in place of
  /// its number.
  func key(_ name: String) -> String {
    let name = String(name.dropFirst(network.namePrefix.count))
    let number = "\(last)."
    return name.hasPrefix(number) ? "logits." + name.dropFirst(number.count) : name
  }

  /// The file's text.
  ///
  /// - Parameters:
  ///   - weights: The file of the weights, beside it.
  ///   - remark: What is known of the classifier.
  /// - Returns: YAML.
  func text(weights: String, remark: String) -> String {
    let shape = network.inputShape
    let range = configuration.data.range
    let extent = range.upperBound - range.lowerBound
    // Of bytes x: low + extent x / 255 = (x / 255 - mean) / deviation.
    let mean = range.lowerBound == 0 ? 0 : -range.lowerBound / extent
    return """
      # Trained by `wgangp-dist evaluate train-classifier`: \(remark).
      name: \(quotedIfNeeded(configuration.name))
      weights: \(quotedIfNeeded(weights))
      input:
        channels: \(shape.channels)
        size: [\(shape.height), \(shape.width)]
        rounding: nearest
        resize: none
        divisor: 255
        mean: \(mean)
        deviation: \(1 / extent)
      features: {layer: features}
      logits: {layer: logits}
      layers:
      \(layers.joined(separator: "\n"))

      """
  }

  /// The lines of the layers, with the names that are read.
  private var layers: [String] {
    let lines = configuration.settings.network.reader.resolvedYAML().split(separator: "\n")
    let names = [last - 1: "features", last: "logits"]
    var number = -1
    return lines.drop { $0 != "layers:" }.dropFirst().map { line in
      guard line.hasPrefix("- ") else { return String(line) }
      number += 1
      return names[number].map { Self.named(line, $0) } ?? String(line)
    }
  }

  /// The line that an entry begins with, with one more option.
  private static func named(_ line: Substring, _ name: String) -> String {
    if line.hasSuffix(":") { return "\(line)\n    name: \(name)" }
    guard let brace = line.firstIndex(of: "{") else { return "\(line): {name: \(name)}" }
    return "\(line[...brace])name: \(name), \(line[line.index(after: brace)...])"
  }
}
