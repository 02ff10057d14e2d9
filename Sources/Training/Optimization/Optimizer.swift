import Base
import Collectives
import Configuration
import Networks

/// The optimizer of one network with its state.
///
/// Every rank moves its own parts of the parameters and of the state (`ParameterArena.ownParts`),
/// and gets the other ranks' parameters.
package final class Optimizer {
  /// As configured; `rateFactor` comes on top.
  package let settings: OptimizerSettings
  private let network: Network
  /// Updates done.
  package var step = 0
  /// What the configured rate is multiplied by: below 1 after a run went back to a checkpoint.
  package var rateFactor = 1.0
  /// PyTorch's names of the state vectors, as many as the settings need, and the vectors: the
  /// arena's layout, this rank's parts up to date.
  package let moments: [(name: String, values: FloatStorage)]

  package init(_ settings: OptimizerSettings, of network: Network) {
    self.settings = settings
    self.network = network
    moments = settings.state.map { name, initial in
      let values = FloatStorage(count: network.arena.count)
      if !values.isPlanned { values.buffer.update(repeating: initial) }
      return (name, values)
    }
  }

  /// The learning rate of an iteration's updates, the first being iteration 0.
  package func learningRate(iteration: Int) -> Double {
    let configured =
      switch settings.rule {
      case .adam(let adam): adam.learningRate
      case .rmsprop(let rmsprop): rmsprop.learningRate
      case .sgd(let sgd): sgd.learningRate
      }
    return rateFactor * settings.schedule.rate(configured, iteration: iteration)
  }

  /// Moves the parameters along the network's reduced gradient, at the rate of `iteration`, on all
  /// ranks.
  ///
  /// At a rate of 0 the state moves still, as in PyTorch.
  package func update(iteration: Int) throws {
    step += 1
    let arena = network.arena
    let rate = learningRate(iteration: iteration)
    let pool = network.context.pool
    try arena.mutate { values in
      for part in arena.ownParts {
        pool.forEach(pool.threads) { index, _ in
          self.move(
            values, arena.gradient, rate,
            OrderedSumParts.part(index, of: pool.threads, in: part))
        }
      }
      try arena.complete(values)
    }
  }

  /// Moves a range of the parameters.
  private func move(
    _ values: MutableFloatBuffer, _ gradient: FloatBuffer, _ rate: Double, _ range: Range<Int>
  ) {
    let gradient = FloatBuffer(rebasing: gradient[range])
    let parameters = MutableFloatBuffer(rebasing: values[range])
    let state = { (index: Int) in
      MutableFloatBuffer(rebasing: self.moments[index].values.buffer[range])
    }
    switch settings.rule {
    case .adam(var adam):
      adam.learningRate = rate
      adam.update(
        step: step, gradient: gradient, parameters: parameters, firstMoment: state(0),
        secondMoment: state(1))
    case .rmsprop(var rmsprop):
      rmsprop.learningRate = rate
      rmsprop.update(
        gradient: gradient, parameters: parameters, squareAverage: state(0),
        momentumBuffer: moments.count > 1 ? state(1) : nil)
    case .sgd(var sgd):
      sgd.learningRate = rate
      sgd.update(
        gradient: gradient, parameters: parameters,
        momentumBuffer: moments.isEmpty ? nil : state(0))
    }
  }

  /// Gives all ranks the whole state vectors: for a checkpoint.
  package func completeMoments() throws {
    for (_, values) in moments { try network.arena.complete(values.buffer) }
  }
}
