import Base
import Collectives
import Datasets
import Networks

/// Where a step's reals, noise and interpolation weights come from: drawn, or a recording.
///
/// Samples are numbered over the global batch. The `fill` functions are called from several
/// threads.
package protocol StepInputs: AnyObject {
  /// Makes the reals, noise and weights of a critic step current.
  ///
  /// - Returns: Samples of the global batch.
  func beginCriticStep(_ step: Int, ofIteration iteration: Int) throws -> Int
  /// Makes the noise of a generator step current.
  func beginGeneratorStep(ofIteration iteration: Int) throws -> Int
  /// Overwrites `output` (channels last) with real `sample`.
  func fillReal(_ sample: Int, _ output: MutableFloatBuffer)
  func fillNoise(_ sample: Int, _ output: MutableFloatBuffer)
  /// a in [0, 1): the weight of the real in interpolate `sample`.
  func interpolationWeight(_ sample: Int) -> Float
  /// The class of sample `sample`: of a real, which the fakes of a critic step share, or of a fake
  /// of a generator step.
  func label(_ sample: Int) -> Int
  /// In [0, 1): where in the range of smoothed targets that of real `sample` lies.
  func smoothing(_ sample: Int) -> Float
}
