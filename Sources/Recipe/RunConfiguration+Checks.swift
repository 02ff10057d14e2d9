import Configuration

extension RunConfiguration {
  /// How a run watches itself.
  package struct ChecksSection {
    /// When ranks compare the hashes of their parameters, which then stand in metrics.csv.
    package var hashEvery: Interval
  }

  static func checks(_ section: ConfigurationReader) throws -> ChecksSection {
    ChecksSection(hashEvery: try Interval(section, key: "hashEvery", default: "never"))
  }
}
