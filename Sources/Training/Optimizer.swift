import Collectives
import Configuration
import Kernels
import Networks

/// An optimizer as a configuration names it.
///
///     adam: {learningRate: 1.0e-4, beta1: 0.5, beta2: 0.999}
package struct OptimizerSettings: Sendable, Equatable {
  package enum Rule: Sendable, Equatable {
    case adam(Adam)
    case rmsprop(RMSprop)
    case sgd(SGD)
  }

  package var rule: Rule
  package var schedule: LearningRateSchedule

  package init(_ rule: Rule, schedule: LearningRateSchedule = .constant) {
    self.rule = rule
    self.schedule = schedule
  }

  package static func adam(_ adam: Adam) -> OptimizerSettings { OptimizerSettings(.adam(adam)) }

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
      let forms = Adam.EpsilonForm.allCases.map(\.rawValue)
      rule = .adam(
        Adam(
          learningRate: try rate(), beta1: try decay("beta1", 0.9),
          beta2: try decay("beta2", 0.999),
          epsilon: try epsilon(1e-8),
          epsilonForm: Adam.EpsilonForm(
            rawValue: try options.choice("epsilonForm", default: "pytorch", of: forms)) ?? .pytorch)
      )
    case "rmsprop":
      let forms = RMSprop.Form.allCases.map(\.rawValue)
      let form =
        RMSprop.Form(rawValue: try options.choice("form", default: "pytorch", of: forms))
        ?? .pytorch
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

  /// The state vectors of an optimizer: PyTorch's names, and what they begin with.
  fileprivate var state: [(name: String, initial: Float)] {
    switch rule {
    case .adam: [("exp_avg", 0), ("exp_avg_sq", 0)]
    case .rmsprop(let rmsprop):
      [("square_avg", rmsprop.form.initialSquareAverage)]
        + (rmsprop.momentum == 0 ? [] : [("momentum_buffer", 0)])
    case .sgd(let sgd): sgd.momentum == 0 ? [] : [("momentum_buffer", 0)]
    }
  }
}

/// The optimizer of one network with its state.
///
/// Every rank moves its own parts of the parameters and of the state (`ParameterArena.ownParts`), and gets
/// the other ranks' parameters.
package final class Optimizer {
  package let settings: OptimizerSettings
  private let network: Network
  /// Updates done.
  package var step = 0
  /// PyTorch's names of the state vectors, as many as the settings need, and the vectors: the
  /// arena's layout, this rank's parts up to date.
  package let moments: [(name: String, values: FloatStorage)]

  package init(_ settings: OptimizerSettings, of network: Network) {
    self.settings = settings
    self.network = network
    moments = settings.state.map { name, initial in
      let values = FloatStorage(count: network.arena.count)
      values.buffer.update(repeating: initial)
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
    return settings.schedule.rate(configured, iteration: iteration)
  }

  /// Moves the parameters along the network's reduced gradient, at the rate of `iteration`, on all
  /// ranks.
  ///
  /// At a rate of 0 the state moves still, as in PyTorch.
  package func update(iteration: Int) throws {
    step += 1
    let arena = network.arena
    let values = arena.values.buffer
    let rate = learningRate(iteration: iteration)
    let pool = network.context.pool
    for part in arena.ownParts {
      pool.forEach(pool.threads) { index, _ in
        self.move(
          values, arena.gradient, rate,
          OrderedSumParts.part(index, of: pool.threads, in: part))
      }
    }
    try arena.complete(values)
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
