import Configuration
import Datasets

/// What of a run decides which scores apply to it.
package struct ScoreSubject: Sendable {
  /// The run's name, for errors.
  package var name: String
  package var source: DatasetSource
  /// Whether only the critic is trained: then samples say nothing.
  package var hasFixedGenerator: Bool
  /// Feature networks that scores can name; nil where there are none.
  package var networks: FeatureNetworks?
  /// What scores of arrays are made of.
  package var quantities: [Quantity]

  package init(
    name: String, source: DatasetSource, hasFixedGenerator: Bool = false,
    networks: FeatureNetworks? = nil, quantities: [Quantity] = []
  ) {
    self.name = name
    self.source = source
    self.hasFixedGenerator = hasFixedGenerator
    self.networks = networks
    self.quantities = quantities
  }

  /// Of the numbers that arrays are conditioned on.
  package var conditionNames: [String] {
    if case .array(let settings) = source { settings.conditionNames } else { [] }
  }

  /// What a score of arrays says of other data; nil where there are arrays.
  package var refusalWithoutArrays: String? {
    if let refusal = refusalWithoutGenerator { return refusal }
    if case .array = source { return nil }
    return "the data of \(name) are no arrays"
  }

  /// What a score of quantities says where there are none; else nil.
  package var refusalWithoutQuantities: String? {
    refusalWithoutArrays
      ?? (quantities.isEmpty ? "evaluation.quantities names nothing to measure" : nil)
  }

  /// What a score of the generator says where there is none to judge; else nil.
  package var refusalWithoutGenerator: String? {
    hasFixedGenerator ? "training.fixedGenerator trains no generator" : nil
  }

  /// What a score of images says of other samples; nil where there are images.
  package var refusalWithoutImages: String? {
    if let refusal = refusalWithoutGenerator { return refusal }
    return switch source {
    case .toy: "the data of \(name) are points of the plane, not images"
    case .array: "the data of \(name) are arrays, not images"
    default: nil
    }
  }

  /// What a score on features says where there are none; else nil.
  package var refusalWithoutFeatures: String? {
    refusalWithoutImages ?? (networks == nil ? "there are no feature networks" : nil)
  }

  /// The feature network that a score's options name.
  ///
  /// - Parameter options: The score's own; `network` is read.
  /// - Returns: The name, of a network that there is.
  /// - Throws: `ConfigurationError` for another name, and for none where there is no standard one.
  func networkName(_ options: ConfigurationReader) throws -> String {
    guard let networks else { preconditionFailure("\(name) has no feature networks") }
    let name = try options.string("network", default: networks.standard)
    if let refusal = networks.refusal(name) { throw options.fail("network", refusal) }
    return name
  }
}
