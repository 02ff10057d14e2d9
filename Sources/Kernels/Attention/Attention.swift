import Base

/// Every query's mean of the values of all keys, weighted by the softmax of their products with it.
///
/// The middle of SAGAN's layer (Zhang and others 2019, arXiv:1805.08318, section 3), sample by
/// sample. With Q (k x N: key channels x queries), K (k x M) and V (v x M) channels first, as
/// reshapes to vectors leave them, and y (N x v) channels last:
///
///     S = Q^T K,  A = softmax of the rows of S,  y = A V^T
///
/// No factor scales S. A sample's x holds Q, K and V one behind the other. Letters of the passes:
/// d = dL/dy, t = (tQ, tK, tV) a direction in x-space, a * b the product of single values, and for
/// rows P(B) = A * (B - sum of A * B):
///
///     dV = d^T A,  dS = P(d V),  dQ = K dS^T,  dK = Q dS
///
/// J t and the share, the gradient of <dx, t> = <d, J t> with respect to x, with
/// T = tQ^T K + Q^T tK, and r and b the rows' sums of A * T and A * d V:
///
///     A' = P(T),  J t = A' V^T + A tV^T,  E = P(d V * (T - r) - b T + d tV)
///     share Q = tK dS^T + K E^T,  share K = tQ dS + Q E,  share V = d^T A'
package struct Attention: Sendable {
  package let queries: Int
  package let keys: Int
  package let keyChannels: Int
  package let valueChannels: Int

  package init(queries: Int, keys: Int, keyChannels: Int, valueChannels: Int) {
    precondition(
      min(queries, keys, keyChannels, valueChannels) > 0,
      "attention of \(queries) queries and \(keys) keys, \(keyChannels) and \(valueChannels) "
        + "channels")
    self.queries = queries
    self.keys = keys
    self.keyChannels = keyChannels
    self.valueChannels = valueChannels
  }

  /// Values of a sample's Q, K and V.
  package var inputCount: Int { keyChannels * (queries + keys) + valueChannels * keys }
  package var outputCount: Int { queries * valueChannels }
  /// Floating-point operations of a forward pass, a sample.
  package var operations: Int { 2 * queries * keys * (keyChannels + valueChannels) }

  /// Values of a matrix of queries x keys.
  private var matrixCount: Int { queries * keys }
  private var packedCount: Int {
    max(
      Panels.count(rows: queries, columns: keys), Panels.count(rows: keys, columns: queries),
      Panels.count(rows: max(keyChannels, valueChannels), columns: keys),
      Panels.count(rows: keys, columns: valueChannels))
  }
  /// Scratch values of any of the passes.
  package var scratchCount: Int { 4 * matrixCount + packedCount }

  /// Parts of a sample's x, or of what is like it.
  private struct Parts<Pointer> {
    let q: Pointer
    let k: Pointer
    let v: Pointer
  }

  private func parts(_ x: UnsafePointer<Float>) -> Parts<UnsafePointer<Float>> {
    let k = x + keyChannels * queries
    return Parts(q: x, k: k, v: k + keyChannels * keys)
  }

  private func parts(_ x: UnsafeMutablePointer<Float>) -> Parts<UnsafeMutablePointer<Float>> {
    let k = x + keyChannels * queries
    return Parts(q: x, k: k, v: k + keyChannels * keys)
  }

  /// The matrices of a pass, queries x keys, and one that is packed.
  private struct Workspace {
    let a: UnsafeMutablePointer<Float>
    let b: UnsafeMutablePointer<Float>
    let t: UnsafeMutablePointer<Float>
    let e: UnsafeMutablePointer<Float>
    let packed: UnsafeMutablePointer<Float>
  }

  private func workspace(_ scratch: MutableFloatBuffer) -> Workspace {
    precondition(
      scratch.count >= scratchCount, "scratch has \(scratch.count) values, expected \(scratchCount)"
    )
    let (start, count) = (scratch.start, matrixCount)
    return Workspace(
      a: start, b: start + count, t: start + 2 * count, e: start + 3 * count,
      packed: start + 4 * count)
  }

  // MARK: - Passes

  /// y of all `samples`; overwrites it.
  package func forward(
    samples: Int, _ x: FloatBuffer, into y: MutableFloatBuffer, scratch: MutableFloatBuffer
  ) {
    precondition(
      x.count == samples * inputCount && y.count == samples * outputCount,
      "forward of \(samples) samples of \(self): \(x.count) and \(y.count) values")
    let space = workspace(scratch)
    for sample in 0..<samples {
      let x = parts(x.start + sample * inputCount)
      weigh(x, space)
      multiplyByValues(space.a, x.v, adds: false, into: y.start + sample * outputCount, space)
    }
  }

  /// dx of all `samples` from d; overwrites it.
  package func gradient(
    samples: Int, _ d: FloatBuffer, input x: FloatBuffer, into dx: MutableFloatBuffer,
    scratch: MutableFloatBuffer
  ) {
    precondition(
      x.count == samples * inputCount && dx.count == x.count && d.count == samples * outputCount,
      "gradient of \(samples) samples of \(self): \(x.count), \(dx.count) and \(d.count) values")
    let space = workspace(scratch)
    for sample in 0..<samples {
      let (x, dx) = (
        parts(x.start + sample * inputCount), parts(dx.start + sample * inputCount)
      )
      let d = d.start + sample * outputCount
      weigh(x, space)
      pullBack(d, x.v, into: space.b, space)
      gatherValues(d, space.a, into: dx.v, space)
      for row in 0..<queries { project(space.a + row * keys, space.b + row * keys) }
      sendToQueries(space.b, x.k, adds: false, into: dx.q, space)
      sendToKeys(space.b, x.q, adds: false, into: dx.k, space)
    }
  }

  /// J t, where it is asked for, and the share of all `samples` from d and t; overwrites them.
  package func second(
    samples: Int, _ t: FloatBuffer, _ d: FloatBuffer, input x: FloatBuffer,
    into jt: MutableFloatBuffer?, share: MutableFloatBuffer, scratch: MutableFloatBuffer
  ) {
    precondition(
      x.count == samples * inputCount && t.count == x.count && share.count == x.count
        && d.count == samples * outputCount && jt?.count ?? d.count == d.count,
      "second order of \(samples) samples of \(self): \(x.count), \(t.count) and \(d.count) values")
    let space = workspace(scratch)
    for sample in 0..<samples {
      let x = parts(x.start + sample * inputCount)
      let t = parts(t.start + sample * inputCount)
      let share = parts(share.start + sample * inputCount)
      let d = d.start + sample * outputCount
      weigh(x, space)
      multiplyQueries(t.q, x.k, adds: false, into: space.t, space)
      multiplyQueries(x.q, t.k, adds: true, into: space.t, space)
      pullBack(d, x.v, into: space.b, space)
      pullBack(d, t.v, into: space.e, space)
      for row in 0..<queries { curve(row, space) }
      if let jt {
        let target = jt.start + sample * outputCount
        multiplyByValues(space.t, x.v, adds: false, into: target, space)
        multiplyByValues(space.a, t.v, adds: true, into: target, space)
      }
      gatherValues(d, space.t, into: share.v, space)
      sendToQueries(space.b, t.k, adds: false, into: share.q, space)
      sendToQueries(space.e, x.k, adds: true, into: share.q, space)
      sendToKeys(space.b, t.q, adds: false, into: share.k, space)
      sendToKeys(space.e, x.q, adds: true, into: share.k, space)
    }
  }

  // MARK: - Products

  /// A of a sample.
  private func weigh(_ x: Parts<UnsafePointer<Float>>, _ space: Workspace) {
    multiplyQueries(x.q, x.k, adds: false, into: space.a, space)
    for row in 0..<queries { softmax(space.a + row * keys) }
  }

  /// s = Q^T K.
  private func multiplyQueries(
    _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, adds: Bool,
    into s: UnsafeMutablePointer<Float>, _ space: Workspace
  ) {
    Panels.pack(rows: keyChannels, columns: keys, k, into: space.packed)
    Panels.multiplyTransposed(
      rows: queries, columns: keys, inner: keyChannels, q, space.packed,
      adding: adds ? .result : .nothing, into: s)
  }

  /// y = A V^T.
  private func multiplyByValues(
    _ a: UnsafePointer<Float>, _ v: UnsafePointer<Float>, adds: Bool,
    into y: UnsafeMutablePointer<Float>, _ space: Workspace
  ) {
    Panels.transpose(
      rows: valueChannels, columns: keys, .matrix(v, columns: keys), into: space.packed)
    Panels.multiply(
      rows: queries, columns: valueChannels, inner: keys, .matrix(a, columns: keys),
      .panels(space.packed, rows: keys), adding: adds ? .result : .nothing, into: y)
  }

  /// b = d V.
  private func pullBack(
    _ d: UnsafePointer<Float>, _ v: UnsafePointer<Float>, into b: UnsafeMutablePointer<Float>,
    _ space: Workspace
  ) {
    Panels.pack(rows: valueChannels, columns: keys, v, into: space.packed)
    Panels.multiply(
      rows: queries, columns: keys, inner: valueChannels, .matrix(d, columns: valueChannels),
      .panels(space.packed, rows: valueChannels), adding: .nothing, into: b)
  }

  /// dv = d^T A.
  private func gatherValues(
    _ d: UnsafePointer<Float>, _ a: UnsafePointer<Float>, into dv: UnsafeMutablePointer<Float>,
    _ space: Workspace
  ) {
    Panels.pack(rows: queries, columns: keys, a, into: space.packed)
    Panels.multiplyTransposed(
      rows: valueChannels, columns: keys, inner: queries, d, space.packed, adding: .nothing,
      into: dv)
  }

  /// dq = K S^T.
  private func sendToQueries(
    _ s: UnsafePointer<Float>, _ k: UnsafePointer<Float>, adds: Bool,
    into dq: UnsafeMutablePointer<Float>, _ space: Workspace
  ) {
    Panels.transpose(rows: queries, columns: keys, .matrix(s, columns: keys), into: space.packed)
    Panels.multiply(
      rows: keyChannels, columns: queries, inner: keys, .matrix(k, columns: keys),
      .panels(space.packed, rows: keys), adding: adds ? .result : .nothing, into: dq)
  }

  /// dk = Q S.
  private func sendToKeys(
    _ s: UnsafePointer<Float>, _ q: UnsafePointer<Float>, adds: Bool,
    into dk: UnsafeMutablePointer<Float>, _ space: Workspace
  ) {
    Panels.pack(rows: queries, columns: keys, s, into: space.packed)
    Panels.multiply(
      rows: keyChannels, columns: keys, inner: queries, .matrix(q, columns: queries),
      .panels(space.packed, rows: queries), adding: adds ? .result : .nothing, into: dk)
  }

  // MARK: - Rows

  /// row = its softmax.
  private func softmax(_ row: UnsafeMutablePointer<Float>) {
    let values = UnsafePointer(row)
    var largest = values[0]
    for index in 1..<max(keys, 1) where values[index] > largest { largest = values[index] }
    for index in stride(from: 0, to: keys, by: 8) {
      row.setLanes(index, of: keys, (values.lanes(index, of: keys) - largest).exponential())
    }
    var sum = SIMD8<Double>.zero
    for index in stride(from: 0, to: keys, by: 8) {
      sum += SIMD8<Double>(values.lanes(index, of: keys))
    }
    let scale = Float(1 / sum.sum())
    for index in stride(from: 0, to: keys, by: 8) {
      row.setLanes(index, of: keys, values.lanes(index, of: keys) * scale)
    }
  }

  /// The sum of A * B over a row.
  private func weightedSum(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>
  ) -> Float {
    var sum = SIMD8<Double>.zero
    for index in stride(from: 0, to: keys, by: 8) {
      sum = sum.addingProduct(
        SIMD8<Double>(a.lanes(index, of: keys)), SIMD8<Double>(b.lanes(index, of: keys)))
    }
    return Float(sum.sum())
  }

  /// b = P(b), a row.
  private func project(_ a: UnsafePointer<Float>, _ b: UnsafeMutablePointer<Float>) {
    let values = UnsafePointer(b)
    let mean = weightedSum(a, values)
    for index in stride(from: 0, to: keys, by: 8) {
      b.setLanes(
        index, of: keys, a.lanes(index, of: keys) * (values.lanes(index, of: keys) - mean))
    }
  }

  /// A row of the second order: t = A', b = dS and e = E of T, d V and d tV.
  private func curve(_ row: Int, _ space: Workspace) {
    let a = UnsafePointer(space.a + row * keys)
    let (t, b, e) = (space.t + row * keys, space.b + row * keys, space.e + row * keys)
    let r = weightedSum(a, t)
    let meanB = weightedSum(a, b)
    for index in stride(from: 0, to: keys, by: 8) {
      let weight = a.lanes(index, of: keys)
      let (tv, bv) = (
        UnsafePointer(t).lanes(index, of: keys), UnsafePointer(b).lanes(index, of: keys)
      )
      let inner = bv * (tv - r) - tv * meanB + UnsafePointer(e).lanes(index, of: keys)
      e.setLanes(index, of: keys, inner)
      t.setLanes(index, of: keys, weight * (tv - r))
      b.setLanes(index, of: keys, weight * (bv - meanB))
    }
    project(a, e)
  }
}
