import Base
import Configuration
import Networks
import Storage

/// What a file says of a feature network: how images are prepared, the layers, where features and
/// logits are read, and which file has the weights.
package struct FeatureDescription {
  /// Its name, said beside scores.
  package let name: String
  /// The file that says it.
  package let path: String
  package let preparation: ImagePreparation
  /// The safetensors file of the weights.
  package let weights: String
  /// Names of the layers that give features and logits; nil for a network without classes.
  let features: LayerPoint
  let logits: LayerPoint?
  let layers: [ConfigurationItem]
  /// The document, for errors about what it says.
  let reader: ConfigurationReader

  /// A layer whose output is read.
  struct LayerPoint {
    let layer: String
    /// Whether a linear layer's offset is added to its logits.
    let hasBias: Bool
    let reader: ConfigurationReader
  }

  /// Reads a file.
  ///
  /// - Parameters:
  ///   - path: The YAML file.
  ///   - overrides: Such as `input.rounding=none`.
  ///   - source: Where those come from, for errors.
  /// - Throws: `ConfigurationError` that names key and line.
  package init(
    path: String, overrides: [String] = [], source: String = "command line"
  ) throws {
    var document = try ConfigurationDocument(path: path)
    for assignment in overrides { try document.override(assignment, source: source) }
    try self.init(document, path: path)
  }

  /// Reads a document; the weights lie beside `path`, unless their path begins with `/`.
  package init(_ document: ConfigurationDocument, path: String) throws {
    let reader = document.root()
    self.reader = reader
    self.path = path
    name = try reader.string("name")
    preparation = try ImagePreparation(reader.section("input"))
    features = try Self.point(reader.section("features"))
    logits = try reader.optionalSection("logits").map {
      try Self.point($0, mayLackBias: true)
    }
    let file = try reader.path("weights")
    weights = file.hasPrefix("/") ? file : "\(FileSystem.folder(of: path))/\(file)"
    layers = try reader.items("layers")
  }

  private static func point(
    _ reader: ConfigurationReader, mayLackBias: Bool = false
  ) throws -> LayerPoint {
    LayerPoint(
      layer: try reader.string("layer"),
      hasBias: try !mayLackBias || reader.boolean("bias", default: true), reader: reader)
  }
}
