import Base
import Kernels
import TestSupport
import Testing

@Suite struct MatrixGradientTests {
  /// The bits of products of each shard, added as the tree adds them; with a second term, which
  /// each shard adds to its first.
  @Test(
    arguments: [1, 2, 4, 8], [(7, 0), (1, 0), (19, 0), (64, 0), (6, 3), (1, 1), (64, 32), (2, 5)])
  func isTheTreeOfTheShardsGradients(shards: Int, samples: (Int, Int)) {
    let sizes = [(37, 45), (16, 32), (50, 16), (33, 100)]
    let (outputs, inputs) = sizes[(samples.0 + samples.1) % sizes.count]
    let geometry = ConvolutionGeometry(inputs: inputs, outputs: outputs)
    let samples = (first: samples.0, second: samples.1)
    let rows = [samples.first, samples.second]
    var data = TestData(seed: 5)
    let x = (0..<2).map { term in
      (0..<shards).map { _ in data.normals(rows[term] * inputs) }
    }
    let dy = (0..<2).map { FloatStorage(count: shards * rows[$0] * outputs) }
    for values in dy { _ = values.buffer.update(fromContentsOf: data.normals(values.count)) }
    let gradient = { (shard: Int, isSecond: Bool) in
      let count = rows[isSecond ? 1 : 0] * outputs
      return FloatBuffer(start: dy[isSecond ? 1 : 0].pointer + shard * count, count: count)
    }
    let count = outputs * inputs
    let tree = FloatStorage(count: shards * count)
    let scratch = FloatStorage(count: Convolution.scratchCount(geometry))
    for shard in 0..<shards {
      for isSecond in [false, true] where !isSecond || samples.second > 0 {
        x[isSecond ? 1 : 0][shard].read {
          Convolution.filterGradient(
            geometry, images: rows[isSecond ? 1 : 0], input: $0,
            outputGradient: gradient(shard, isSecond), accumulates: isSecond,
            filterGradient: MutableFloatBuffer(start: tree.pointer + shard * count, count: count),
            scratch: scratch.buffer)
        }
      }
    }
    Elementwise.halvingSum(tree.pointer, vectors: shards, stride: count, count: count)

    let packed = FloatStorage(
      count: MatrixGradient.inputCount(
        shards: shards, samples: samples.first + samples.second, inputs: inputs))
    packed.buffer.update(repeating: .nan)
    for shard in 0..<shards {
      for isSecond in [false, true] where !isSecond || samples.second > 0 {
        x[isSecond ? 1 : 0][shard].read {
          MatrixGradient.pack(
            $0, isSecond: isSecond, shard: shard, of: shards, samples: samples, inputs: inputs,
            into: packed.buffer)
        }
      }
    }
    let own = FloatStorage(count: MatrixGradient.scratchCount)
    own.buffer.update(repeating: .nan)
    let found = withOutput(count) { target in
      for part in 0..<3 {
        MatrixGradient.sum(
          shards: shards, samples: samples, outputs: outputs, inputs: inputs,
          packed: FloatBuffer(packed.buffer), gradient, into: target, part: part, of: 3,
          scratch: own.buffer)
      }
    }
    expectSameBits(found, tree.buffer.prefix(count))
  }

  @Test func servesWhatItCanSum() {
    #expect(MatrixGradient.serves(shards: 4, samples: (16, 0)))
    #expect(MatrixGradient.serves(shards: 4, samples: (16, 8)))
    #expect(!MatrixGradient.serves(shards: 3, samples: (16, 0)))
    #expect(!MatrixGradient.serves(shards: 4, samples: (0, 0)))
    #expect(!MatrixGradient.serves(shards: 4, samples: (MatrixGradient.mostSamples + 1, 0)))
    #expect(!MatrixGradient.serves(shards: 4, samples: (16, MatrixGradient.mostSamples + 1)))
  }
}
