import Configuration
import Kernels
import Networks

/// An optimizer as a configuration names it.
///
///     adam: {learningRate: 1.0e-4, beta1: 0.5, beta2: 0.999}
package enum OptimizerSettings: Sendable, Equatable {
  case adam(Adam)

  init(_ item: ConfigurationItem) throws {
    guard item.name == "adam" else { throw item.unknownName(known: ["adam"]) }
    let options = item.options
    self = .adam(
      Adam(
        learningRate: try options.number(
          "learningRate", in: 0...Double.greatestFiniteMagnitude, above: 0),
        beta1: try options.number("beta1", default: 0.9, in: 0...0.999_999_999),
        beta2: try options.number("beta2", default: 0.999, in: 0...0.999_999_999),
        epsilon: try options.number("epsilon", default: 1e-8, in: 0...1, above: 0)))
    try options.finish()
  }
}

/// The optimizer of one network with its state, over the network's whole arena in one sweep.
///
/// Every rank does the same update with the same gradient.
package final class Optimizer {
  package let settings: OptimizerSettings
  private let network: Network
  /// Updates done.
  package var step = 0
  /// PyTorch's names of the state vectors, and the vectors: the arena's layout.
  package let moments: [(name: String, values: FloatStorage)]

  package init(_ settings: OptimizerSettings, of network: Network) {
    self.settings = settings
    self.network = network
    let count = network.arena.count
    moments = [
      ("exp_avg", FloatStorage(count: count)), ("exp_avg_sq", FloatStorage(count: count)),
    ]
  }

  /// Moves the parameters along the network's reduced gradient.
  package func update() {
    step += 1
    switch settings {
    case .adam(let adam):
      adam.update(
        step: step, gradient: network.arena.gradient, parameters: network.arena.values.buffer,
        firstMoment: moments[0].values.buffer, secondMoment: moments[1].values.buffer)
    }
  }
}
