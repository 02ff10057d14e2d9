import Base
import Kernels
import TestSupport
import Testing

@Suite struct MatrixGradientTests {
  /// The bits of products of each shard, added as the tree adds them; also where inputs come in two
  /// pieces.
  @Test(
    arguments: [1, 2, 4, 8], [(7, 0), (1, 0), (19, 0), (64, 0), (6, 3), (1, 1), (64, 32), (2, 5)])
  func isTheTreeOfTheShardsGradients(shards: Int, pieces: (Int, Int)) {
    let samples = pieces.0 + pieces.1
    let sizes = [(37, 45), (16, 32), (50, 16), (33, 100)]
    let (outputs, inputs) = sizes[samples % sizes.count]
    let geometry = ConvolutionGeometry(inputs: inputs, outputs: outputs)
    var data = TestData(seed: 5)
    let x = (0..<shards).map { _ in data.normals(samples * inputs) }
    let dy = FloatStorage(count: shards * samples * outputs)
    _ = dy.buffer.update(fromContentsOf: data.normals(dy.count))
    let gradient = { (shard: Int) in
      FloatBuffer(start: dy.pointer + shard * samples * outputs, count: samples * outputs)
    }
    let count = outputs * inputs
    let tree = FloatStorage(count: shards * count)
    let scratch = FloatStorage(count: Convolution.scratchCount(geometry))
    for shard in 0..<shards {
      x[shard].read {
        Convolution.filterGradient(
          geometry, images: samples, input: $0, outputGradient: gradient(shard),
          accumulates: false,
          filterGradient: MutableFloatBuffer(start: tree.pointer + shard * count, count: count),
          scratch: scratch.buffer)
      }
    }
    Elementwise.halvingSum(tree.pointer, vectors: shards, stride: count, count: count)

    let own = FloatStorage(
      count: MatrixGradient.scratchCount(shards: shards, samples: samples))
    own.buffer.update(repeating: .nan)
    let inputsOfShards = FloatStorage(count: shards * samples * inputs)
    _ = inputsOfShards.buffer.update(fromContentsOf: x.joined())
    let first = pieces.0 * inputs
    let found = withOutput(count) { target in
      for part in 0..<3 {
        MatrixGradient.sum(
          shards: shards, samples: samples, outputs: outputs, inputs: inputs,
          {
            let x = FloatBuffer(
              start: inputsOfShards.pointer + $0 * samples * inputs, count: samples * inputs)
            return .init(
              FloatBuffer(rebasing: x[..<first]),
              pieces.1 > 0 ? FloatBuffer(rebasing: x[first...]) : nil, gradient: gradient($0))
          }, into: target, part: part, of: 3, scratch: own.buffer)
      }
    }
    expectSameBits(found, tree.buffer.prefix(count))
  }

  @Test func isZeroWithoutSamples() {
    let own = FloatStorage(count: MatrixGradient.scratchCount(shards: 1, samples: 0))
    let nothing = FloatStorage(count: 0)
    let found = withOutput(6) { target in
      target.update(repeating: .nan)
      MatrixGradient.sum(
        shards: 1, samples: 0, outputs: 2, inputs: 3,
        { _ in .init(FloatBuffer(nothing.buffer), gradient: FloatBuffer(nothing.buffer)) },
        into: target, scratch: own.buffer)
    }
    #expect(found == [0, 0, 0, 0, 0, 0])
  }

  @Test func servesWhatItCanSum() {
    #expect(MatrixGradient.sums(shards: 4) && !MatrixGradient.sums(shards: 3))
    #expect(MatrixGradient.serves(samples: MatrixGradient.mostSamples))
    #expect(!MatrixGradient.serves(samples: MatrixGradient.mostSamples + 1))
  }
}
