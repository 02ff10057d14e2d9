import Base
import Collectives
import Foundation
import Scores

/// What `bench --scores` measured of one score.
package struct ScoreTiming: Codable, Sendable {
  package var name: String
  /// What it was measured of: `10000 samples and reals of 2048 features`.
  package var work: String
  /// From the features or images on, of the slowest rank.
  package var seconds: Double
  /// Of processors, all ranks and threads together: over their number, what the score takes where
  /// nothing else runs.
  package var processorSeconds: Double
}

/// Times scores on made-up features and images: what they take beyond drawing samples and
/// extracting features.
package struct ScoreBenchmark {
  private let team: ScoreTeam
  private let samples: Int
  private let features: Int

  /// - Parameters:
  ///   - samples: Samples, and reals.
  ///   - features: Of each.
  ///   - communicator: All ranks.
  ///   - threads: Of each rank.
  /// - Throws: Where the system refuses a thread, on this rank only.
  package init(
    samples: Int, features: Int, communicator: any Communicator, threads: Int
  ) throws {
    team = try ScoreTeam(communicator, threads: threads)
    self.samples = samples
    self.features = features
  }

  /// All scores that take seconds; all ranks call this.
  ///
  /// - Returns: A timing a score, on all ranks.
  /// - Throws: On all ranks, where OpenBLAS is missing.
  package func run() throws -> [ScoreTiming] {
    let (a, b) = (vectors(0, samples, features), vectors(1, samples, features))
    let work = "\(samples) samples and reals of \(features) features"
    let size = min(1000, samples)
    let subsets = Subsets(
      .philox, seed: 0, count: 100, size: size, samples: samples, reals: samples)
    let points = min(2000, samples)
    let (p, q) = (vectors(2, points, 2), vectors(3, points, 2))
    return [
      try time("fid", work) { _ = try FrechetDistance.distance(a, b, team) },
      try time("kid", "100 subsets of \(size), \(features) features") {
        _ = try KernelDistance.distances(a, b, subsets, team)
      },
      try time("prdc", work) {
        _ = try PrecisionRecall.values(a, b, k: 3, densityK: 5, team)
      },
      try time("wasserstein", "\(points) points of the plane") {
        _ = try Wasserstein.distance(p, q, team)
      },
    ]
  }

  private func time(_ name: String, _ work: String, _ body: () throws -> Void) throws -> ScoreTiming
  {
    try team.communicator.barrier()
    let begin = Self.processorSeconds
    let seconds = try secondsTaken(by: body)
    let mine = [seconds, Self.processorSeconds - begin]
    var all = [Double](repeating: 0, count: 2 * team.communicator.size)
    try mine.withUnsafeBufferPointer { mine in
      try all.withUnsafeMutableBufferPointer { try team.communicator.allGather(mine, into: $0) }
    }
    let ranks = stride(from: 0, to: all.count, by: 2)
    return ScoreTiming(
      name: name, work: work, seconds: ranks.reduce(0) { max($0, all[$1]) },
      processorSeconds: ranks.reduce(0) { $0 + all[$1 + 1] })
  }

  /// What this process has taken of processors so far.
  private static var processorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// Normal numbers, moved a little from set to set.
  private func vectors(_ set: Int, _ count: Int, _ dimension: Int) -> Vectors {
    let stream = RandomStream(seed: 0, purpose: .drawing, step: set)
    var values = [Float](repeating: 0, count: count * dimension)
    values.withUnsafeMutableBufferPointer { values in
      for row in 0..<count {
        let part = UnsafeMutableBufferPointer(
          rebasing: values[row * dimension..<(row + 1) * dimension])
        stream.normals(sample: row, into: part)
        for index in part.indices { part[index] += Float(set) / 32 }
      }
    }
    return Vectors(values, dimension: dimension)
  }
}
