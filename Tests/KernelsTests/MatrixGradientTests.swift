import Kernels
import TestSupport
import Testing

@Suite struct MatrixGradientTests {
  /// The bits of products of each shard, added as the tree adds them.
  @Test(arguments: [1, 2, 4, 8], [(7, 37, 45), (1, 16, 32), (19, 50, 16), (64, 33, 100)])
  func isTheTreeOfTheShardsGradients(shards: Int, sizes: (Int, Int, Int)) {
    let (samples, outputs, inputs) = sizes
    let geometry = ConvolutionGeometry(inputs: inputs, outputs: outputs)
    var data = TestData(seed: 5)
    let x = (0..<shards).map { _ in data.normals(samples * inputs) }
    let dy = FloatStorage(count: shards * samples * outputs)
    _ = dy.buffer.update(fromContentsOf: data.normals(dy.count))
    let gradient = { (shard: Int) in
      FloatBuffer(
        rebasing: FloatBuffer(dy.buffer)[
          shard * samples * outputs..<(shard + 1) * samples * outputs])
    }
    let count = outputs * inputs
    let tree = FloatStorage(count: shards * count)
    let scratch = FloatStorage(count: Convolution.scratchCount(geometry))
    for shard in 0..<shards {
      x[shard].read {
        Convolution.filterGradient(
          geometry, images: samples, input: $0, outputGradient: gradient(shard),
          filterGradient: MutableFloatBuffer(start: tree.pointer + shard * count, count: count),
          scratch: scratch.buffer)
      }
    }
    Elementwise.halvingSum(tree.pointer, vectors: shards, stride: count, count: count)

    let packed = FloatStorage(
      count: MatrixGradient.inputCount(shards: shards, samples: samples, inputs: inputs))
    packed.buffer.update(repeating: .nan)
    for shard in 0..<shards {
      x[shard].read {
        MatrixGradient.pack(
          $0, shard: shard, samples: samples, inputs: inputs, into: packed.buffer)
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
    #expect(MatrixGradient.serves(shards: 4, samples: 16))
    #expect(!MatrixGradient.serves(shards: 3, samples: 16))
    #expect(!MatrixGradient.serves(shards: 4, samples: 0))
    #expect(!MatrixGradient.serves(shards: 4, samples: MatrixGradient.mostSamples + 1))
  }
}
