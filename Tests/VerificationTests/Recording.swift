import Foundation
import Testing

/// The recorded run that the repository has: two iterations of the Fashion-MNIST system at width 2.
func recording() throws -> String {
  let url = Bundle.module.url(
    forResource: "fashion-width2", withExtension: "safetensors", subdirectory: "Fixtures")
  return try #require(url).path
}
