/// Batch normalization by its definition, in Double: the tests' oracle.
///
/// One stat group, whole.
package enum NaiveBatchNormalization {
  /// The output y and the statistics it used, for x of rows x channels.
  package static func forward(
    _ x: [Double], rows: Int, gamma: [Double], beta: [Double], epsilon: Double
  ) -> (y: [Double], mean: [Double], variance: [Double]) {
    let channels = gamma.count
    var mean = [Double](repeating: 0, count: channels)
    var variance = mean
    for index in x.indices { mean[index % channels] += x[index] / Double(rows) }
    for index in x.indices {
      let centred = x[index] - mean[index % channels]
      variance[index % channels] += centred * centred / Double(rows)
    }
    let y = x.indices.map { index -> Double in
      let c = index % channels
      return gamma[c] * (x[index] - mean[c]) / (variance[c] + epsilon).squareRoot() + beta[c]
    }
    return (y, mean, variance)
  }

  /// dx of <d, y>: gamma r (d - mean d - x^ mean(x^ d)).
  package static func backward(
    _ d: [Double], x: [Double], rows: Int, gamma: [Double], epsilon: Double
  ) -> [Double] {
    let channels = gamma.count
    let ones = [Double](repeating: 1, count: channels)
    let zeros = [Double](repeating: 0, count: channels)
    let (normal, _, variance) = forward(x, rows: rows, gamma: ones, beta: zeros, epsilon: epsilon)
    var meanD = zeros
    var meanNormalD = zeros
    for index in x.indices {
      meanD[index % channels] += d[index] / Double(rows)
      meanNormalD[index % channels] += d[index] * normal[index] / Double(rows)
    }
    return x.indices.map { index in
      let c = index % channels
      let scale = gamma[c] / (variance[c] + epsilon).squareRoot()
      return scale * (d[index] - meanD[c] - normal[index] * meanNormalD[c])
    }
  }
}
