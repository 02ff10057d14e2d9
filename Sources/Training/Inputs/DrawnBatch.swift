import Base
import Datasets

/// A batch of reals from a data set; noise, weights and targets from the counter-based generator.
package struct DrawnBatch: Batch {
  package let count: Int
  let dataset: any Dataset
  /// The data set's samples of the batch of reals; a generator step's samples take them over and
  /// over.
  let indices: UnsafeBufferPointer<Int32>
  /// The number of the batch of reals in the run.
  let number: Int
  let seed: UInt64
  /// What is done to a real; nil for nothing.
  let augmentation: RealAugmentation?
  let noiseDistribution: NoiseDistribution
  let noise: RandomStream
  let weights: RandomStream
  let targets: RandomStream
  let perturbation: RandomStream
  /// Where the classes are drawn: nil where they are those of the reals.
  let classes: RandomStream?
  /// Where the conditions' numbers are drawn: nil where they are those of the reals.
  let conditions: (source: GeneratorConditions, stream: RandomStream)?

  package func copyReal(_ sample: Int, into output: MutableFloatBuffer) {
    let draw = SampleDraw(seed: seed, batch: number, position: sample)
    dataset.copySample(at: Int(indices[sample]), draw: draw, into: output)
    augmentation?.apply(to: output, dataset.shape, draw)
  }

  package func copyNoise(_ sample: Int, into output: MutableFloatBuffer) {
    noiseDistribution.fill(output, sample: sample, of: noise)
  }

  package func copyCondition(_ sample: Int, into condition: Condition) {
    dataset.copyCondition(at: Int(indices[sample % indices.count]), into: condition)
    if let conditions {
      conditions.source.draw(into: condition, sample: sample, of: conditions.stream, dataset)
    }
    guard let classes else { return }
    condition.label = classes.integer(below: dataset.condition.classes, sample: sample)
  }

  package func interpolationWeight(_ sample: Int) -> Float { uniform(sample, of: weights) }

  package func target(_ sample: Int) -> Float { uniform(sample, of: targets) }

  package func copyPerturbation(_ sample: Int, into output: MutableFloatBuffer) {
    perturbation.uniforms(sample: sample, into: output)
  }

  private func uniform(_ sample: Int, of stream: RandomStream) -> Float {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 1) { number in
      stream.uniforms(sample: sample, into: number)
      return number[0]
    }
  }
}
