import Base

/// Stochastic gradient descent with momentum, as PyTorch computes it (no dampening).
///
/// Nesterov's form is that of Sutskever et al. 2013: the gradient plus a look ahead along the new
/// buffer. The learning rate stands outside the buffer, so that a schedule acts on all of it at
/// once.
package struct SGD: Sendable, Equatable {
  package var learningRate: Double
  /// 0: none, and no buffer.
  package var momentum: Double
  package var isNesterov: Bool

  package init(learningRate: Double, momentum: Double = 0, isNesterov: Bool = false) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.isNesterov = isNesterov
  }

  /// One update of all parameters, in place, in one sweep.
  ///
  ///     b = momentum b + g,  d = b, or with Nesterov g + momentum b;  p = p - learningRate d
  ///
  /// - Parameters:
  ///   - gradient: g; the other buffers have its count.
  ///   - parameters: p, updated in place.
  ///   - momentumBuffer: b, zeros before the first update, so that this makes it b = g; nil for no
  ///     momentum.
  package func update(
    gradient: FloatBuffer, parameters: MutableFloatBuffer, momentumBuffer: MutableFloatBuffer?
  ) {
    let count = gradient.count
    precondition(
      parameters.count == count && (momentumBuffer?.count ?? count) == count,
      "SGD over \(count) gradients, \(parameters.count) parameters, a buffer of "
        + "\(momentumBuffer?.count ?? 0)")
    precondition(
      (momentumBuffer != nil) == (momentum != 0),
      "SGD of momentum \(momentum) \(momentumBuffer == nil ? "without" : "with") a buffer")
    guard let g = gradient.baseAddress, let p = parameters.baseAddress else { return }
    let rate = Float(learningRate)
    var index = 0
    guard let b = momentumBuffer?.baseAddress else {
      while index + 8 <= count {
        p.setLanes(index, p.lanes(index) - g.lanes(index) * rate)
        index += 8
      }
      while index < count {
        p[index] -= g[index] * rate
        index += 1
      }
      return
    }
    let momentum = Float(momentum)
    let lanes = SIMD8(repeating: momentum)
    while index + 8 <= count {
      let gradient = g.lanes(index)
      let buffer = gradient.addingProduct(b.lanes(index), lanes)
      b.setLanes(index, buffer)
      let direction = isNesterov ? gradient.addingProduct(buffer, lanes) : buffer
      p.setLanes(index, p.lanes(index) - direction * rate)
      index += 8
    }
    while index < count {
      let gradient = g[index]
      let buffer = gradient.addingProduct(b[index], momentum)
      b[index] = buffer
      p[index] -= (isNesterov ? gradient.addingProduct(buffer, momentum) : buffer) * rate
      index += 1
    }
  }
}
