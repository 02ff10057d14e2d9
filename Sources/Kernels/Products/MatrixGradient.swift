import Base

/// The gradient of a matrix W (outputs x inputs) that multiplies samples, summed over shards in the
/// order of their tree while it is made: dW = sum over shards s of dy_s^T x_s.
///
/// Made shard by shard a large matrix's gradients would be written and read again for every shard
/// and pass, which for few samples takes longer than the products. A shard's gradient is one chain
/// over its samples; a second-order pass's directions are further samples. Four panels of the
/// inputs of all shards serve all outputs before the next four, from the second-level cache.
package enum MatrixGradient {
  /// Samples of a shard, at most: those of one chain.
  package static let mostSamples = Panels.chain

  /// Whether it serves so many samples of a shard.
  package static func serves(samples: Int) -> Bool { samples <= mostSamples }

  /// Whether it sums so many shards in one call.
  package static func sums(shards: Int) -> Bool { [1, 2, 4, 8].contains(shards) }

  /// Scratch values of a thread.
  package static func scratchCount(shards: Int, samples: Int) -> Int {
    Panels.tileCount + shards * samples * 64
  }

  /// A shard's samples.
  package struct Samples {
    /// Inputs, samples x inputs.
    let first: FloatBuffer
    /// Directions, the same way; nil for none.
    let second: FloatBuffer?
    /// dL/dy of both, samples x outputs.
    let gradient: FloatBuffer

    package init(_ first: FloatBuffer, _ second: FloatBuffer? = nil, gradient: FloatBuffer) {
      self.first = first
      self.second = second
      self.gradient = gradient
    }
  }

  /// Some columns of dW; overwrites them.
  ///
  /// - Parameters:
  ///   - shards: A number that it `sums`.
  ///   - samples: Samples of each shard, the directions among them.
  ///   - outputs: Rows of dW.
  ///   - inputs: Columns of dW.
  ///   - values: Gives a shard's samples.
  ///   - dw: dW.
  ///   - part: The columns that this thread makes: one of `parts`.
  ///   - parts: Number of threads that divide the columns.
  ///   - scratch: `scratchCount` values of this thread.
  package static func sum(
    shards: Int, samples: Int, outputs: Int, inputs: Int,
    _ values: (_ shard: Int) -> Samples, into dw: MutableFloatBuffer, part: Int = 0,
    of parts: Int = 1, scratch: MutableFloatBuffer
  ) {
    precondition(
      dw.count == outputs * inputs
        && scratch.count >= scratchCount(shards: shards, samples: samples),
      "a gradient of \(dw.count) values with \(scratch.count) of scratch")
    let panels = Panels.panels(inputs)
    let range = part * panels / parts..<(part + 1) * panels / parts
    guard let target = dw.baseAddress, let scratch = scratch.baseAddress, !range.isEmpty else {
      return
    }
    withUnsafeTemporaryAllocation(of: Samples.self, capacity: shards) { own in
      withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: shards) { places in
        // Asked for once: a block of the gradient takes as long as finding a tensor's values.
        for shard in 0..<shards {
          let values = values(shard)
          precondition(
            values.first.count + (values.second?.count ?? 0) == samples * inputs
              && values.gradient.count == samples * outputs,
            "\(values.first.count) inputs and \(values.gradient.count) gradients of a shard, "
              + "expected \(samples) samples of \(inputs) and \(outputs)")
          own.initializeElement(at: shard, to: values)
          places.initializeElement(at: shard, to: values.gradient.start)
        }
        let packed = scratch + Panels.tileCount
        for panel in stride(from: range.lowerBound, to: range.upperBound, by: 4) {
          let group = panel..<min(panel + 4, range.upperBound)
          for shard in 0..<shards {
            pack(
              own[shard], samples: samples, inputs: inputs, panels: group,
              into: packed + shard * samples * group.count * 16)
          }
          Panels.multiplyTransposed(
            parts: shards, rows: outputs,
            columns: (min(group.count * 16, inputs - panel * 16), inputs), inner: samples, places,
            packed, into: target + panel * 16, scratch: scratch)
        }
      }
    }
  }

  private static func pack(
    _ values: Samples, samples: Int, inputs: Int, panels: Range<Int>,
    into packed: UnsafeMutablePointer<Float>
  ) {
    let rows = values.first.count / inputs
    Panels.pack(
      rows: rows, behind: 0, of: samples, columns: inputs, panels: panels, values.first.start,
      into: packed)
    guard let second = values.second else { return }
    Panels.pack(
      rows: second.count / inputs, behind: rows, of: samples, columns: inputs, panels: panels,
      second.start, into: packed)
  }
}
