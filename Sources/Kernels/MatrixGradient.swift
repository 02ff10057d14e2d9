/// The gradient of a matrix W (outputs x inputs) that multiplies samples, summed over shards in the
/// order of their tree while it is made: dW = sum over shards s of dy_s^T x_s.
///
/// Made shard by shard a large matrix's gradients would be written and read again for every shard,
/// which for few samples takes longer than the products.
package enum MatrixGradient {
  /// Samples of a shard, at most: of those `Convolution.filterGradient` too makes one chain, so that a
  /// rank with one shard computes the same bits.
  package static let mostSamples = Convolution.fewestGradientPixels

  /// Whether it serves so many shards and samples.
  package static func serves(shards: Int, samples: Int) -> Bool {
    [1, 2, 4, 8].contains(shards) && samples > 0 && samples <= mostSamples
  }

  /// Scratch values for all shards' inputs, shared by the threads.
  package static func inputCount(shards: Int, samples: Int, inputs: Int) -> Int {
    shards * Panels.count(rows: samples, columns: inputs)
  }

  /// Scratch values of a thread.
  package static let scratchCount = 3 * 1024

  /// Packs a shard's inputs, samples x inputs.
  package static func pack(
    _ x: FloatBuffer, shard: Int, samples: Int, inputs: Int, into packed: MutableFloatBuffer
  ) {
    let count = Panels.count(rows: samples, columns: inputs)
    precondition(
      x.count == samples * inputs && packed.count >= (shard + 1) * count,
      "\(x.count) values of shard \(shard) into \(packed.count), expected \(samples * inputs)")
    guard let x = x.baseAddress, let packed = packed.baseAddress else { return }
    Panels.pack(rows: samples, columns: inputs, x, into: packed + shard * count)
  }

  /// dW's rows, from the packed inputs; overwrites them.
  ///
  /// - `part`, `parts`: One of so many shares of the rows, for a thread.
  /// - `dy`: Gives a shard's samples x outputs.
  package static func sum(
    shards: Int, samples: Int, outputs: Int, inputs: Int, packed: FloatBuffer,
    _ dy: (_ shard: Int) -> FloatBuffer, into dw: MutableFloatBuffer, part: Int, of parts: Int,
    scratch: MutableFloatBuffer
  ) {
    precondition(
      dw.count == outputs * inputs && scratch.count >= scratchCount
        && packed.count >= inputCount(shards: shards, samples: samples, inputs: inputs),
      "a gradient of \(dw.count) values from \(packed.count) with \(scratch.count) of scratch")
    guard let dw = dw.baseAddress, let packed = packed.baseAddress,
      let scratch = scratch.baseAddress
    else { return }
    let blocks = Panels.panels(outputs)
    let rows = part * blocks / parts * 16..<min((part + 1) * blocks / parts * 16, outputs)
    guard !rows.isEmpty else { return }
    withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: shards) { places in
      // Asked for once: a block of the gradient takes as long as finding a tensor's values.
      for shard in 0..<shards {
        let values = dy(shard)
        precondition(
          values.count == samples * outputs,
          "\(values.count) gradients of shard \(shard), expected \(samples * outputs)")
        places.initializeElement(at: shard, to: values.baseAddress.unsafelyUnwrapped)
      }
      Panels.multiplyTransposed(
        parts: shards, rows: rows, of: outputs, columns: inputs, inner: samples, places, packed,
        into: dw, scratch: scratch)
    }
  }
}
