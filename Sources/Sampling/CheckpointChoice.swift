/// Which checkpoint of a run is taken.
package enum CheckpointChoice: Equatable, Sendable {
  /// The newest whole one.
  case newest
  /// The one with the best score, which `checkpoints/best` leads to.
  case best
  /// The one after so many iterations.
  case step(Int)

  /// `best`, `newest`, or the number of a step; nil for other words.
  package init?(_ text: String) {
    switch text {
    case "best": self = .best
    case "newest": self = .newest
    default:
      guard let step = Int(text), step >= 0 else { return nil }
      self = .step(step)
    }
  }
}
