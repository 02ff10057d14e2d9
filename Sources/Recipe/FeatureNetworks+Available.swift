import Base
import Datasets
import Features
import Scores
import Storage

extension FeatureNetworks {
  /// The networks that the program has built in, and those that files describe.
  ///
  /// - Parameters:
  ///   - source: The data of what is scored: drawn digits have a standard network; nil where
  ///     nothing is known of them.
  ///   - standard: The network that scores take where they name none, instead of the data's.
  /// - Returns: The networks.
  package static func available(
    for source: DatasetSource? = nil, standard: String? = nil
  ) -> FeatureNetworks {
    FeatureNetworks(
      standard: standard ?? source?.standardNetwork,
      refusal: { name in
        guard !BuiltInNetworks.names.contains(name), !name.hasSuffix(".yaml"),
          !name.hasSuffix(".yml")
        else { return nil }
        return "expected \(BuiltInNetworks.names.joined(separator: ", ")) or the file of a feature "
          + "network, such as configs/features/inception-fid.yaml, found '\(name)'"
      },
      open: { name in
        try BuiltInNetworks.withDescription(of: name) {
          try FeatureNetwork(FeatureDescription(path: $0))
        } ?? FeatureNetwork(FeatureDescription(path: name))
      })
  }
}

extension FeatureNetworks {
  /// The network of a published evaluation, for every name.
  ///
  /// - Parameters:
  ///   - evaluation: What it does to images, whatever the file says.
  ///   - file: What describes the network instead of the evaluation's own file; nil for that.
  /// - Returns: The network.
  package static func following(
    _ evaluation: InceptionProtocol, file: String? = nil
  ) -> FeatureNetworks {
    FeatureNetworks(
      standard: file ?? evaluation.network, refusal: { _ in nil },
      open: { _ in
        let path = file ?? evaluation.network
        guard FileSystem.exists(path) else {
          throw Fault(
            "\(path): no such file",
            advice: "--protocol \(evaluation.name) takes the network that it describes, or the one "
              + "of --features FILE")
        }
        return try FeatureNetwork(
          FeatureDescription(
            path: path, overrides: evaluation.overrides,
            source: "\(path) --protocol \(evaluation.name)"))
      })
  }
}

extension DatasetSource {
  fileprivate var standardNetwork: String? {
    if case .glyphs = self { return "glyphs" }
    return nil
  }
}
