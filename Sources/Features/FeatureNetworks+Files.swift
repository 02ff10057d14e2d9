import Scores

extension FeatureNetworks {
  /// Networks that files describe: a name is the path of a YAML file.
  ///
  /// - Parameter standard: The network that is taken where none is named.
  /// - Returns: The networks.
  package static func files(standard: String? = nil) -> FeatureNetworks {
    FeatureNetworks(
      standard: standard,
      refusal: { name in
        name.hasSuffix(".yaml") || name.hasSuffix(".yml")
          ? nil
          : "expected the file of a feature network, such as configs/features/inception-fid.yaml, "
            + "found '\(name)'"
      },
      open: { try FeatureNetwork(FeatureDescription(path: $0)) })
  }
}
