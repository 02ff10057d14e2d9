import Base

/// Adam (Kingma and Ba 2015, arXiv:1412.6980) in the forms of PyTorch and of TensorFlow and Keras.
package struct Adam: Sendable, Equatable {
  /// What epsilon is added to.
  package enum EpsilonForm: String, CaseIterable, Sendable {
    /// The root of the bias-corrected second moment: Algorithm 1, PyTorch, Paddle.
    case pytorch
    /// The root of the second moment as it is, "epsilon hat" before section 2.1: TensorFlow, Keras.
    ///
    /// Early, while the moment is small against what it tends to, this epsilon weighs more.
    case hat
  }

  package var learningRate: Double
  package var beta1: Double
  package var beta2: Double
  package var epsilon: Double
  package var epsilonForm: EpsilonForm

  package init(
    learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
    epsilonForm: EpsilonForm = .pytorch
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.epsilonForm = epsilonForm
  }

  /// One update of all parameters, in place, in one sweep.
  ///
  ///     m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
  ///     rate = learningRate / (1 - beta1^step),  correction = sqrt(1 - beta2^step)
  ///     pytorch: p = p - rate m / (sqrt(v) / correction + epsilon)
  ///     hat: p = p - rate correction m / (sqrt(v) + epsilon)
  ///
  /// - Parameters:
  ///   - step: The update's number, 1 for the first.
  ///   - gradient: g; the other buffers have its count.
  ///   - parameters: p, updated in place.
  ///   - firstMoment: m, zeros before the first update.
  ///   - secondMoment: v, zeros before the first update.
  package func update(
    step: Int, gradient: FloatBuffer, parameters: MutableFloatBuffer,
    firstMoment: MutableFloatBuffer, secondMoment: MutableFloatBuffer
  ) {
    let count = gradient.count
    precondition(step > 0, "Adam's step \(step) is not positive")
    precondition(
      parameters.count == count && firstMoment.count == count && secondMoment.count == count,
      "Adam over \(count) gradients, \(parameters.count) parameters, \(firstMoment.count) and "
        + "\(secondMoment.count) moments")
    guard let g = gradient.baseAddress, let p = parameters.baseAddress,
      let m = firstMoment.baseAddress, let v = secondMoment.baseAddress
    else { return }
    let rate = learningRate / (1 - power(beta1, step))
    let correction = (1 - power(beta2, step)).squareRoot()
    // One loop for both forms: multiplying by 1 is exact.
    let (stepSize, rootScale) =
      epsilonForm == .hat ? (Float(rate * correction), 1) : (Float(rate), Float(1 / correction))
    let (b1, b2) = (Float(beta1), Float(beta2))
    let (c1, c2) = (Float(1 - beta1), Float(1 - beta2))
    let epsilon = Float(epsilon)
    var index = 0
    while index + 8 <= count {
      let gradient = g.lanes(index)
      let first = (m.lanes(index) * b1).addingProduct(gradient, SIMD8(repeating: c1))
      let second = (v.lanes(index) * b2).addingProduct(gradient * c2, gradient)
      let root = second.squareRoot() * rootScale + epsilon
      m.setLanes(index, first)
      v.setLanes(index, second)
      p.setLanes(index, p.lanes(index) - first * stepSize / root)
      index += 8
    }
    while index < count {
      let gradient = g[index]
      let first = (m[index] * b1).addingProduct(gradient, c1)
      let second = (v[index] * b2).addingProduct(gradient * c2, gradient)
      m[index] = first
      v[index] = second
      p[index] -= first * stepSize / (second.squareRoot() * rootScale + epsilon)
      index += 1
    }
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    var result = 1.0
    var factor = base
    var remaining = exponent
    while remaining > 0 {
      if remaining & 1 == 1 { result *= factor }
      factor *= factor
      remaining >>= 1
    }
    return result
  }
}
