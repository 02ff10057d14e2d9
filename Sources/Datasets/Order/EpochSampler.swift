import Base

/// In which order training sees the samples.
package enum SamplingOrder: String, Sendable, CaseIterable {
  /// A new random permutation each epoch.
  case shuffled
  /// One random permutation, the same in every epoch.
  case shuffledOnce
  /// Every sample of every batch drawn anew from all of them.
  case replacement
}

/// The order in which training sees the samples: by default a fresh random permutation each epoch.
///
/// Global batch b is batch b mod n of epoch b / n, with n batches an epoch. The permutation of an
/// epoch is a function of (seed, epoch), a draw with replacement of (seed, b, place in the batch),
/// so a resumed run asks for batch b and has the same samples, and every rank computes the same
/// order without a message. Not for several threads at once.
package final class EpochSampler {
  /// Samples an epoch draws from.
  package let count: Int
  /// Samples in a batch that is not the partial one.
  package let batch: Int
  /// ceil(count / batch) if the partial batch is kept, floor otherwise.
  package let batchesPerEpoch: Int
  package let order: SamplingOrder
  private let seed: UInt64
  /// `count` indices; with replacement a batch's.
  private let indices: UnsafeMutableBufferPointer<Int32>
  /// The epoch that `indices` are of, with replacement the batch, -1 for none.
  private var current = -1

  /// - Parameters:
  ///   - count: samples in the data set, 1 ... 2^31 - 1.
  ///   - batch: samples in a global batch, 1 or more.
  ///   - keepsPartialBatch: whether the count mod batch last samples of an epoch are one more,
  ///     smaller batch, or are left out (others each epoch).
  ///   - seed: of the run.
  ///   - order: of the samples. Epochs are as long with replacement as without.
  /// - Throws: `Fault` if an epoch would have no batch.
  package init(
    count: Int, batch: Int, keepsPartialBatch: Bool, seed: UInt64, order: SamplingOrder = .shuffled
  ) throws {
    precondition(batch > 0, "batch \(batch) is not positive")
    precondition(count >= 0 && count <= Int32.max, "count \(count) is outside 0 ..< 2^31")
    guard count > 0 else { throw Fault("the data set has no samples") }
    guard keepsPartialBatch || batch <= count else {
      throw Fault(
        "found \(batch), but the data set has \(count) samples and partial batches are left out: "
          + "expected lastBatch: keep, or a batch of \(count) or fewer in no more shards than that",
        parameter: "batch")
    }
    self.count = count
    self.batch = batch
    let whole = count / batch
    batchesPerEpoch = keepsPartialBatch && whole * batch < count ? whole + 1 : whole
    self.seed = seed
    self.order = order
    indices = .allocate(capacity: order == .replacement ? min(batch, count) : count)
    indices.initialize(repeating: 0)
  }

  deinit { indices.deallocate() }

  /// The epoch that global batch `global` belongs to, from 0.
  package func epoch(ofBatch global: Int) -> Int { global / batchesPerEpoch }

  /// Samples in global batch `global`: `batch`, or fewer in an epoch's last one.
  package func batchSize(at global: Int) -> Int {
    precondition(global >= 0, "batch \(global) is negative")
    return min(batch, count - global % batchesPerEpoch * batch)
  }

  /// The samples of global batch `global`, in order.
  ///
  /// The buffer belongs to the sampler and holds until it is asked for a batch of another epoch,
  /// with replacement for another batch. Costs a permutation of `count` when the epoch changes and
  /// nothing otherwise, with replacement a random number a sample; allocates nothing.
  package func indices(forBatch global: Int) -> UnsafeBufferPointer<Int32> {
    precondition(global >= 0, "batch \(global) is negative")
    let size = batchSize(at: global)
    if order == .replacement {
      if global != current {
        let stream = RandomStream(seed: seed, purpose: .shuffle, step: global)
        for position in 0..<size {
          indices[position] = Int32(stream.integer(below: count, sample: position))
        }
        current = global
      }
      return UnsafeBufferPointer(rebasing: indices[..<size])
    }
    let wanted = order == .shuffledOnce ? 0 : epoch(ofBatch: global)
    if wanted != current {
      RandomStream(seed: seed, purpose: .shuffle, step: wanted).permutation(into: indices)
      current = wanted
    }
    let first = global % batchesPerEpoch * batch
    return UnsafeBufferPointer(rebasing: indices[first..<first + size])
  }
}
