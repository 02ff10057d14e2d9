import Base
import Datasets

/// Reals from a data set in the epochs' orders; all else drawn by the counter-based generator.
package struct DrawnInputs: StepInputs {
  private let dataset: any Dataset
  private let sampler: EpochSampler
  private let schedule: Schedule
  private let augmentation: RealAugmentation?
  private let seed: UInt64
  private let training: TrainingSettings
  private let noiseDistribution: NoiseDistribution

  /// - Parameters:
  ///   - setup: Seed, noise and the steps' batches.
  ///   - dataset: The reals.
  ///   - sampler: Their order.
  ///   - schedule: Which batch a step takes.
  ///   - augmentation: What is done to the reals; nil for nothing.
  package init(
    _ setup: TrainingSetup, dataset: any Dataset, sampler: EpochSampler, schedule: Schedule,
    augmentation: RealAugmentation? = nil
  ) {
    self.augmentation = augmentation
    self.dataset = dataset
    self.sampler = sampler
    self.schedule = schedule
    training = setup.training
    noiseDistribution = setup.generator.noise
    seed = setup.seed
  }

  package func criticBatch(_ step: Int, ofIteration iteration: Int) -> DrawnBatch {
    let batch = schedule.batch(iteration: iteration, criticStep: step)
    let indices = sampler.indices(forBatch: batch)
    return makeBatch(
      indices.count, batch: batch, indices, noise: .criticNoise,
      step: iteration * training.criticSteps + step)
  }

  /// The generator's batch is as large as that of the iteration's last critic step, or that many
  /// times as large.
  ///
  /// Classes and numbers of the conditions are drawn, or those of that step's reals (over and
  /// over).
  package func generatorBatch(ofIteration iteration: Int) -> DrawnBatch {
    let batch = schedule.batch(iteration: iteration, criticStep: training.criticSteps - 1)
    return makeBatch(
      sampler.batchSize(at: batch) * training.generatorBatchFactor, batch: batch,
      sampler.indices(forBatch: batch), noise: .generatorNoise, step: iteration,
      classes: training.drawsGeneratorLabels
        ? RandomStream(seed: seed, purpose: .labels, step: iteration) : nil,
      conditions: training.generatorConditions.isDrawn
        ? (
          training.generatorConditions,
          RandomStream(seed: seed, purpose: .conditions, step: iteration)
        ) : nil)
  }

  private func makeBatch(
    _ count: Int, batch: Int, _ indices: UnsafeBufferPointer<Int32>, noise: RandomPurpose,
    step: Int, classes: RandomStream? = nil,
    conditions: (source: GeneratorConditions, stream: RandomStream)? = nil
  ) -> DrawnBatch {
    let stream = { RandomStream(seed: self.seed, purpose: $0, step: step) }
    return DrawnBatch(
      count: count, dataset: dataset, indices: indices, number: batch, seed: seed,
      augmentation: augmentation, noiseDistribution: noiseDistribution, noise: stream(noise),
      weights: stream(.interpolation),
      targets: stream(.labelSmoothing), perturbation: stream(.perturbation), classes: classes,
      conditions: conditions)
  }
}
