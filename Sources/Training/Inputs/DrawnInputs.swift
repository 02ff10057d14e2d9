import Base
import Collectives
import Datasets
import Networks

/// Reals from a data set in the epochs' orders; noise and weights from the counter-based generator.
package final class DrawnInputs: StepInputs {
  private let dataset: any Dataset
  private let sampler: EpochSampler
  private let schedule: Schedule
  private let seed: UInt64
  private let training: TrainingSettings
  private let noiseDistribution: NoiseDistribution
  private var indices = UnsafeBufferPointer<Int32>(start: nil, count: 0)
  /// The batch of reals that `indices` are of.
  private var batch = 0
  private var noise: RandomStream
  private var weights: RandomStream
  private var targets: RandomStream
  /// For a generator step whose classes are drawn.
  private var classes: RandomStream?

  package init(
    _ setup: TrainingSetup, dataset: any Dataset, sampler: EpochSampler,
    schedule: Schedule
  ) {
    self.dataset = dataset
    self.sampler = sampler
    self.schedule = schedule
    training = setup.training
    noiseDistribution = setup.generator.noise
    seed = setup.seed
    targets = RandomStream(seed: seed, purpose: .labelSmoothing)
    noise = RandomStream(seed: seed, purpose: .criticNoise)
    weights = RandomStream(seed: seed, purpose: .interpolation)
  }

  package func beginCriticStep(_ step: Int, ofIteration iteration: Int) -> Int {
    batch = schedule.batch(iteration: iteration, criticStep: step)
    indices = sampler.indices(forBatch: batch)
    let number = iteration * training.criticSteps + step
    targets = RandomStream(seed: seed, purpose: .labelSmoothing, step: number)
    classes = nil
    noise = RandomStream(seed: seed, purpose: .criticNoise, step: number)
    weights = RandomStream(seed: seed, purpose: .interpolation, step: number)
    return indices.count
  }

  /// The generator's batch is as large as that of the iteration's last critic step, or that many
  /// times as large.
  ///
  /// Classes are drawn, or those of that step's reals (over and over).
  package func beginGeneratorStep(ofIteration iteration: Int) -> Int {
    noise = RandomStream(seed: seed, purpose: .generatorNoise, step: iteration)
    batch = schedule.batch(iteration: iteration, criticStep: training.criticSteps - 1)
    indices = sampler.indices(forBatch: batch)
    classes =
      training.drawsGeneratorLabels
      ? RandomStream(seed: seed, purpose: .labels, step: iteration) : nil
    return sampler.batchSize(at: batch) * training.generatorBatchFactor
  }

  package func fillReal(_ sample: Int, _ output: MutableFloatBuffer) {
    let draw = SampleDraw(seed: seed, batch: batch, position: sample)
    dataset.copySample(at: Int(indices[sample]), draw: draw, into: output)
  }

  package func fillNoise(_ sample: Int, _ output: MutableFloatBuffer) {
    noiseDistribution.fill(output, sample: sample, of: noise)
  }

  package func label(_ sample: Int) -> Int {
    guard let classes else { return dataset.label(at: Int(indices[sample % indices.count])) }
    return classes.integer(below: dataset.classCount, sample: sample)
  }

  package func interpolationWeight(_ sample: Int) -> Float {
    uniform(sample, of: weights)
  }

  package func smoothing(_ sample: Int) -> Float { uniform(sample, of: targets) }

  private func uniform(_ sample: Int, of stream: RandomStream) -> Float {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 1) { number in
      stream.uniforms(sample: sample, into: number)
      return number[0]
    }
  }
}
