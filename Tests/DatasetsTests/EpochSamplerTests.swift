import Base
import Datasets
import Testing

@Suite struct EpochSamplerTests {
  private func epoch(_ epoch: Int, of sampler: EpochSampler) -> [Int32] {
    let first = epoch * sampler.batchesPerEpoch
    return (first..<first + sampler.batchesPerEpoch).flatMap {
      Array(sampler.indices(forBatch: $0))
    }
  }

  @Test func everySampleOnceAnEpoch() throws {
    let sampler = try EpochSampler(count: 103, batch: 10, keepsPartialBatch: true, seed: 3)
    #expect(sampler.batchesPerEpoch == 11)
    let epochs = (0..<3).map { epoch($0, of: sampler) }
    for order in epochs { #expect(order.sorted() == (0..<103).map { Int32($0) }) }
    #expect(Set(epochs).count == 3)
    let other = try EpochSampler(count: 103, batch: 10, keepsPartialBatch: true, seed: 4)
    #expect(epoch(0, of: other) != epochs[0])
  }

  @Test func partialBatches() throws {
    let kept = try EpochSampler(count: 60_000, batch: 128, keepsPartialBatch: true, seed: 0)
    #expect(kept.batchesPerEpoch == 469)
    #expect([0, 467, 468, 469, 937].map(kept.batchSize) == [128, 128, 96, 128, 96])
    #expect(kept.indices(forBatch: 468).count == 96)
    #expect([0, 468, 469, 938].map(kept.epoch) == [0, 0, 1, 2])

    let dropped = try EpochSampler(count: 103, batch: 10, keepsPartialBatch: false, seed: 0)
    #expect(dropped.batchesPerEpoch == 10)
    #expect((0..<30).allSatisfy { dropped.batchSize(at: $0) == 10 })
    #expect(Set(epoch(1, of: dropped)).count == 100)

    // Batches that come out even have no partial one, and a batch may be the whole set.
    for keeps in [true, false] {
      let even = try EpochSampler(count: 20, batch: 5, keepsPartialBatch: keeps, seed: 0)
      #expect(even.batchesPerEpoch == 4)
      #expect(even.batchSize(at: 3) == 5)
      let whole = try EpochSampler(count: 20, batch: 20, keepsPartialBatch: keeps, seed: 0)
      #expect(whole.batchesPerEpoch == 1)
    }
    let larger = try EpochSampler(count: 7, batch: 20, keepsPartialBatch: true, seed: 0)
    #expect(larger.batchesPerEpoch == 1)
    #expect(larger.batchSize(at: 5) == 7)
  }

  @Test func orderOfAccessDoesNotMatter() throws {
    let forwards = try EpochSampler(count: 50, batch: 8, keepsPartialBatch: true, seed: 9)
    let batches = (0..<21).map { Array(forwards.indices(forBatch: $0)) }
    let backwards = try EpochSampler(count: 50, batch: 8, keepsPartialBatch: true, seed: 9)
    for global in (0..<21).reversed() {
      #expect(Array(backwards.indices(forBatch: global)) == batches[global])
    }
    // One that starts where a stopped run left off.
    let resumed = try EpochSampler(count: 50, batch: 8, keepsPartialBatch: true, seed: 9)
    #expect(Array(resumed.indices(forBatch: 17)) == batches[17])
  }

  @Test func knownAnswers() throws {
    // From a Philox4x32-10 and Fisher-Yates shuffle written in Python 3, apart from this package.
    let sampler = try EpochSampler(count: 60_000, batch: 6, keepsPartialBatch: true, seed: 7)
    #expect(Array(sampler.indices(forBatch: 0)) == [44244, 32628, 16031, 53318, 49987, 28633])
    #expect(Array(sampler.indices(forBatch: 30_000)) == [56558, 24453, 38251, 14311, 50398, 5956])
    let small = try EpochSampler(count: 10, batch: 10, keepsPartialBatch: true, seed: 0)
    #expect(Array(small.indices(forBatch: 0)) == [2, 6, 5, 8, 4, 0, 7, 1, 3, 9])
  }

  @Test func shuffledOnceRepeatsTheFirstEpoch() throws {
    let once = try EpochSampler(
      count: 103, batch: 10, keepsPartialBatch: true, seed: 3, order: .shuffledOnce)
    let anew = try EpochSampler(count: 103, batch: 10, keepsPartialBatch: true, seed: 3)
    #expect(epoch(0, of: once) == epoch(0, of: anew))
    #expect(epoch(4, of: once) == epoch(0, of: anew))
  }

  @Test func replacementDrawsFromAllSamples() throws {
    let make = {
      try EpochSampler(count: 20, batch: 8, keepsPartialBatch: true, seed: 3, order: .replacement)
    }
    let sampler = try make()
    #expect(sampler.batchesPerEpoch == 3)
    #expect((0..<3).map { sampler.indices(forBatch: $0).count } == [8, 8, 4])
    let batches = (0..<900).map { Array(sampler.indices(forBatch: $0)) }
    // In any order, and after a stop.
    let other = try make()
    for global in [700, 3, 3, 899, 0] {
      #expect(Array(other.indices(forBatch: global)) == batches[global])
    }
    // An epoch has some samples more than once, and none is left out for long.
    #expect((0..<100).allSatisfy { Set(batches[3 * $0..<3 * $0 + 3].joined()).count < 20 })
    var counts = [Int](repeating: 0, count: 20)
    for index in batches.joined() { counts[Int(index)] += 1 }
    // 300 each, five standard deviations.
    #expect(counts.allSatisfy { abs($0 - 300) < 86 }, "\(counts)")
    let seeded = try EpochSampler(
      count: 20, batch: 8, keepsPartialBatch: true, seed: 4, order: .replacement)
    #expect(Array(seeded.indices(forBatch: 0)) != batches[0])
  }

  @Test func epochsWithoutABatch() {
    #expect(throws: Fault("the data set has no samples")) {
      try EpochSampler(count: 0, batch: 1, keepsPartialBatch: true, seed: 0)
    }
    #expect(
      throws: Fault(
        "found 128, but the data set has 90 samples and partial batches are left out: expected "
          + "lastBatch: keep, or a batch of 90 or fewer in no more shards than that",
        parameter: "batch")
    ) {
      try EpochSampler(count: 90, batch: 128, keepsPartialBatch: false, seed: 0)
    }
  }
}
