import Base

/// The feature networks that scores can name: the seam between scores and whoever builds networks.
package struct FeatureNetworks: Sendable {
  /// The network that a score takes where its `network` is not given; nil where it must be.
  package var standard: String?
  /// Why there is no network of that name, as far as that is known without opening files: a clause
  /// that names those that there are; nil where there is one.
  package var refusal: @Sendable (_ name: String) -> String?
  /// Opens the network of a name, on the calling rank alone.
  package var open: @Sendable (_ name: String) throws -> any FeatureExtractor

  /// - Parameters:
  ///   - standard: The network that is taken where none is named.
  ///   - refusal: Why there is none of a name.
  ///   - open: Opens one.
  package init(
    standard: String?, refusal: @escaping @Sendable (_ name: String) -> String?,
    open: @escaping @Sendable (_ name: String) throws -> any FeatureExtractor
  ) {
    self.standard = standard
    self.refusal = refusal
    self.open = open
  }
}
