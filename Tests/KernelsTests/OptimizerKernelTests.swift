import Kernels
import TestSupport
import Testing

/// SGD, RMSprop and Adam against PyTorch's values, and against their formulas in Double.
@Suite struct OptimizerKernelTests {
  /// An optimizer with its state.
  struct Case: Sendable, CustomTestStringConvertible {
    enum Rule: Sendable {
      case sgd(SGD)
      case rmsprop(RMSprop)
      case adam(Adam)
    }

    var rule: Rule
    init(_ sgd: SGD) { rule = .sgd(sgd) }
    init(_ rmsprop: RMSprop) { rule = .rmsprop(rmsprop) }
    init(_ adam: Adam) { rule = .adam(adam) }

    var testDescription: String { "\(rule)" }

    /// Whether the case has a momentum buffer.
    var hasBuffer: Bool {
      switch rule {
      case .sgd(let sgd): sgd.momentum != 0
      case .rmsprop(let rmsprop): rmsprop.momentum != 0
      case .adam: true
      }
    }

    var learningRate: Double {
      get {
        switch rule {
        case .sgd(let sgd): sgd.learningRate
        case .rmsprop(let rmsprop): rmsprop.learningRate
        case .adam(let adam): adam.learningRate
        }
      }
      set {
        switch rule {
        case .sgd(var sgd):
          sgd.learningRate = newValue
          rule = .sgd(sgd)
        case .rmsprop(var rmsprop):
          rmsprop.learningRate = newValue
          rule = .rmsprop(rmsprop)
        case .adam(var adam):
          adam.learningRate = newValue
          rule = .adam(adam)
        }
      }
    }

    /// Parameters after the steps; the learning rate is multiplied by `decay` after each.
    func run(_ parameters: [Float], _ gradients: [[Float]], decay: Double = 1)
      -> (parameters: [Float], square: [Float], buffer: [Float])
    {
      var state = (
        parameters: parameters, square: [Float](repeating: 0, count: parameters.count),
        buffer: [Float](repeating: 0, count: parameters.count)
      )
      if case .rmsprop(let rmsprop) = rule {
        state.square = state.square.map { _ in rmsprop.form.initialSquareAverage }
      }
      var current = self
      for (index, gradient) in gradients.enumerated() {
        gradient.read { g in
          state.parameters.withUnsafeMutableBufferPointer { p in
            state.square.withUnsafeMutableBufferPointer { v in
              state.buffer.withUnsafeMutableBufferPointer { b in
                switch current.rule {
                case .sgd(let sgd):
                  sgd.update(gradient: g, parameters: p, momentumBuffer: hasBuffer ? b : nil)
                case .rmsprop(let rmsprop):
                  rmsprop.update(
                    gradient: g, parameters: p, squareAverage: v,
                    momentumBuffer: hasBuffer ? b : nil)
                case .adam(let adam):
                  adam.update(
                    step: index + 1, gradient: g, parameters: p, firstMoment: b, secondMoment: v)
                }
              }
            }
          }
        }
        current.learningRate *= decay
      }
      return state
    }
  }

  // MARK: - PyTorch's values

  /// What PyTorch 2.15.0 gives after 3 and 10 steps, in float64, of every second parameter.
  ///
  ///     p = torch.nn.Parameter((torch.arange(11) - 4) / 4)
  ///     o = make([p])
  ///     for t in range(steps):
  ///         p.grad = ((torch.arange(11) * 7 + t * 5) % 11 - 5) / 8
  ///         o.step()
  ///     print([round(x, 9) for x in p.tolist()[::2]])
  ///
  /// where `make` is SGD(lr=0.1), with momentum=0.9, with nesterov=True too, RMSprop(lr=0.01), with
  /// alpha=0.9 and eps=0.1, with momentum=0.9, and Adam(lr=0.01, betas=(0.5, 0.9), eps=1e-2).
  static let pytorch: [(Case, [Double], [Double])] = [
    (
      Case(SGD(learningRate: 0.1)), [-1.0, -0.475, 0.05, 0.4375, 1.1, 1.4875],
      [-0.9875, -0.45, -0.05, 0.4875, 1.025, 1.5625]
    ),
    (
      Case(SGD(learningRate: 0.1, momentum: 0.9)),
      [-0.893125, -0.466, 0.084875, 0.3745, 1.17425, 1.463875],
      [-1.040408631, -0.191959655, -0.140202563, 0.461050714, 1.22543571, 1.552027099]
    ),
    (
      Case(SGD(learningRate: 0.1, momentum: 0.9, isNesterov: true)),
      [-0.9038125, -0.4444, 0.1263875, 0.32455, 1.256825, 1.4549875],
      [-1.023867768, -0.17276369, -0.176182307, 0.452445643, 1.227892139, 1.60932439]
    ),
    (
      Case(RMSprop(learningRate: 0.01)),
      [-0.971065119, -0.419125179, -0.001923005, 0.38884528, 1.153086548, 1.546788863],
      [-0.965895855, -0.392704672, -0.106224208, 0.453193673, 1.079917109, 1.603940912]
    ),
    (
      Case(RMSprop(learningRate: 0.01, alpha: 0.9, epsilon: 0.1)),
      [-0.996082786, -0.488166688, 0.01179376, 0.477396623, 1.03251377, 1.499060251],
      [-0.993631544, -0.481517382, -0.01446639, 0.492507424, 1.013912346, 1.515733895]
    ),
    (
      Case(RMSprop(learningRate: 0.01, momentum: 0.9)),
      [-0.800065146, -0.32312523, -0.084653645, 0.2582565, 1.30215486, 1.630450226],
      [-0.843072071, 0.149882007, -0.522452451, 0.187716355, 1.582036931, 1.869954126]
    ),
    (
      Case(Adam(learningRate: 0.01, beta1: 0.5, beta2: 0.9, epsilon: 1e-2)),
      [-0.990567669, -0.49135301, 0.002961345, 0.484755824, 1.020209488, 1.502160888],
      [-0.997820584, -0.480088449, -0.015609469, 0.498577734, 1.009491418, 1.516685385]
    ),
  ]

  @Test(arguments: pytorch.indices) func agreesWithPyTorch(index: Int) {
    let (optimizer, afterThree, afterTen) = Self.pytorch[index]
    let start = (0..<11).map { Float($0 - 4) / 4 }
    let gradients = (0..<10).map { (step: Int) -> [Float] in
      (0..<11).map { (i: Int) -> Float in
        let remainder = (i * 7 + step * 5) % 11
        return Float(remainder - 5) / 8
      }
    }
    for (steps, expected) in [(3, afterThree), (10, afterTen)] {
      let found = optimizer.run(start, Array(gradients[..<steps])).parameters
      // Half a unit in the last place a step.
      expectClose(
        stride(from: 0, to: 11, by: 2).map { found[$0] }, expected, absolute: 2e-6,
        "\(steps) steps")
    }
  }

  // MARK: - Formulas

  /// The formulas as the libraries document them, in Double, one parameter at a time.
  static func reference(
    _ optimizer: Case, _ start: Float, _ gradients: [Float], decay: Double
  ) -> Double {
    var p = Double(start)
    var b = 0.0
    var rate = optimizer.learningRate
    switch optimizer.rule {
    case .sgd(let sgd):
      for (index, gradient) in gradients.map(Double.init).enumerated() {
        b = index == 0 ? gradient : sgd.momentum * b + gradient
        p -= rate * (sgd.isNesterov ? gradient + sgd.momentum * b : b)
        rate *= decay
      }
    case .rmsprop(let rmsprop):
      // TensorFlow 1.15, training/rmsprop.py: the slot "rms" has a ones initializer.
      var v = rmsprop.form == .tensorflow ? 1.0 : 0.0
      for gradient in gradients.map(Double.init) {
        v = rmsprop.alpha * v + (1 - rmsprop.alpha) * gradient * gradient
        switch rmsprop.form {
        case .pytorch:
          b = rmsprop.momentum * b + gradient / (v.squareRoot() + rmsprop.epsilon)
          p -= rate * b
        case .tensorflow, .keras:
          // ApplyRMSProp: mom <- momentum * mom + lr * grad / sqrt(ms + epsilon), var <- var - mom.
          b = rmsprop.momentum * b + rate * gradient / (v + rmsprop.epsilon).squareRoot()
          p -= b
        }
        rate *= decay
      }
    case .adam: preconditionFailure("AdamTests have it")
    }
    return p
  }

  static let cases: [Case] =
    [
      Case(SGD(learningRate: 0.05)), Case(SGD(learningRate: 0.05, momentum: 0.7)),
      Case(SGD(learningRate: 0.05, momentum: 0.7, isNesterov: true)),
    ]
    + RMSprop.Form.allCases.flatMap { form in
      [
        Case(RMSprop(learningRate: 0.01, form: form)),
        Case(RMSprop(learningRate: 0.01, alpha: 0.8, epsilon: 0.2, form: form)),
        Case(RMSprop(learningRate: 0.01, alpha: 0.8, epsilon: 0.2, momentum: 0.7, form: form)),
      ]
    }

  /// Also with a learning rate that changes, where it matters what the momentum buffer holds.
  @Test(arguments: cases, [1, 0.5]) func agreesWithFormulas(optimizer: Case, decay: Double) {
    for (count, steps) in [(0, 1), (1, 1), (7, 3), (8, 3), (24, 2), (37, 12)] {
      var data = TestData(seed: 4)
      let start = data.normals(count)
      // Away from 0: an inverse root of a tiny square magnifies rounding.
      let gradients = (0..<steps).map { _ in data.normals(count, awayFromZero: 0.1) }
      let expected = (0..<count).map { i in
        Self.reference(optimizer, start[i], gradients.map { $0[i] }, decay: decay)
      }
      expectClose(
        optimizer.run(start, gradients, decay: decay).parameters, expected,
        absolute: Double(steps) * 4e-7, "\(count) parameters, \(steps) steps")
    }
  }

  /// The first step of each form of RMSprop by hand: gradient 2, decay 0.75, epsilon 3.
  @Test func formsOfRMSprop() {
    let step = { (form: RMSprop.Form) in
      -Double(
        Case(RMSprop(learningRate: 1, alpha: 0.75, epsilon: 3, form: form)).run([0], [[2]])
          .parameters[0])
    }
    // v = 0.25 * 4 = 1, in TensorFlow 1.75.
    expectClose(step(.pytorch), 2.0 / 4, absolute: 1e-6)
    expectClose(step(.keras), 2.0 / 2, absolute: 1e-6)
    expectClose(step(.tensorflow), 2 / 4.75.squareRoot(), absolute: 1e-6)
    let defaults = RMSprop.Form.allCases.map { RMSprop(learningRate: 1, form: $0) }
    #expect(defaults.map(\.alpha) == [0.99, 0.9, 0.9])
    #expect(defaults.map(\.epsilon) == [1e-8, 1e-10, 1e-7])
  }

  /// An element's bits do not depend on whether it lies in a lane or in the tail.
  @Test(arguments: cases) func tailEqualsLanes(optimizer: Case) {
    var data = TestData(seed: 5)
    let start = data.normals(16)
    let gradients = (0..<4).map { _ in data.normals(16) }
    let whole = optimizer.run(start, gradients)
    for first in 0..<16 {
      for count in [1, 7] where first + count <= 16 {
        let range = first..<first + count
        let part = optimizer.run(Array(start[range]), gradients.map { Array($0[range]) })
        expectSameBits(part.parameters, whole.parameters[range])
        expectSameBits(part.square, whole.square[range])
        expectSameBits(part.buffer, whole.buffer[range])
      }
    }
  }

  /// Gaps of the arena have gradient 0: they stay 0, and do not become 0/0.
  @Test(arguments: cases) func zeroStaysZero(optimizer: Case) {
    let zeros = [Float](repeating: 0, count: 11)
    let found = optimizer.run(zeros, [zeros, zeros])
    expectSameBits(found.parameters.map { $0 + 0 }, zeros)
  }

  // MARK: - Clipping and averaging

  @Test func clippingKeepsNaN() {
    let values: [Float] = [
      0.5, -0.5, 0.02, -0.02, 0.01, -0.01, 0, .nan, .infinity, -.infinity, 0.009, -.nan, 3,
    ]
    let expected: [Float] = [
      0.01, -0.01, 0.01, -0.01, 0.01, -0.01, 0, .nan, 0.01, -0.01, 0.009, .nan, 0.01,
    ]
    for first in values.indices {
      let found = Array(values[first...]).changed { Elementwise.clip($0, limit: 0.01) }
      #expect(found.count == values.count - first)
      for (value, wanted) in zip(found, expected[first...]) {
        #expect(value == wanted || value.isNaN && wanted.isNaN, "\(value), expected \(wanted)")
      }
    }
    // In lanes and in the tail, none left out.
    var data = TestData(seed: 6)
    let many = data.normals(101)
    expectSameBits(
      many.changed { Elementwise.clip($0, limit: 0.3) }, many.map { min(max($0, -0.3), 0.3) })
  }

  @Test(arguments: [0, 1, 7, 8, 29]) func averageAgreesWithItsFormula(count: Int) {
    for decay in [0, 0.5, 0.9, 0.999, 1] {
      var data = TestData(seed: 7)
      var average = data.normals(count)
      var expected = average.map(Double.init)
      for _ in 0..<20 {
        let values = data.normals(count)
        average = average.changed { target in
          values.read { Elementwise.movingAverage(of: $0, decay: decay, into: target) }
        }
        expected = zip(expected, values).map { decay * $0 + (1 - decay) * Double($1) }
        if decay == 0 { expectSameBits(average, values) }
      }
      expectClose(average, expected, absolute: 2e-6, "decay \(decay)")
    }
  }

  /// The average of constants is the constant, whatever the decay's rounding: the average of
  /// another start comes there, and what is there stays, bit for bit.
  @Test func averageOfConstants() {
    let constants: [Float] = [1, -0.3, 1e-4, 0.7, 0, 3, 5e-8, -2, 1.1, 0.9, 0.1]
    var average = constants
    var other = constants.map { $0 * 1.5 }
    constants.read { constants in
      for _ in 0..<100_000 {
        average.withUnsafeMutableBufferPointer {
          Elementwise.movingAverage(of: constants, decay: 0.9999, into: $0)
        }
        other.withUnsafeMutableBufferPointer {
          Elementwise.movingAverage(of: constants, decay: 0.999, into: $0)
        }
      }
    }
    expectSameBits(average, constants)
    // A share below half a unit in the last place does not move it: 0.001 of 6e-5 of the value.
    expectClose(other, constants, absolute: 0, relative: 1e-4)
  }
}
