import Base

/// The gradient of a matrix W (outputs x inputs) that multiplies samples, summed over shards in the
/// order of their tree while it is made: dW = sum over shards s of dy_s^T x_s, or of dy_s^T x_s +
/// dy'_s^T t_s, where a second-order pass adds to what a backward pass gives.
///
/// Made shard by shard a large matrix's gradients would be written and read again for every shard
/// and pass, which for few samples takes longer than the products.
package enum MatrixGradient {
  /// Samples of a shard in a term, at most: of those `Convolution.filterGradient` too makes one
  /// chain, so that a rank with one shard computes the same bits.
  package static let mostSamples = Convolution.fewestGradientPixels

  /// Samples of a shard in both terms: none in the second where there is one.
  package typealias Samples = (first: Int, second: Int)

  /// Whether it serves so many shards and samples.
  package static func serves(shards: Int, samples: Samples) -> Bool {
    [1, 2, 4, 8].contains(shards) && samples.first > 0
      && max(samples.first, samples.second) <= mostSamples
  }

  /// Scratch values for all shards' inputs, shared by the threads.
  ///
  /// - Parameters:
  ///   - shards: Number of shards of this rank.
  ///   - samples: Samples of a shard, both terms together.
  ///   - inputs: Number of values of a sample.
  /// - Returns: The number of values that `pack` fills.
  package static func inputCount(shards: Int, samples: Int, inputs: Int) -> Int {
    shards * Panels.count(rows: samples, columns: inputs)
  }

  /// Scratch values of a thread.
  package static let scratchCount = Panels.tileCount

  /// Packs a shard's inputs of a term, samples x inputs.
  package static func pack(
    _ x: FloatBuffer, isSecond: Bool = false, shard: Int, of shards: Int, samples: Samples,
    inputs: Int, into packed: MutableFloatBuffer
  ) {
    let rows = isSecond ? samples.second : samples.first
    let first =
      isSecond
      ? shards * Panels.count(rows: samples.first, columns: inputs)
        + shard * Panels.count(rows: rows, columns: inputs)
      : shard * Panels.count(rows: rows, columns: inputs)
    precondition(
      x.count == rows * inputs
        && packed.count >= first + Panels.count(rows: rows, columns: inputs),
      "\(x.count) values of shard \(shard) into \(packed.count), expected \(rows * inputs)")
    guard let x = x.baseAddress, let packed = packed.baseAddress else { return }
    Panels.pack(rows: rows, columns: inputs, x, into: packed + first)
  }

  /// dW's rows, from the packed inputs; overwrites them.
  ///
  /// Threads divide the rows: each makes `part` of `parts`. `dy` gives a shard's gradients of a
  /// term, samples x outputs.
  package static func sum(
    shards: Int, samples: Samples, outputs: Int, inputs: Int, packed: FloatBuffer,
    _ dy: (_ shard: Int, _ isSecond: Bool) -> FloatBuffer, into dw: MutableFloatBuffer, part: Int,
    of parts: Int, scratch: MutableFloatBuffer
  ) {
    let packedCount = inputCount(
      shards: shards, samples: samples.first + samples.second, inputs: inputs)
    precondition(
      dw.count == outputs * inputs && scratch.count >= scratchCount && packed.count >= packedCount,
      "a gradient of \(dw.count) values from \(packed.count) with \(scratch.count) of scratch")
    guard let dw = dw.baseAddress, let packed = packed.baseAddress,
      let scratch = scratch.baseAddress
    else { return }
    let blocks = Panels.panels(outputs)
    let rows = part * blocks / parts * 16..<min((part + 1) * blocks / parts * 16, outputs)
    guard !rows.isEmpty else { return }
    let terms = samples.second > 0 ? 2 : 1
    withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: terms * shards) {
      places in
      // Asked for once: a block of the gradient takes as long as finding a tensor's values.
      for index in 0..<terms * shards {
        let isSecond = index >= shards
        let values = dy(isSecond ? index - shards : index, isSecond)
        let rows = isSecond ? samples.second : samples.first
        precondition(
          values.count == rows * outputs,
          "\(values.count) gradients of a shard, expected \(rows * outputs)")
        places.initializeElement(at: index, to: values.start)
      }
      Panels.multiplyTransposed(
        parts: shards, rows: rows, of: outputs, columns: inputs, inner: samples, places, packed,
        into: dw, scratch: scratch)
    }
  }
}
