import Base
import Configuration
import Kernels
import Networks

/// The clipping of a critic's parameters to [-limit, limit] after each of its steps.
///
/// It keeps the critic Lipschitz: Arjovsky et al. 2017, arXiv:1701.07875, Algorithm 1.
///
///     {limit: 0.01, parameters: all}
package struct WeightClip: Sendable, Equatable {
  /// What is clipped.
  package enum Scope: String, CaseIterable, Sendable {
    /// Everything that is trained, batch norm's factors and offsets too, as the published systems
    /// do: a factor that begins at 1 is the limit after the first step.
    case all
    /// Convolution, linear and embedding weights, not biases, nor what norm layers scale and shift
    /// by.
    case weights
  }

  /// The largest size of a parameter, above 0.
  package var limit: Double
  /// Which parameters are clipped.
  package var parameters: Scope

  package init(limit: Double, parameters: Scope = .all) {
    self.limit = limit
    self.parameters = parameters
  }

  package init(_ section: ConfigurationReader) throws {
    limit = try section.number("limit", default: 0.01, in: 0...1e6, above: 0)
    parameters = try section.choice("parameters", default: .all)
  }

  /// Clips the network's parameters in place; optimizer state and running statistics stay.
  package func apply(to network: Network) {
    network.arena.mutate { values in
      switch parameters {
      // The gaps between parameters are 0 and stay so.
      case .all: Elementwise.clip(values, limit: Float(limit))
      case .weights:
        for range in network.arena.weightRanges {
          Elementwise.clip(MutableFloatBuffer(rebasing: values[range]), limit: Float(limit))
        }
      }
    }
  }
}
