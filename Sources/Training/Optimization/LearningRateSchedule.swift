import Configuration
import Foundation

/// How a learning rate goes with the iterations of a run, the first being iteration 0.
///
/// All optimizer steps of an iteration share its rate, also the critic's several: that is how
/// Gulrajani et al.'s code decays (`igul222/improved_wgan_training`), and a run that is stopped
/// and resumed needs nothing but its iteration.
///
///     learningRateSchedule: {linear: {steps: 100000}}
package enum LearningRateSchedule: Sendable, Equatable {
  /// The configured rate throughout.
  case constant
  /// The rate up to iteration `start`, then down to 0 within `steps` iterations:
  /// rate * max(0, 1 - max(0, iteration - start) / steps).
  case linear(steps: Int, start: Int = 0)
  /// (rate - end) * (1 - min(iteration, steps) / steps)^power + end, as Paddle's and TensorFlow's
  /// polynomial decays.
  case polynomial(steps: Int, power: Double = 1, end: Double = 0)
  /// rate * factor^(iteration / every), the quotient rounded down: PyTorch's `StepLR`.
  case exponential(every: Int, factor: Double)

  init(_ item: ConfigurationItem) throws {
    let options = item.options
    let steps = 1...1_000_000_000_000
    switch item.name {
    case "constant": self = .constant
    case "linear":
      self = .linear(
        steps: try options.integer("steps", in: steps),
        start: try options.integer("from", default: 0, in: 0...steps.upperBound))
    case "polynomial":
      self = .polynomial(
        steps: try options.integer("steps", in: steps),
        power: try options.number("power", default: 1, in: 0...100, above: 0),
        end: try options.number("end", default: 0, in: 0...Double.greatestFiniteMagnitude))
    case "exponential":
      self = .exponential(
        every: try options.integer("every", in: steps),
        factor: try options.number("factor", in: 0...1, above: 0))
    default:
      throw item.unknownName(known: ["constant", "linear", "polynomial", "exponential"])
    }
    try options.finish()
  }

  /// The rate of the steps of an iteration, from the configured one.
  ///
  /// - Parameters:
  ///   - rate: The configured rate, that of iteration 0.
  ///   - iteration: The iteration's number, from 0.
  /// - Returns: The rate for every optimizer step of that iteration; not below 0.
  package func rate(_ rate: Double, iteration: Int) -> Double {
    precondition(iteration >= 0, "a learning rate at iteration \(iteration)")
    switch self {
    case .constant: return rate
    case .linear(let steps, let start):
      return rate * max(0, 1 - Double(max(0, iteration - start)) / Double(steps))
    case .polynomial(let steps, let power, let end):
      let left = 1 - Double(min(iteration, steps)) / Double(steps)
      // The usual power 1 does not depend on a library's last bit.
      return (rate - end) * (power == 1 ? left : pow(left, power)) + end
    case .exponential(let every, let factor): return rate * pow(factor, Double(iteration / every))
    }
  }
}
