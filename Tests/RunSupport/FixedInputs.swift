import Base
import Training

/// Inputs that are functions of the sample alone.
package struct FixedInputs: StepInputs, Batch {
  package let count: Int
  package init(batch: Int) { count = batch }

  package func criticBatch(_ step: Int, ofIteration iteration: Int) -> FixedInputs { self }
  package func generatorBatch(ofIteration iteration: Int) -> FixedInputs { self }

  package func copyReal(_ sample: Int, into output: MutableFloatBuffer) {
    RandomStream(seed: 1, purpose: .drawing).normals(sample: sample, into: output)
  }

  package func copyNoise(_ sample: Int, into output: MutableFloatBuffer) {
    RandomStream(seed: 2, purpose: .drawing).normals(sample: sample, into: output)
  }

  package func copyCondition(_ sample: Int, into condition: Condition) {
    condition.label = sample % 3
    for index in condition.numbers.indices {
      // A quarter or more from 0, about which small critics' estimates lie.
      condition.numbers[index] = Float((3 * sample + 2 * index) % 7) / 2 - 1.75
    }
  }

  package func copyPerturbation(_ sample: Int, into output: MutableFloatBuffer) {
    RandomStream(seed: 3, purpose: .drawing).uniforms(sample: sample, into: output)
  }

  package func interpolationWeight(_ sample: Int) -> Float { Float(sample) / 13 }
  package func target(_ sample: Int) -> Float { Float(sample % 4) / 4 }
}
