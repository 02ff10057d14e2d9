/// What a score was measured with: said beside it.
package struct ScoreSetting: Sendable {
  package var samples: Int
  package var reals: Int
  /// Of the samples' noise, and of what scores choose at random.
  package var seed: UInt64
  /// What feature networks call themselves, by the names that scores have.
  package var networkNames: [String: String]

  package init(
    samples: Int, reals: Int? = nil, seed: UInt64 = 0, networkNames: [String: String] = [:]
  ) {
    self.samples = samples
    self.reals = reals ?? samples
    self.seed = seed
    self.networkNames = networkNames
  }

  /// `1000 samples, 1000 reals`.
  var counts: String { "\(samples) samples, \(reals) reals" }

  /// What the network calls itself.
  func name(ofNetwork name: String) -> String { networkNames[name] ?? name }
}
