import Base
import Datasets
import RunSupport
import TestSupport
import Testing
import Training

/// What a step's inputs are functions of: as documented, so that a run can be reproduced elsewhere.
@Suite struct DrawnInputsTests {
  private func normals(_ purpose: RandomPurpose, step: Int, sample: Int, count: Int) -> [Float] {
    withOutput(count) {
      RandomStream(seed: 11, purpose: purpose, step: step).normals(sample: sample, into: $0)
    }
  }

  @Test(arguments: [true, false])
  func inputsAreFunctionsOfTheStep(reuses: Bool) throws {
    let run = try configuration([
      "training.realBatch=\(reuses ? "reused" : "fresh")", "training.criticSteps=3", "seed=11",
    ])
    let dataset = ByteImageDataset(GlyphDataset.make(count: 30), range: -1...1)
    let sampler = try EpochSampler(count: 30, batch: 12, keepsPartialBatch: true, seed: 11)
    let same = try EpochSampler(count: 30, batch: 12, keepsPartialBatch: true, seed: 11)
    let schedule = Schedule(batchesPerEpoch: 3, training: run.training)
    let inputs = DrawnInputs(run.setup, dataset: dataset, sampler: sampler, schedule: schedule)
    // Out of order: nothing depends on what was drawn before.
    for iteration in [4, 0, 2] {
      for step in [2, 0, 1] {
        let batch = reuses ? iteration : iteration * 3 + step
        let indices = Array(same.indices(forBatch: batch))
        let drawn = inputs.criticBatch(step, ofIteration: iteration)
        #expect(drawn.count == indices.count)
        #expect(indices.count == (batch % 3 == 2 ? 6 : 12))
        for sample in [5, 0, 3] {
          expectSameBits(
            withOutput(784) { drawn.copyReal(sample, into: $0) },
            withOutput(784) { dataset.copySample(at: Int(indices[sample]), into: $0) }, "real")
          expectSameBits(
            withOutput(5) { drawn.copyNoise(sample, into: $0) },
            normals(.criticNoise, step: iteration * 3 + step, sample: sample, count: 5), "noise")
          let weight = withOutput(1) {
            RandomStream(seed: 11, purpose: .interpolation, step: iteration * 3 + step)
              .uniforms(sample: sample, into: $0)
          }
          expectSameBits([drawn.interpolationWeight(sample)], weight, "weight")
        }
      }
      let last = reuses ? iteration : iteration * 3 + 2
      let drawn = inputs.generatorBatch(ofIteration: iteration)
      #expect(drawn.count == (last % 3 == 2 ? 6 : 12))
      expectSameBits(
        withOutput(5) { drawn.copyNoise(7, into: $0) },
        normals(.generatorNoise, step: iteration, sample: 7, count: 5), "generator's noise")
    }
  }
}
