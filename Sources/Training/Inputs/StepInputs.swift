/// Where the inputs of a run's steps come from: drawn, or a recording.
package protocol StepInputs {
  associatedtype StepBatch: Batch

  /// The inputs of a critic step.
  ///
  /// - Parameters:
  ///   - step: The critic step in its iteration, from 0.
  ///   - iteration: From 0.
  /// - Returns: A batch, to be used before the next is asked for: the order of an epoch is kept
  ///   once.
  /// - Throws: Where a recording has no such step, or another than the networks take.
  func criticBatch(_ step: Int, ofIteration iteration: Int) throws -> StepBatch
  /// The inputs of a generator step.
  ///
  /// - Parameter iteration: From 0.
  /// - Returns: A batch, as `criticBatch`'s.
  /// - Throws: As `criticBatch`.
  func generatorBatch(ofIteration iteration: Int) throws -> StepBatch
}
