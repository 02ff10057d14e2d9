import Base
import Foundation

/// One process without MPI.
package final class SoloCommunicator: Communicator {
  package init() {}

  package let rank = 0
  package let size = 1
  package let exchangeSeconds = 0.0
  package let exchangeDescription = "none"

  package func allGather(
    _ mine: UnsafeBufferPointer<Double>, into all: UnsafeMutableBufferPointer<Double>
  ) throws {
    precondition(all.count == mine.count, "gathering \(mine.count) values into \(all.count)")
    guard let source = mine.baseAddress, let target = all.baseAddress else { return }
    target.update(from: source, count: mine.count)
  }

  package func useExchange(_ mode: ExchangeMode) throws {}
  package func makeOrderedSum(count: Int) throws -> any OrderedSum { SumOfOne(count: count) }
  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws {}
  package func barrier() throws {}
  package func abort(status: Int32) -> Never { exit(status) }
}

/// The sum of one rank's vector: the vector.
final class SumOfOne: OrderedSum {
  private let count: Int

  init(count: Int) { self.count = count }

  func parts(ofRank rank: Int) -> [Range<Int>] { [0..<count] }
  func reduce(_ vector: MutableFloatBuffer) throws {}
  func share(_ vector: MutableFloatBuffer) throws {}
}
