import Base

/// Sums and sweeps of batch normalization over a stat group: m values a channel, those of all
/// shards on all ranks.
///
/// Ioffe and Szegedy 2015, arXiv:1502.03167; the second-order pass is derived at
/// `NormalizationCurvature`. The same sums and sweeps serve layer norm and instance norm, whose
/// statistics are a sample's own.
///
/// Letters: x the input, mean and var its statistics, r = 1 / sqrt(var + epsilon),
/// x^ = (x - mean) r, gamma and beta the affine parameters, d = dL/dy, t a direction in x-space,
/// P v = v - mean(v) - x^ mean(x^ v).
///
/// Where a sweep takes a `rectifier`, a (leaky) ReLU follows the normalization: d is then the
/// gradient at the activation's output, and J t the direction there. Such sweeps are compiled with
/// and without it, so that their loops do not ask.
///
/// All tensors are rows x channels (a row is a pixel of a sample). Sums are in Double: var is the
/// difference of two sums, and with them in Double the difference keeps Float's precision as long
/// as mean^2 < 10^8 var. So one exchange of (sum x, sum x^2) is enough, where two passes over x
/// (mean first) would need two.
package enum BatchNormalization {
  /// sums[c] += sum x, sums[channels + c] += sum x^2 over the rows.
  package static func addStatistics(
    _ x: FloatBuffer, rows: Int, channels: Int, to sums: UnsafeMutableBufferPointer<Double>
  ) {
    check(rows, channels, x.count)
    precondition(sums.count == 2 * channels, "\(sums.count) sums for \(channels) channels")
    guard let x = x.baseAddress, let sums = sums.baseAddress else { return }
    addPairSums(rows, channels, to: sums) { row, c in
      let value = SIMD8<Double>(x.lanes(row * channels + c))
      return (value, value)
    } scalars: { row, c in
      let value = Double(x[row * channels + c])
      return (value, value)
    }
  }

  /// Rows that a sum takes of 16 channels before it goes on to the next 16.
  ///
  /// All rows would be a cache line here and there, which the processor does not fetch ahead: a
  /// third of the speed with 128 channels. With four, memory is read nearly from end to end, and
  /// the running sums stay in the first-level cache.
  private static var rowsAtOnce: Int { 4 }

  /// sums[c] += sum v, sums[channels + c] += sum v w over the rows, with v and w from `lanes` (row,
  /// first of eight channels) or `scalars`.
  ///
  /// Added from the first row to the last. 16 channels at a time: a cache line of each row, and
  /// four chains of additions.
  @inline(__always)
  private static func addPairSums(
    _ rows: Int, _ channels: Int, to sums: UnsafeMutablePointer<Double>,
    lanes: (_ row: Int, _ c: Int) -> (v: SIMD8<Double>, w: SIMD8<Double>),
    scalars: (_ row: Int, _ c: Int) -> (v: Double, w: Double)
  ) {
    let wide = channels / 16 * 16
    for first in stride(from: 0, to: rows, by: rowsAtOnce) {
      var c = 0
      while c < wide {
        var (sum, product) = (sums.lanes(c), sums.lanes(channels + c))
        var (nextSum, nextProduct) = (sums.lanes(c + 8), sums.lanes(channels + c + 8))
        for row in first..<min(first + rowsAtOnce, rows) {
          let (left, right) = (lanes(row, c), lanes(row, c + 8))
          sum += left.v
          product = product.addingProduct(left.v, left.w)
          nextSum += right.v
          nextProduct = nextProduct.addingProduct(right.v, right.w)
        }
        sums.setLanes(c, sum)
        sums.setLanes(c + 8, nextSum)
        sums.setLanes(channels + c, product)
        sums.setLanes(channels + c + 8, nextProduct)
        c += 16
      }
    }
    var c = wide
    while c < channels {
      var (sum, product) = (0.0, 0.0)
      for row in 0..<rows {
        let (v, w) = scalars(row, c)
        sum += v
        product = product.addingProduct(v, w)
      }
      sums[c] += sum
      sums[channels + c] += product
      c += 1
    }
  }

  /// y = gamma (x - mean) r + beta, or the rectifier's output for that.
  ///
  /// The mean is subtracted first: folding it into the offset would cancel.
  ///
  /// `scale` is gamma r; like `mean` and `offset` (beta) it has a value a channel.
  package static func normalize(
    _ x: FloatBuffer, rows: Int, mean: FloatBuffer, scale: FloatBuffer, offset: FloatBuffer,
    rectifier: Rectifier? = nil, into y: MutableFloatBuffer
  ) {
    let channels = mean.count
    check(rows, channels, x.count, y.count)
    guard let x = x.baseAddress, let y = y.baseAddress, let mean = mean.baseAddress,
      let scale = scale.baseAddress, let offset = offset.baseAddress
    else { return }
    @inline(__always) func sweep(_ rectifier: Rectifier?) {
      for row in 0..<rows {
        let base = row * channels
        var c = 0
        while c + 8 <= channels {
          let centred = x.lanes(base + c) - mean.lanes(c)
          let v = offset.lanes(c).addingProduct(centred, scale.lanes(c))
          y.setLanes(base + c, rectifier?.output(v) ?? v)
          c += 8
        }
        while c < channels {
          let v = offset[c].addingProduct(x[base + c] - mean[c], scale[c])
          y[base + c] = rectifier?.output(v) ?? v
          c += 1
        }
      }
    }
    if let rectifier { sweep(rectifier) } else { sweep(nil) }
  }

  /// sums[c] += sum v, sums[channels + c] += sum x^ v over the rows: with v = d what `backward`
  /// needs.
  ///
  /// A rectifier's gradient is taken of v first.
  package static func addProjectionSums(
    _ v: FloatBuffer, input x: FloatBuffer, rows: Int, mean: FloatBuffer,
    inverseDeviation r: FloatBuffer, rectifier: Rectifier? = nil,
    to sums: UnsafeMutableBufferPointer<Double>
  ) {
    let channels = mean.count
    check(rows, channels, x.count, v.count)
    precondition(sums.count == 2 * channels, "\(sums.count) sums for \(channels) channels")
    guard let x = x.baseAddress, let v = v.baseAddress, let mean = mean.baseAddress,
      let r = r.baseAddress, let sums = sums.baseAddress
    else { return }
    @inline(__always) func sweep(_ rectifier: Rectifier?) {
      addPairSums(rows, channels, to: sums) { row, c in
        let at = row * channels + c
        let centred = x.lanes(at) - mean.lanes(c)
        let v = rectifier?.gradient(v.lanes(at), centred, c) ?? v.lanes(at)
        return (SIMD8<Double>(v), SIMD8<Double>(centred * r.lanes(c)))
      } scalars: { row, c in
        let at = row * channels + c
        let centred = x[at] - mean[c]
        let v = rectifier?.gradient(v[at], centred, c) ?? v[at]
        return (Double(v), Double(centred * r[c]))
      }
    }
    if let rectifier { sweep(rectifier) } else { sweep(nil) }
  }

  /// sums[c] += sum t d over the rows: the third sum of the second-order pass.
  ///
  /// With `rectified`, d is first replaced by the rectifier's gradient of d, at the input x with
  /// its mean.
  package static func addProductSums(
    _ t: FloatBuffer, _ d: FloatBuffer, rows: Int,
    rectified: (by: Rectifier, input: FloatBuffer, mean: FloatBuffer)? = nil,
    to sums: UnsafeMutableBufferPointer<Double>
  ) {
    let channels = sums.count
    check(rows, channels, t.count, d.count, rectified?.input.count ?? d.count)
    // Without a rectifier neither x nor the mean is read.
    guard let t = t.baseAddress, let d = d.baseAddress, let sums = sums.baseAddress else { return }
    let x = rectified?.input.baseAddress ?? d
    let mean = rectified?.mean.baseAddress ?? d
    @inline(__always) func sweep(_ rectifier: Rectifier?) {
      let wide = channels / 8 * 8
      for first in stride(from: 0, to: rows, by: rowsAtOnce) {
        var c = 0
        while c < wide {
          var product = sums.lanes(c)
          for row in first..<min(first + rowsAtOnce, rows) {
            let at = row * channels + c
            let d =
              rectifier?.gradient(d.lanes(at), x.lanes(at) - mean.lanes(c), c) ?? d.lanes(at)
            product = product.addingProduct(SIMD8<Double>(t.lanes(at)), SIMD8<Double>(d))
          }
          sums.setLanes(c, product)
          c += 8
        }
      }
      var c = wide
      while c < channels {
        for row in 0..<rows {
          let at = row * channels + c
          sums[c] +=
            Double(t[at]) * Double(rectifier?.gradient(d[at], x[at] - mean[c], c) ?? d[at])
        }
        c += 1
      }
    }
    if let rectified { sweep(rectified.by) } else { sweep(nil) }
  }

  /// out = scale P v, that is scale (v - meanV - x^ meanNormalV).
  ///
  /// With v = d and scale = gamma r this is dx; with v = t and the same scale it is J t = gamma
  /// x^t, of which a rectifier's J t is taken.
  package static func project(
    _ v: FloatBuffer, input x: FloatBuffer, rows: Int, mean: FloatBuffer,
    inverseDeviation r: FloatBuffer,
    scale: FloatBuffer, meanV: FloatBuffer, meanNormalV: FloatBuffer, rectifier: Rectifier? = nil,
    into out: MutableFloatBuffer
  ) {
    let channels = mean.count
    check(rows, channels, x.count, v.count, out.count)
    guard let x = x.baseAddress, let v = v.baseAddress, let out = out.baseAddress,
      let mean = mean.baseAddress, let r = r.baseAddress, let scale = scale.baseAddress,
      let meanV = meanV.baseAddress, let meanNormalV = meanNormalV.baseAddress
    else { return }
    @inline(__always) func sweep(_ rectifier: Rectifier?) {
      for row in 0..<rows {
        let base = row * channels
        var c = 0
        while c + 8 <= channels {
          let centred = x.lanes(base + c) - mean.lanes(c)
          let value =
            (v.lanes(base + c) - meanV.lanes(c))
            .addingProduct(-(centred * r.lanes(c)), meanNormalV.lanes(c)) * scale.lanes(c)
          out.setLanes(base + c, rectifier?.gradient(value, centred, c) ?? value)
          c += 8
        }
        while c < channels {
          let centred = x[base + c] - mean[c]
          let value =
            (v[base + c] - meanV[c]).addingProduct(-(centred * r[c]), meanNormalV[c]) * scale[c]
          out[base + c] = rectifier?.gradient(value, centred, c) ?? value
          c += 1
        }
      }
    }
    if let rectifier { sweep(rectifier) } else { sweep(nil) }
  }

  /// out = weightV v + weightNormal x^ + constant, the weights a value a channel.
  ///
  /// With u = gamma d, weightV = gamma r, weightNormal = -r c and constant = -r mean(u) this is
  /// dx = r P u: gamma stays inside the means where it is not the same for all rows. A rectifier's
  /// gradient is taken of v first.
  package static func combine(
    _ v: FloatBuffer, input x: FloatBuffer, rows: Int, mean: FloatBuffer,
    inverseDeviation r: FloatBuffer, weightV: FloatBuffer, weightNormal: FloatBuffer,
    constant: FloatBuffer, rectifier: Rectifier? = nil, into out: MutableFloatBuffer
  ) {
    let channels = mean.count
    check(rows, channels, x.count, v.count, out.count)
    guard let x = x.baseAddress, let v = v.baseAddress, let out = out.baseAddress,
      let mean = mean.baseAddress, let r = r.baseAddress, let weightV = weightV.baseAddress,
      let weightNormal = weightNormal.baseAddress, let constant = constant.baseAddress
    else { return }
    @inline(__always) func sweep(_ rectifier: Rectifier?) {
      for row in 0..<rows {
        let base = row * channels
        var c = 0
        while c + 8 <= channels {
          let centred = x.lanes(base + c) - mean.lanes(c)
          let v = rectifier?.gradient(v.lanes(base + c), centred, c) ?? v.lanes(base + c)
          let value = constant.lanes(c)
            .addingProduct(weightNormal.lanes(c), centred * r.lanes(c))
            .addingProduct(weightV.lanes(c), v)
          out.setLanes(base + c, value)
          c += 8
        }
        while c < channels {
          let centred = x[base + c] - mean[c]
          let v = rectifier?.gradient(v[base + c], centred, c) ?? v[base + c]
          out[base + c] = constant[c].addingProduct(weightNormal[c], centred * r[c])
            .addingProduct(weightV[c], v)
          c += 1
        }
      }
    }
    if let rectifier { sweep(rectifier) } else { sweep(nil) }
  }

  /// The input share of the second-order pass, an affine function of d, t and x^ in every channel:
  /// share = weightD d + weightT t + weightNormal x^ + constant.
  ///
  /// weightD = gamma weightU; the others are derived at `NormalizationCurvature`. A rectifier's
  /// gradient is taken of d first.
  package static func secondOrderShare(
    d: FloatBuffer, t: FloatBuffer, input x: FloatBuffer, rows: Int, mean: FloatBuffer,
    inverseDeviation r: FloatBuffer, weightD: FloatBuffer, weightT: FloatBuffer,
    weightNormal: FloatBuffer, constant: FloatBuffer, rectifier: Rectifier? = nil,
    into share: MutableFloatBuffer
  ) {
    let channels = mean.count
    check(rows, channels, x.count, d.count, t.count, share.count)
    guard let x = x.baseAddress, let d = d.baseAddress, let t = t.baseAddress,
      let mean = mean.baseAddress, let r = r.baseAddress, let weightD = weightD.baseAddress,
      let weightT = weightT.baseAddress, let weightNormal = weightNormal.baseAddress,
      let constant = constant.baseAddress, let out = share.baseAddress
    else { return }
    @inline(__always) func sweep(_ rectifier: Rectifier?) {
      for row in 0..<rows {
        let base = row * channels
        var c = 0
        while c + 8 <= channels {
          let centred = x.lanes(base + c) - mean.lanes(c)
          let d = rectifier?.gradient(d.lanes(base + c), centred, c) ?? d.lanes(base + c)
          let value = constant.lanes(c)
            .addingProduct(weightNormal.lanes(c), centred * r.lanes(c))
            .addingProduct(weightT.lanes(c), t.lanes(base + c))
            .addingProduct(weightD.lanes(c), d)
          out.setLanes(base + c, value)
          c += 8
        }
        while c < channels {
          let centred = x[base + c] - mean[c]
          let d = rectifier?.gradient(d[base + c], centred, c) ?? d[base + c]
          out[base + c] = constant[c].addingProduct(weightNormal[c], centred * r[c])
            .addingProduct(weightT[c], t[base + c]).addingProduct(weightD[c], d)
          c += 1
        }
      }
    }
    if let rectifier { sweep(rectifier) } else { sweep(nil) }
  }

  @inline(__always)
  private static func check(_ rows: Int, _ channels: Int, _ counts: Int...) {
    let expected = rows * channels
    for count in counts {
      precondition(
        count == expected, "a tensor has \(count) values, expected \(rows) rows x \(channels)")
    }
  }
}
