import Base
import Kernels

/// The second-order pass, a sample at a time: the derivatives are those of `NormalizationCurvature`
/// for each cell.
extension SampleNorm {
  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) {
    context.forEachShard { shard, thread in
      for group in pass.groups {
        for sample in 0..<pass.samples(inShard: shard) {
          let statistics = self.statistics(sample, group, pass, shard)
          self.doubleBackward(
            FloatBuffer(t.sample(sample, group: group, pass, shard: shard)),
            FloatBuffer(dy.sample(sample, group: group, pass, shard: shard)),
            input: FloatBuffer(x.sample(sample, group: group, pass, shard: shard)),
            mean: self.spread(FloatBuffer(statistics.mean), into: self.vector(0, thread: thread)),
            inverseDeviation: self.spread(
              FloatBuffer(statistics.inverseDeviation), into: self.vector(1, thread: thread)),
            into: jt?.sample(sample, group: group, pass, shard: shard),
            share: share?.sample(sample, group: group, pass, shard: shard), shard: shard,
            thread: thread)
        }
      }
    }
  }

  private func doubleBackward(
    _ t: FloatBuffer, _ d: FloatBuffer, input x: FloatBuffer, mean: FloatBuffer,
    inverseDeviation r: FloatBuffer, into jt: MutableFloatBuffer?, share: MutableFloatBuffer?,
    shard: Int, thread: Int
  ) {
    // Of t and x^ t; of d and x^ d; of d t.
    let (sumsT, sumsD) = (sums(0..<2, thread: thread), sums(2..<4, thread: thread))
    let products = sums(4..<5, thread: thread)
    sums(0..<5, thread: thread).update(repeating: 0)
    BatchNormalization.addProjectionSums(
      t, input: x, rows: rows, mean: mean, inverseDeviation: r, to: sumsT)
    BatchNormalization.addProjectionSums(
      d, input: x, rows: rows, mean: mean, inverseDeviation: r, to: sumsD)
    BatchNormalization.addProductSums(d, t, rows: rows, to: products)
    foldColumns(sumsT)
    if let gamma { addGammaGradient(gamma, sumsT, sumsD, products, r, shard: shard) }
    weight(sumsD)
    weight(products)
    foldColumns(sumsD)
    foldColumns(products)

    let (scale, meanT, normalT) = (
      vector(2, thread: thread), vector(3, thread: thread), vector(4, thread: thread)
    )
    if let jt {
      Elementwise.multiply(self.scale, r, into: scale)
      for column in 0..<columns {
        let cell = cells == 1 ? 0 : column
        meanT[column] = Float(sumsT[cell] / count)
        normalT[column] = Float(sumsT[columns + cell] / divisor)
      }
      BatchNormalization.project(
        t, input: x, rows: rows, mean: mean, inverseDeviation: r, scale: FloatBuffer(scale),
        meanV: FloatBuffer(meanT), meanNormalV: FloatBuffer(normalT), into: jt)
    }
    guard let share else { return }
    let (weightD, weightT, weightNormal, constant) = (
      scale, meanT, normalT, vector(5, thread: thread)
    )
    let gamma = self.scale
    let curvature = { (cell: Int) in
      NormalizationCurvature(
        count: self.count, divisor: self.divisor, inverseDeviation: Double(r[cell]),
        meanU: sumsD[cell] / self.count, normalU: sumsD[self.columns + cell] / self.divisor,
        sumT: sumsT[cell], sumNormalT: sumsT[self.columns + cell], sumProduct: products[cell])
    }
    var found = curvature(0)
    for column in 0..<columns {
      if cells > 1 { found = curvature(column) }
      weightD[column] = Float(found.weightU * Double(gamma[column]))
      weightT[column] = Float(found.weightT)
      weightNormal[column] = Float(found.weightNormal)
      constant[column] = Float(found.constant)
    }
    BatchNormalization.secondOrderShare(
      d: d, t: t, input: x, rows: rows, mean: mean, inverseDeviation: r,
      weightD: FloatBuffer(weightD), weightT: FloatBuffer(weightT),
      weightNormal: FloatBuffer(weightNormal), constant: FloatBuffer(constant), into: share)
  }

  /// dgamma += sum of d r P t = r (sum d t - mean t sum d - b sum d x^), down each column.
  private func addGammaGradient(
    _ gamma: Parameter, _ sumsT: UnsafeMutableBufferPointer<Double>,
    _ sumsD: UnsafeMutableBufferPointer<Double>, _ products: UnsafeMutableBufferPointer<Double>,
    _ r: FloatBuffer, shard: Int
  ) {
    let partial = gamma.partial(shard: shard)
    var total = 0.0
    for column in 0..<columns {
      let cell = cells == 1 ? 0 : column
      let value =
        Double(r[column])
        * (products[column] - sumsT[cell] / count * sumsD[column]
          - sumsT[columns + cell] / divisor * sumsD[columns + column])
      if settings.affine == .scalar {
        total += value
      } else {
        partial[column] += Float(value)
      }
    }
    if settings.affine == .scalar { partial[0] += Float(total) }
  }
}
