import Collectives
import Synchronization

/// How a parameter's values begin.
package enum Initializer: Sendable, Equatable {
  case constant(Float)
  case normal(mean: Float, deviation: Float)
  /// Uniform in [-limit, limit).
  case uniform(limit: Float)
  /// Uniform with a limit for each part: `count` values in PyTorch's order, then the next part's.
  case uniformParts([UniformPart])

  package struct UniformPart: Sendable, Equatable {
    package var count: Int
    package var limit: Float
  }
}
