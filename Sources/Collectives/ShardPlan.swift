import Base

/// How the global batch is cut into shards, and which of them this rank owns.
///
/// A batch of B samples is cut into `shards` slices whose sizes differ by at most one: sample i is
/// in shard i * shards / B. Rank r of N owns the shards r * shards / N and the following, a whole
/// subtree of the reduction tree. A shard's arithmetic does not depend on who computes it.
package struct ShardPlan: Sendable, Equatable {
  package let shards: Int
  package let rank: Int
  package let ranks: Int

  /// - Throws: `Fault` where the number of ranks does not divide the tree into whole
  ///   subtrees; the message names those that do.
  package init(shards: Int, rank: Int, ranks: Int) throws {
    let allowed = ReductionTree(leaves: shards).partCounts
    guard allowed.contains(ranks) else {
      throw Fault(
        "\(ranks) ranks cannot take equal subtrees of \(shards) shards",
        advice: "start \(Self.list(allowed)) ranks; a new run may also set shards to \(ranks) "
          + "times a power of two (results depend on their number)", parameter: "shards")
    }
    self.shards = shards
    self.rank = rank
    self.ranks = ranks
  }

  /// Shards of this rank.
  package var localShards: Int { shards / ranks }
  /// Number of this rank's first shard.
  package var firstShard: Int { rank * localShards }
  /// Summation order inside this rank.
  package var localTree: ReductionTree { ReductionTree(leaves: localShards) }

  /// Samples of the global batch that are in shard `localShard` of this rank.
  package func samples(localShard: Int, batch: Int) -> Range<Int> {
    let shard = firstShard + localShard
    return Self.start(shard, shards, batch)..<Self.start(shard + 1, shards, batch)
  }

  /// Whether every shard of a batch, of any rank, has a multiple of so many samples.
  ///
  /// Then the shards of batch / count packs hold the same samples.
  package func cuts(batch: Int, intoMultiplesOf count: Int) -> Bool {
    (1...shards).allSatisfy { Self.start($0, shards, batch) % count == 0 }
  }

  /// The largest number of samples in a shard of a batch.
  package func capacity(batch: Int) -> Int { (batch + shards - 1) / shards }

  /// The first i with i * shards / batch == shard.
  private static func start(_ shard: Int, _ shards: Int, _ batch: Int) -> Int {
    (shard * batch + shards - 1) / shards
  }

  private static func list(_ counts: [Int]) -> String {
    let words = counts.map(String.init)
    guard let last = words.last, words.count > 1 else { return words.joined() }
    return words.dropLast().joined(separator: ", ") + " or " + last
  }
}
