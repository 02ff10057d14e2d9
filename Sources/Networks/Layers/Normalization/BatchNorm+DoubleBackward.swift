import Base
import Collectives
import Kernels

/// What only the second-order pass of batch norm needs.
final class SecondOrderState {
  let sums: ShardSums
  /// Per shard and class: sum d t.
  let products: DoubleStorage
  /// `channels` values each, as in `NormalizationCurvature`.
  let meanT: FloatStorage
  let normalT: FloatStorage
  let weightU: FloatStorage
  let weightT: FloatStorage
  let weightNormal: FloatStorage
  let constant: FloatStorage

  init(sums: ShardSums, channels: Int, classes: Int, shards: Int) {
    self.sums = sums
    products = DoubleStorage(count: shards * classes * channels)
    meanT = FloatStorage(count: channels)
    normalT = FloatStorage(count: channels)
    weightU = FloatStorage(count: channels)
    weightT = FloatStorage(count: channels)
    weightNormal = FloatStorage(count: channels)
    constant = FloatStorage(count: channels)
  }
}

/// The second-order pass: the derivatives of F = <dx, t>, with the statistics depending on x.
///
/// They are derived at `NormalizationCurvature`; dgamma is formed of each shard's own sums.
extension BatchNorm {
  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, output y: Tensor, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) throws {
    try doubleBackward(t, outputGradient: dy, input: x, slope: nil, into: jt, share: share, pass)
  }

  package func doubleBackward(
    _ t: Tensor, outputGradient dy: Tensor, input x: Tensor, slope: Float?, into jt: Tensor?,
    share: Tensor?, _ pass: Pass
  ) throws {
    guard let state = secondOrder else {
      preconditionFailure("\(kind) is not prepared for a second-order pass")
    }
    precondition(pass.mode == .training, "\(kind) has no second-order pass in evaluation")
    precondition(pass.groups.count == 1, "the second-order pass takes one group")
    let group = pass.groups.lowerBound
    context.forEachShard { shard, thread in
      self.addSums(
        t, dy, x, slope: slope, to: state, pass, shard: shard, group: group, thread: thread)
    }
    combine(try state.sums.total(count: 3 * channels), pass, group, state)
    context.forEachShard { shard, thread in
      self.addGammaGradient(state, shard: shard, group: group)
      let (t, d) = (t.read(pass, shard: shard), dy.read(pass, shard: shard))
      let x = x.read(pass, shard: shard)
      let (mean, r) = (self.of(group, self.mean), self.of(group, self.inverseDeviation))
      if let jt {
        let target = jt.values(pass, shard: shard)
        self.forEachBlock(pass, shard, group) { block, label in
          let scale = self.scaled(label, by: r, thread: thread)
          BatchNormalization.project(
            FloatBuffer(rebasing: t[block]), input: FloatBuffer(rebasing: x[block]),
            rows: block.count / self.channels, mean: mean, inverseDeviation: r, scale: scale,
            meanV: self.of(0, state.meanT), meanNormalV: self.of(0, state.normalT),
            rectifier: self.rectifier(slope, label, scale: scale),
            into: MutableFloatBuffer(rebasing: target[block]))
        }
      }
      if let share {
        let target = share.values(pass, shard: shard)
        self.forEachBlock(pass, shard, group) { block, label in
          BatchNormalization.secondOrderShare(
            d: FloatBuffer(rebasing: d[block]), t: FloatBuffer(rebasing: t[block]),
            input: FloatBuffer(rebasing: x[block]), rows: block.count / self.channels, mean: mean,
            inverseDeviation: r,
            weightD: self.scaled(label, by: self.of(0, state.weightU), thread: thread),
            weightT: self.of(0, state.weightT), weightNormal: self.of(0, state.weightNormal),
            constant: self.of(0, state.constant),
            rectifier: self.rectifier(
              slope, label, scale: self.scaled(label, by: r, thread: thread, place: 1)),
            into: MutableFloatBuffer(rebasing: target[block]))
        }
      }
    }
  }

  /// Sums of one shard: t, x^ t and u t for the exchange, d t by class for gamma.
  private func addSums(
    _ t: Tensor, _ dy: Tensor, _ x: Tensor, slope: Float?, to state: SecondOrderState,
    _ pass: Pass, shard: Int, group: Int, thread: Int
  ) {
    let (t, d) = (t.read(pass, shard: shard), dy.read(pass, shard: shard))
    let x = x.read(pass, shard: shard)
    let (mean, r) = (of(group, mean), of(group, inverseDeviation))
    let sums = state.sums.shard(shard, count: 3 * channels)
    sums.update(repeating: 0)
    BatchNormalization.addProjectionSums(
      t, input: x, rows: rows(pass, shard), mean: mean, inverseDeviation: r,
      to: UnsafeMutableBufferPointer(rebasing: sums[0..<2 * channels]))
    let products = products(state, shard)
    products.update(repeating: 0)
    forEachBlock(pass, shard, group) { block, label in
      let rectifier = self.rectifier(
        slope, label, scale: self.scaled(label, by: r, thread: thread))
      BatchNormalization.addProductSums(
        FloatBuffer(rebasing: t[block]), FloatBuffer(rebasing: d[block]),
        rows: block.count / self.channels,
        rectified: rectifier.map { ($0, FloatBuffer(rebasing: x[block]), mean) },
        to: UnsafeMutableBufferPointer(
          rebasing: products[label * self.channels..<(label + 1) * self.channels]))
    }
    for index in 0..<products.count {
      sums[2 * channels + index % channels] += Double(gamma.values[index]) * products[index]
    }
  }

  private func products(
    _ state: SecondOrderState, _ shard: Int
  ) -> UnsafeMutableBufferPointer<Double> {
    let count = (classes ?? 1) * channels
    return UnsafeMutableBufferPointer(start: state.products.pointer + shard * count, count: count)
  }

  /// Turns the sums over all shards into the coefficients of J t and of the share.
  private func combine(
    _ total: UnsafeBufferPointer<Double>, _ pass: Pass, _ group: Int, _ state: SecondOrderState
  ) {
    let m = groupCount(pass)
    for channel in 0..<channels {
      let index = group * channels + channel
      let found = NormalizationCurvature(
        count: m, divisor: settings.variance.divisor(count: m),
        inverseDeviation: Double(inverseDeviation.buffer[index]), meanU: meanU.buffer[index],
        normalU: normalU.buffer[index], sumT: total[channel], sumNormalT: total[channels + channel],
        sumProduct: total[2 * channels + channel])
      state.meanT.buffer[channel] = Float(found.meanT)
      state.normalT.buffer[channel] = Float(found.normalT)
      state.weightU.buffer[channel] = Float(found.weightU)
      state.weightT.buffer[channel] = Float(found.weightT)
      state.weightNormal.buffer[channel] = Float(found.weightNormal)
      state.constant.buffer[channel] = Float(found.constant)
    }
  }

  /// dgamma += sum of d r P t = r (sum d t - mean t sum d - b sum d x^), over the samples of one
  /// shard and class.
  private func addGammaGradient(_ state: SecondOrderState, shard: Int, group: Int) {
    let (first, second) = (classSums(shard, group), products(state, shard))
    let gradient = gamma.partial(shard: shard)
    let r = of(group, inverseDeviation)
    for label in 0..<(classes ?? 1) {
      for c in 0..<channels {
        let value =
          second[label * channels + c]
          - Double(state.meanT.buffer[c]) * first[label * 2 * channels + c]
          - Double(state.normalT.buffer[c]) * first[(label * 2 + 1) * channels + c]
        gradient[label * channels + c] += Float(Double(r[c]) * value)
      }
    }
  }
}
