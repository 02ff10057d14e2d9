import Collectives
import Synchronization

/// Which passes add to a parameter's gradient: what is known of it allows a layer to make the sum
/// over the shards at once.
package enum GradientContributions: Sendable {
  /// `backward` alone.
  case one
  /// `backward`, then `doubleBackward`, each once, and none behind them: a penalty on a critic that
  /// is not curved.
  case two
  case several
}
