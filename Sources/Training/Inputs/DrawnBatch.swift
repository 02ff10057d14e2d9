import Base
import Datasets

/// A batch of reals from a data set; noise, weights and targets from the counter-based generator.
package struct DrawnBatch: Batch {
  /// Samples of the step over all ranks.
  package let count: Int
  /// What reals and the conditions beside them come from.
  let dataset: any Dataset
  /// The data set's samples of the batch of reals; a generator step's samples take them over and
  /// over.
  let indices: UnsafeBufferPointer<Int32>
  /// The number of the batch of reals in the run.
  let number: Int
  /// Of augmentation and dequantization; the streams have theirs.
  let seed: UInt64
  /// What is done to a real; nil for nothing.
  let augmentation: RealAugmentation?
  /// How a number of the noise is distributed.
  let noiseDistribution: NoiseDistribution
  /// Each for one purpose and step: sample i's numbers are a function of (seed, step, i).
  let noise: RandomStream
  let weights: RandomStream
  let targets: RandomStream
  let perturbation: RandomStream
  /// Where the classes are drawn: nil where they are those of the reals.
  let classes: RandomStream?
  /// Where the conditions' numbers are drawn: nil where they are those of the reals.
  let conditions: (source: GeneratorConditions, stream: RandomStream)?

  /// The real in the data's range, channels last, augmented where the run augments.
  package func copyReal(_ sample: Int, into output: MutableFloatBuffer) {
    let draw = SampleDraw(seed: seed, batch: number, position: sample)
    dataset.copySample(at: Int(indices[sample]), draw: draw, into: output)
    augmentation?.apply(to: output, dataset.shape, draw)
  }

  /// z of a fake.
  package func copyNoise(_ sample: Int, into output: MutableFloatBuffer) {
    noiseDistribution.fill(output, sample: sample, of: noise)
  }

  /// The real's class and numbers, or those that the generator's step draws for it.
  package func copyCondition(_ sample: Int, into condition: Condition) {
    dataset.copyCondition(at: Int(indices[sample % indices.count]), into: condition)
    if let conditions {
      conditions.source.draw(into: condition, sample: sample, of: conditions.stream, dataset)
    }
    guard let classes else { return }
    condition.label = classes.integer(below: dataset.condition.classes, sample: sample)
  }

  /// a of an interpolate a x + (1 - a) y, uniform in [0, 1).
  package func interpolationWeight(_ sample: Int) -> Float { uniform(sample, of: weights) }

  /// Where in the range of smoothed targets a real's lies, uniform in [0, 1).
  package func target(_ sample: Int) -> Float { uniform(sample, of: targets) }

  /// v of a DRAGAN point x + s v / 2, uniform in [0, 1) for each value.
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
