import Base
import Configuration
import Kernels
import Networks

/// An exponential moving average of a network's parameters.
///
///     average = decay average + (1 - decay) parameters, after each step from `startIteration` on
///
/// GANs draw better samples from it: Yazici et al. 2019, arXiv:1806.04498. Before that iteration it
/// is the parameters themselves. Running statistics are not averaged: they are averages already,
/// and the network's own count. Every rank keeps the same average.
package final class WeightAverage {
  /// `training.generatorAverage`.
  package struct Settings: Sendable, Equatable {
    /// The share of the average that a step leaves: 0.9999 remembers some 10,000 steps.
    package var decay: Double
    /// The first iteration, from 0, whose step is averaged in.
    package var startIteration: Int

    package init(decay: Double = 0.9999, startIteration: Int = 0) {
      self.decay = decay
      self.startIteration = startIteration
    }

    init(_ section: ConfigurationReader) throws {
      decay = try section.number("decay", default: 0.9999, in: 0...0.999_999_9)
      startIteration = try section.integer("startIteration", default: 0, in: 0...1_000_000_000_000)
    }
  }

  package let settings: Settings
  private let network: Network
  /// The average, in the layout of the network's arena.
  package let values: FloatStorage

  /// Begins as a copy of the network's parameters.
  package init(_ settings: Settings, of network: Network) {
    self.settings = settings
    self.network = network
    values = FloatStorage(count: network.arena.count)
    if !values.isPlanned { _ = values.buffer.update(fromContentsOf: network.arena.values) }
  }

  /// Takes the network's parameters in, as they are after the step of `iteration`, from 0.
  package func update(iteration: Int) {
    Elementwise.movingAverage(
      of: network.arena.values,
      decay: iteration < settings.startIteration ? 0 : settings.decay, into: values.buffer)
  }

  /// Calls `body` with the average in the network's place.
  ///
  /// The network's parameters are back afterwards, bit for bit.
  package func withAverage<Result>(_ body: () throws -> Result) rethrows -> Result {
    swap()
    defer { swap() }
    return try body()
  }

  private func swap() {
    let average = values.buffer
    network.arena.mutate { parameters in
      for index in average.indices {
        let value = average[index]
        average[index] = parameters[index]
        parameters[index] = value
      }
    }
  }
}
