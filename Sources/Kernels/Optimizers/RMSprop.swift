import Base

/// RMSprop (Tieleman and Hinton 2012, lecture 6.5), not centered, in the forms of three libraries.
///
/// They differ in where epsilon stands, in what the mean square begins with, and in whether the
/// momentum buffer holds the learning rate, which tells once the rate changes:
///
/// | form | denominator r | v begins at | momentum buffer | step |
/// |---|---|---|---|---|
/// | `pytorch` | sqrt(v) + epsilon | 0 | b = momentum b + g / r | p = p - rate b |
/// | `tensorflow` | sqrt(v + epsilon) | 1 | b = momentum b + rate g / r | p = p - b |
/// | `keras` | sqrt(v + epsilon) | 0 | b = momentum b + rate g / r | p = p - b |
///
/// They are `torch.optim.RMSprop`, TensorFlow 1's `RMSPropOptimizer` and Keras 3's `RMSprop`; the
/// rate is `learningRate`.
///
/// TensorFlow's ones make the first steps small, learningRate g / sqrt(decay): there is no bias to
/// correct. The Keras inside TensorFlow 2.0 to 2.10 adds epsilon outside the root when it has no
/// momentum: that is `pytorch` with Keras's numbers.
package struct RMSprop: Sendable, Equatable {
  package enum Form: String, CaseIterable, Sendable {
    case pytorch
    case tensorflow
    case keras

    /// The library's own decay of the mean square.
    package var defaultAlpha: Double { self == .pytorch ? 0.99 : 0.9 }

    /// The library's own epsilon.
    package var defaultEpsilon: Double {
      switch self {
      case .pytorch: 1e-8
      case .tensorflow: 1e-10
      case .keras: 1e-7
      }
    }

    /// What every v is before the first update.
    package var initialSquareAverage: Float { self == .tensorflow ? 1 : 0 }
  }

  package var learningRate: Double
  /// The decay of the mean square.
  package var alpha: Double
  package var epsilon: Double
  /// 0: none, and no buffer.
  package var momentum: Double
  package var form: Form

  /// Makes an optimizer; `alpha` and `epsilon` are by default the form's own.
  package init(
    learningRate: Double, alpha: Double? = nil, epsilon: Double? = nil, momentum: Double = 0,
    form: Form = .pytorch
  ) {
    self.learningRate = learningRate
    self.alpha = alpha ?? form.defaultAlpha
    self.epsilon = epsilon ?? form.defaultEpsilon
    self.momentum = momentum
    self.form = form
  }

  /// One update of all parameters, in place, in one sweep: v = alpha v + (1 - alpha) g^2, then the
  /// form's step, which without momentum is p = p - learningRate g / r.
  ///
  /// - Parameters:
  ///   - gradient: g; the other buffers have its count.
  ///   - parameters: p, updated in place.
  ///   - squareAverage: v, the form's `initialSquareAverage` before the first update.
  ///   - momentumBuffer: b, zeros before the first update; nil for no momentum.
  package func update(
    gradient: FloatBuffer, parameters: MutableFloatBuffer, squareAverage: MutableFloatBuffer,
    momentumBuffer: MutableFloatBuffer?
  ) {
    let count = gradient.count
    precondition(
      parameters.count == count && squareAverage.count == count
        && (momentumBuffer?.count ?? count) == count,
      "RMSprop over \(count) gradients, \(parameters.count) parameters, \(squareAverage.count) "
        + "mean squares, a buffer of \(momentumBuffer?.count ?? 0)")
    precondition(
      (momentumBuffer != nil) == (momentum != 0),
      "RMSprop of momentum \(momentum) \(momentumBuffer == nil ? "without" : "with") a buffer")
    guard let g = gradient.baseAddress, let p = parameters.baseAddress,
      let v = squareAverage.baseAddress
    else { return }
    let b = momentumBuffer?.baseAddress
    let (alpha, rest) = (Float(alpha), Float(1 - alpha))
    let momentum = Float(momentum)
    // One loop for all forms: adding 0 and multiplying by 1 are exact.
    let isInside = form != .pytorch
    let (inside, outside) = isInside ? (Float(epsilon), 0) : (0, Float(epsilon))
    let (before, after) = isInside ? (Float(learningRate), 1) : (1, Float(learningRate))
    var index = 0
    while index + 8 <= count {
      let gradient = g.lanes(index)
      let square = (v.lanes(index) * alpha).addingProduct(gradient * rest, gradient)
      v.setLanes(index, square)
      var direction = gradient * before / ((square + inside).squareRoot() + outside)
      if let b {
        direction = direction.addingProduct(b.lanes(index), SIMD8(repeating: momentum))
        b.setLanes(index, direction)
      }
      p.setLanes(index, p.lanes(index) - direction * after)
      index += 8
    }
    while index < count {
      let gradient = g[index]
      let square = (v[index] * alpha).addingProduct(gradient * rest, gradient)
      v[index] = square
      var direction = gradient * before / ((square + inside).squareRoot() + outside)
      if let b {
        direction = direction.addingProduct(b[index], momentum)
        b[index] = direction
      }
      p[index] -= direction * after
      index += 1
    }
  }
}
