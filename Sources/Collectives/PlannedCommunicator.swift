import Base
import Foundation

/// One rank of a job that is only planned: it has a number of fellow ranks, and the buffers of the
/// flat exchange, but nobody to exchange with.
///
/// Networks built for it take the memory that they would take in the job.
package final class PlannedCommunicator: Communicator {
  package let rank: Int
  package let size: Int
  package let exchangeSeconds = 0.0
  package let exchangeDescription = "planned"

  /// - Parameters:
  ///   - rank: This rank's number.
  ///   - size: The number of ranks.
  package init(rank: Int = 0, size: Int) {
    precondition((0..<size).contains(rank), "rank \(rank) of \(size)")
    self.rank = rank
    self.size = size
  }

  /// Gives every rank this rank's values.
  package func allGather(
    _ mine: UnsafeBufferPointer<Double>, into all: UnsafeMutableBufferPointer<Double>
  ) throws {
    precondition(all.count == size * mine.count, "gathering \(mine.count) values into \(all.count)")
    for rank in 0..<size {
      for index in mine.indices { all[rank * mine.count + index] = mine[index] }
    }
  }

  package func useExchange(_ mode: ExchangeMode) throws {}
  package func makeOrderedSum(count: Int) throws -> any OrderedSum {
    PlannedSum(count: count, rank: rank, ranks: size)
  }
  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws {}
  package func barrier() throws {}
  package func abort(status: Int32) -> Never { exit(status) }
}

/// The parts and buffers of a flat sum.
private final class PlannedSum: OrderedSum {
  private let count: Int
  private let ranks: Int
  /// What a rank's slice of the other ranks' vectors arrives in.
  private let received: FloatStorage

  init(count: Int, rank: Int, ranks: Int) {
    self.count = count
    self.ranks = ranks
    let slice = OrderedSumParts.part(rank, of: ranks, in: 0..<count)
    received = FloatStorage(count: (ranks - 1) * slice.count)
  }

  func parts(ofRank rank: Int) -> [Range<Int>] {
    [OrderedSumParts.part(rank, of: ranks, in: 0..<count)]
  }
  func reduce(_ vector: MutableFloatBuffer) throws {}
  func share(_ vector: MutableFloatBuffer) throws {}
}
