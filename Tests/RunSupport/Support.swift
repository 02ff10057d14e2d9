import Collectives
import Configuration
import Datasets
import Foundation
import Networks
import Recipe
import Storage
import TestSupport
import Testing
import Training

/// A run that takes well under a second: 28 x 28 glyphs, both networks of a few channels, norm in
/// both.
package let tinyConfiguration = """
  name: tiny
  seed: 3
  width: 2
  data: {source: glyphs, count: 30}
  generator:
    latent: 5
    input: [5, 1, 1]
    initialization: dcgan
    prefix: main
    layers:
    - convTranspose2d: {channels: 2*width, kernel: 7}
    - batchNorm
    - relu
    - convTranspose2d: {channels: 1, kernel: 4, stride: 4}
    - tanh
  critic:
    prefix: main
    layers:
    - conv2d: {channels: width, kernel: 4, stride: 4}
    - leakyReLU: {slope: 0.2}
    - conv2d: {channels: 3, kernel: 3, stride: 2}
    - batchNorm
    - leakyReLU: {slope: 0.2}
    - conv2d: {channels: 1, kernel: 3}
  objective: {gradientPenalty: {weight: 10}}
  optimizer:
    generator: {adam: {learningRate: 1.0e-3, beta1: 0.5, beta2: 0.9}}
    critic: {adam: {learningRate: 1.0e-3, beta1: 0.5, beta2: 0.9}}
  training: {batch: 12, shards: 4, criticSteps: 2, realBatch: fresh, lastBatch: keep, iterations: 4}
  output: {checkpointEvery: 2 iterations, sampleEvery: never, samples: 4, columns: 2}
  """

/// The tiny configuration with another optimizer for the critic.
package func tinyConfiguration(critic: String) -> String {
  tinyConfiguration.replacingOccurrences(
    of: "critic: {adam: {learningRate: 1.0e-3, beta1: 0.5, beta2: 0.9}}",
    with: "critic: {\(critic)}")
}

package func document(_ overrides: [String] = [], text: String = tinyConfiguration) throws
  -> ConfigurationDocument
{
  var document = try ConfigurationDocument(text: text, name: "tiny.yaml")
  try document.apply(overrides)
  return document
}

package func configuration(_ overrides: [String] = [], text: String = tinyConfiguration) throws
  -> RunConfiguration
{
  try RunConfiguration(document(overrides, text: text))
}

/// A trainer with drawn inputs, as a run has them.
package struct Session {
  package let configuration: RunConfiguration
  package let trainer: Trainer
  package let inputs: DrawnInputs

  package init(
    _ overrides: [String] = [], text: String = tinyConfiguration,
    communicator: any Communicator = SoloCommunicator()
  ) throws {
    configuration = try parsedConfiguration(overrides, text)
    let model = try configuration.makeModel(communicator: communicator)
    trainer = Trainer(model)
    let data = configuration.data
    let dataset = try data.open()
    let training = configuration.training
    let sampler = try EpochSampler(
      count: dataset.count, batch: training.batch, keepsPartialBatch: training.keepsPartialBatch,
      seed: configuration.seed)
    inputs = DrawnInputs(
      configuration.setup, dataset: dataset, sampler: sampler,
      schedule: Schedule(batchesPerEpoch: sampler.batchesPerEpoch, training: training),
      augmentation: configuration.data.augmentation)
  }

  /// Everything that training moves: parameters, running statistics, moments, the average of G; to
  /// be asked for on all ranks.
  package func state() throws -> [Float] {
    try trainer.completeState()
    let networks = [trainer.model.generator, trainer.model.critic]
    let optimizers = [trainer.generatorOptimizer, trainer.criticOptimizer]
    var state: [Float] = []
    for network in networks {
      state += network.arena.values
      for buffer in network.layers.flatMap(\.buffers) { state += buffer.values.buffer }
    }
    for optimizer in optimizers {
      for moment in optimizer.moments { state += moment.values.buffer }
    }
    if let average = trainer.generatorAverage { state += average.values.buffer }
    return state
  }
}

/// `configuration` under a name that a property of the same name does not hide.
private func parsedConfiguration(_ overrides: [String], _ text: String) throws
  -> RunConfiguration
{
  try configuration(overrides, text: text)
}
