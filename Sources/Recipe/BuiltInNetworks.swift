import Foundation
import Storage

/// The feature networks that the program has built in: with the default run's data no other is
/// needed.
///
/// Written by `wgangp-dist evaluate train-classifier`, whose last run gives the same bytes again.
package enum BuiltInNetworks {
  /// Their names, as `configs/classifiers` has them.
  package static let names = ["glyphs"]

  /// Calls `body` with the path of a network's description, beside which its weights lie.
  ///
  /// - Parameters:
  ///   - name: The network's.
  ///   - body: Reads them: the files are gone behind it.
  /// - Returns: What `body` gives; nil where no network has the name.
  /// - Throws: What `body` throws, and where there is no room for the files.
  package static func withDescription<Result>(
    of name: String, _ body: (_ path: String) throws -> Result
  ) throws -> Result? {
    guard name == names[0] else { return nil }
    return try FileSystem.withTemporaryFolder { folder in
      let path = "\(folder)/glyphs-network.yaml"
      try FileSystem.writeAtomically(PackageResources.glyphs_network_yaml, to: path)
      try FileSystem.writeAtomically(
        PackageResources.glyphs_network_safetensors,
        to: "\(folder)/glyphs-network.safetensors")
      return try body(path)
    }
  }
}
