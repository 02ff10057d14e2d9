import Base

/// The inputs of one step over the global batch: samples, conditions, noise, weights and targets.
///
/// A value: what it gives for a sample is a function of the sample alone. Its functions are called
/// from several threads and allocate nothing.
package protocol Batch {
  /// Samples of the global batch.
  var count: Int { get }

  /// Overwrites `output` (channels last) with real `sample`.
  func copyReal(_ sample: Int, into output: MutableFloatBuffer)
  /// Overwrites `output` with the noise z of fake `sample`.
  func copyNoise(_ sample: Int, into output: MutableFloatBuffer)
  /// Overwrites a condition with that of `sample`: of a real, which the fakes of a critic step
  /// share, or of a fake of a generator step.
  func copyCondition(_ sample: Int, into condition: Condition)
  /// a in [0, 1): the weight of the real in interpolate `sample`; of packs, one each.
  func interpolationWeight(_ sample: Int) -> Float
  /// In [0, 1): where in the range of smoothed targets that of real `sample` lies.
  func target(_ sample: Int) -> Float
  /// Overwrites `output` with numbers in [0, 1), one for each value of real `sample`: where its
  /// perturbed point lies.
  func copyPerturbation(_ sample: Int, into output: MutableFloatBuffer)
}
