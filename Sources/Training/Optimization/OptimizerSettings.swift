import Collectives
import Configuration
import Foundation
import Kernels
import Networks

/// An optimizer as a configuration names it.
///
///     adam: {learningRate: 1.0e-4, beta1: 0.5, beta2: 0.999}
package struct OptimizerSettings: Sendable, Equatable {
  /// How a parameter moves along its gradient; each case has its numbers.
  package enum Rule: Sendable, Equatable {
    case adam(Adam)
    case rmsprop(RMSprop)
    case sgd(SGD)
  }

  /// With the configured learning rate.
  package var rule: Rule
  /// How the rate goes with the iterations.
  package var schedule: LearningRateSchedule

  package init(_ rule: Rule, schedule: LearningRateSchedule = .constant) {
    self.rule = rule
    self.schedule = schedule
  }

  package static func adam(_ adam: Adam) -> OptimizerSettings { OptimizerSettings(.adam(adam)) }

  /// Reads an entry of `optimizer`.
  ///
  /// - Throws: `ConfigurationError` naming file, line and key.
  init(_ item: ConfigurationItem) throws {
    let options = item.options
    let rate = {
      try options.number("learningRate", in: 0...Double.greatestFiniteMagnitude, above: 0)
    }
    let decay = { (key: String, value: Double) in
      try options.number(key, default: value, in: 0...0.999_999_999)
    }
    let epsilon = { (value: Double) in
      try options.number("epsilon", default: value, in: 0...1, above: 0)
    }
    switch item.name {
    case "adam":
      rule = .adam(
        Adam(
          learningRate: try rate(), beta1: try decay("beta1", 0.9),
          beta2: try decay("beta2", 0.999),
          epsilon: try epsilon(1e-8),
          epsilonForm: try options.choice("epsilonForm", default: .pytorch)))
    case "rmsprop":
      let form = try options.choice("form", default: RMSprop.Form.pytorch)
      rule = .rmsprop(
        RMSprop(
          learningRate: try rate(), alpha: try decay("alpha", form.defaultAlpha),
          epsilon: try epsilon(form.defaultEpsilon), momentum: try decay("momentum", 0), form: form)
      )
    case "sgd":
      let sgd = SGD(
        learningRate: try rate(), momentum: try decay("momentum", 0),
        isNesterov: try options.boolean("nesterov", default: false))
      guard sgd.momentum != 0 || !sgd.isNesterov else {
        throw options.fail("nesterov", "expected a momentum above 0 with it, found 0")
      }
      rule = .sgd(sgd)
    default: throw item.unknownName(known: ["adam", "rmsprop", "sgd"])
    }
    schedule = try LearningRateSchedule(
      options.item("learningRateSchedule", default: "constant"))
    try options.finish()
  }

  /// The settings for a critic whose penalty is not in every step: see
  /// `GradientPenalty.adjustsOptimizer`.
  func adjusted(to penalty: GradientPenalty?) -> OptimizerSettings {
    guard let penalty, penalty.adjustsOptimizer, case .adam(var adam) = rule else { return self }
    let part = Double(penalty.every) / Double(penalty.every + 1)
    adam.learningRate *= part
    adam.beta1 = pow(adam.beta1, part)
    adam.beta2 = pow(adam.beta2, part)
    return OptimizerSettings(.adam(adam), schedule: schedule)
  }

  /// The state vectors of an optimizer: PyTorch's names, and what they begin with.
  var state: [(name: String, initial: Float)] {
    switch rule {
    case .adam: [("exp_avg", 0), ("exp_avg_sq", 0)]
    case .rmsprop(let rmsprop):
      [("square_avg", rmsprop.form.initialSquareAverage)]
        + (rmsprop.momentum == 0 ? [] : [("momentum_buffer", 0)])
    case .sgd(let sgd): sgd.momentum == 0 ? [] : [("momentum_buffer", 0)]
    }
  }
}
