/// The use of a sample: what fresh noise and fresh samples are functions of, beside the sample's
/// index.
///
/// Nothing in it depends on rank or thread, so neither does what is drawn for it. Training gives
/// every sample of a batch of reals its own draw; critic steps that share a batch of reals share
/// its draws.
package struct SampleDraw: Sendable, Equatable {
  /// The run's.
  package var seed: UInt64
  /// The batch of reals, counted over the whole run.
  package var batch: Int
  /// The sample's place in the global batch.
  package var position: Int

  package init(seed: UInt64, batch: Int, position: Int) {
    self.seed = seed
    self.batch = batch
    self.position = position
  }
}
