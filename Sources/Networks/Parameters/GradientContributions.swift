import Collectives
import Synchronization

/// Which passes add to a parameter's gradient.
///
/// A layer that knows the passes in advance can sum over the shards at once.
package enum GradientContributions: Sendable {
  /// `backward` alone.
  case one
  /// `backward`, then `doubleBackward`, each once, and none behind them: a penalty on a critic that
  /// is not curved.
  case two
  case several
}
