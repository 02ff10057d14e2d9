import Base
import Kernels

/// Spectral normalization of a weight.
///
/// Layers compute with W / sigma, sigma = u^T W v an estimate of W's largest singular value (Miyato
/// et al. 2018, arXiv:1802.05957).
///
/// PyTorch's `torch.nn.utils.spectral_norm`: the parameter is called `weight_orig`, u and v are the
/// buffers `weight_u` and `weight_v`. W is the matrix outputs x everything else. u and v count as
/// constants in the gradient:
///
///     dL/dW = (G - <G, W / sigma> u v^T) / sigma,  G = dL/d(W / sigma)
///
/// which is linear in G, so it is applied once, to the reduced gradient of all passes of a step,
/// the second-order pass included: the same bits on every rank.
///
/// u and v take one step of the power iteration a gradient, after it: what a pass computes is a
/// function of W, u and v alone, so that a resumed run goes on with the same bits. (PyTorch takes
/// the step in every training forward pass.)
package final class SpectralNorm {
  package let u: StateBuffer
  /// In PyTorch's order.
  package let v: StateBuffer
  /// W / sigma, in W's order; of the last `refresh`.
  package let effective: FloatStorage
  private(set) package var sigma = 1.0

  /// The rows of W in memory: they belong to u, or to v if W `isTransposed`.
  private let rows: Int
  private let columns: Int
  private let isTransposed: Bool
  private let layout: ParameterLayout
  /// v in W's order.
  private let ownV: FloatStorage
  /// W v.
  private let product: FloatStorage

  /// Allocates u, v and W / sigma; `begin` gives them values.
  ///
  /// - Parameters:
  ///   - outputs: Number of values of u: the rows of PyTorch's matrix W.
  ///   - inputs: Number of values of v: everything else of W.
  ///   - isTransposed: Whether W lies in memory as inputs x outputs.
  ///   - layout: How v lies in memory compared with PyTorch's `weight_v`.
  package init(outputs: Int, inputs: Int, isTransposed: Bool = false, layout: ParameterLayout) {
    self.isTransposed = isTransposed
    self.layout = layout
    rows = isTransposed ? inputs : outputs
    columns = isTransposed ? outputs : inputs
    u = StateBuffer(name: "weight_u", count: outputs, value: 0)
    v = StateBuffer(name: "weight_v", count: inputs, value: 0)
    ownV = FloatStorage(count: inputs)
    product = FloatStorage(count: outputs)
    effective = FloatStorage(count: outputs * inputs)
  }

  /// Steps of the power iteration before the first pass, as in PyTorch's parametrization.
  private static let firstSteps = 15

  /// Draws u, and finds u and v for W.
  func begin(_ stream: RandomStream, sample: Int, weight w: FloatBuffer) {
    stream.normals(sample: sample, into: u.values.buffer)
    Self.normalize(u.values.buffer)
    for _ in 0..<Self.firstSteps { iterate(w) }
  }

  /// One step of the power iteration: v = W^T u / |W^T u|, u = W v / |W v|.
  func iterate(_ w: FloatBuffer) {
    multiplyTransposed(w, FloatBuffer(u.values.buffer), into: ownV.buffer)
    Self.normalize(ownV.buffer)
    layout.toPyTorch(FloatBuffer(ownV.buffer), into: v.values.buffer)
    multiply(w, FloatBuffer(ownV.buffer), into: u.values.buffer)
    Self.normalize(u.values.buffer)
  }

  /// Computes `effective` of W, u and v.
  func refresh(_ w: FloatBuffer) {
    layout.fromPyTorch(FloatBuffer(v.values.buffer), into: ownV.buffer)
    multiply(w, FloatBuffer(ownV.buffer), into: product.buffer)
    var sum = 0.0
    for index in 0..<product.count {
      sum += Double(product.buffer[index]) * Double(u.values.buffer[index])
    }
    sigma = sum
    Elementwise.scale(w, by: Float(1 / sigma), into: effective.buffer)
  }

  /// Makes dL/dW of dL/d(W / sigma), in place, for the last `refresh`'s W.
  func chain(_ gradient: MutableFloatBuffer) {
    var inner = 0.0
    for index in 0..<gradient.count {
      inner += Double(gradient[index]) * Double(effective.buffer[index])
    }
    let (left, right) =
      isTransposed ? (ownV.buffer, u.values.buffer) : (u.values.buffer, ownV.buffer)
    let factor = Float(1 / sigma)
    for row in 0..<rows {
      let part = Float(inner) * left[row]
      for column in 0..<columns {
        let index = row * columns + column
        gradient[index] = (gradient[index] - part * right[column]) * factor
      }
    }
  }

  private func multiply(_ w: FloatBuffer, _ x: FloatBuffer, into y: MutableFloatBuffer) {
    if isTransposed {
      MatrixVector.multiplyTransposed(w, rows: rows, columns: columns, x, into: y)
    } else {
      MatrixVector.multiply(w, rows: rows, columns: columns, x, into: y)
    }
  }

  private func multiplyTransposed(_ w: FloatBuffer, _ x: FloatBuffer, into y: MutableFloatBuffer) {
    if isTransposed {
      MatrixVector.multiply(w, rows: rows, columns: columns, x, into: y)
    } else {
      MatrixVector.multiplyTransposed(w, rows: rows, columns: columns, x, into: y)
    }
  }

  /// x / max(|x|, 1e-12), PyTorch's `normalize`.
  private static func normalize(_ x: MutableFloatBuffer) {
    let norm = max(Elementwise.sumOfSquares(FloatBuffer(x)).squareRoot(), 1e-12)
    Elementwise.scale(FloatBuffer(x), by: Float(1 / norm), into: x)
  }
}
