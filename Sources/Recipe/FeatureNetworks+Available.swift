import Datasets
import Features
import Scores

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

extension DatasetSource {
  fileprivate var standardNetwork: String? {
    if case .glyphs = self { return "glyphs" }
    return nil
  }
}
