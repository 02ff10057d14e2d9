import Base
import Training

/// Inputs that are functions of the sample alone.
package final class FixedInputs: StepInputs {
  package let batch: Int
  package init(batch: Int) { self.batch = batch }

  package func beginCriticStep(_ step: Int, ofIteration iteration: Int) -> Int { batch }
  package func beginGeneratorStep(ofIteration iteration: Int) -> Int { batch }

  package func fillReal(_ sample: Int, _ output: MutableFloatBuffer) {
    RandomStream(seed: 1, purpose: .drawing).normals(sample: sample, into: output)
  }

  package func fillNoise(_ sample: Int, _ output: MutableFloatBuffer) {
    RandomStream(seed: 2, purpose: .drawing).normals(sample: sample, into: output)
  }

  package func interpolationWeight(_ sample: Int) -> Float { Float(sample) / 13 }
  package func label(_ sample: Int) -> Int { sample % 3 }
  package func smoothing(_ sample: Int) -> Float { Float(sample % 4) / 4 }
}
