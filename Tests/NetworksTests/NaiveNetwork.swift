import Kernels
import Networks
import TestSupport

/// A critic by its definition, in Double: one group over the whole batch.
///
/// The oracle of networks and of their penalty. Convolutions have the library's memory order, so
/// the harness's parameters fit.
struct NaiveNetwork {
  enum Layer {
    /// Without bias in the passes' derivative; K x R x S x C and K values.
    case conv(ConvolutionGeometry)
    case batchNorm(channels: Int, epsilon: Double)
    case leakyReLU(Double)
    case tanh
  }

  var layers: [Layer]
  var batch: Int

  private func count(_ layer: Layer) -> Int {
    switch layer {
    case .conv(let g): g.filterCount + g.outputChannels
    case .batchNorm(let channels, _): 2 * channels
    case .leakyReLU, .tanh: 0
    }
  }

  /// The values at every border, the input first.
  func forward(_ x: [Double], parameters: [Double]) -> [[Double]] {
    var values = [x]
    var first = 0
    for layer in layers {
      let own = Array(parameters[first..<first + count(layer)])
      first += own.count
      let x = values[values.count - 1]
      switch layer {
      case .conv(let g):
        var y = (0..<batch * g.outputCount).map { own[g.filterCount + $0 % g.outputChannels] }
        forEachProduct(g) { y[$2] += x[$0] * own[$1] }
        values.append(y)
      case .batchNorm(let channels, let epsilon):
        values.append(
          NaiveBatchNormalization.forward(
            x, rows: x.count / channels, gamma: Array(own[0..<channels]),
            beta: Array(own[channels...]),
            epsilon: epsilon
          ).y)
      case .leakyReLU(let slope): values.append(x.map { $0 > 0 ? $0 : slope * $0 })
      case .tanh: values.append(x.map { hyperbolicTangent($0) })
      }
    }
    return values
  }

  /// The gradient of <d, output> with respect to the input.
  func inputGradient(_ x: [Double], parameters: [Double], outputGradient: [Double]) -> [Double] {
    let values = forward(x, parameters: parameters)
    var d = outputGradient
    var end = layers.reduce(0) { $0 + count($1) }
    for (index, layer) in layers.enumerated().reversed() {
      let own = Array(parameters[end - count(layer)..<end])
      end -= own.count
      switch layer {
      case .conv(let g):
        var dx = [Double](repeating: 0, count: batch * g.inputCount)
        forEachProduct(g) { dx[$0] += d[$2] * own[$1] }
        d = dx
      case .batchNorm(let channels, let epsilon):
        d = NaiveBatchNormalization.backward(
          d, x: values[index], rows: d.count / channels, gamma: Array(own[0..<channels]),
          epsilon: epsilon)
      case .leakyReLU(let slope): d = zip(d, values[index]).map { $1 > 0 ? $0 : slope * $0 }
      case .tanh: d = zip(d, values[index + 1]).map { $0 * (1 - $1 * $1) }
      }
    }
    return d
  }

  /// weight * mean_i (|g_i| - 1)^2, g the gradient of the sum of scores.
  func penalty(_ x: [Double], parameters: [Double], weight: Double) -> Double {
    let ones = [Double](repeating: 1, count: batch)
    let g = inputGradient(x, parameters: parameters, outputGradient: ones)
    let size = g.count / batch
    return (0..<batch).reduce(0.0) { sum, i in
      let norm = g[i * size..<(i + 1) * size].reduce(0) { $0 + $1 * $1 }.squareRoot()
      return sum + weight * (norm - 1) * (norm - 1) / Double(batch)
    }
  }

  /// Indices into x, w and y of every product of the sum.
  private func forEachProduct(_ g: ConvolutionGeometry, _ body: (Int, Int, Int) -> Void) {
    for y in 0..<batch * g.outputCount {
      let (pixel, k) = (y / g.outputChannels, y % g.outputChannels)
      let (image, place) = (pixel / g.outputPixels, pixel % g.outputPixels)
      for r in 0..<g.kernelHeight {
        for s in 0..<g.kernelWidth {
          let row = place / g.outputWidth * g.rows.stride - g.paddingTop + r
          let column = place % g.outputWidth * g.columns.stride - g.paddingLeft + s
          guard row >= 0, column >= 0, row < g.inputHeight, column < g.inputWidth else { continue }
          for c in 0..<g.inputChannels {
            body(
              ((image * g.inputHeight + row) * g.inputWidth + column) * g.inputChannels + c,
              ((k * g.kernelHeight + r) * g.kernelWidth + s) * g.inputChannels + c, y)
          }
        }
      }
    }
  }
}
