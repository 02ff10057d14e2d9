import Base
import Collectives
import Configuration
import Kernels

/// |g|^2 of a gradient of which each rank may have its own parts only.
///
/// Each rank sums the squares of its blocks; the blocks' sums are then added in their order. So the
/// bits are the same whoever summed a block.
final class GradientNorm {
  private let blocks: Int
  /// This rank's blocks, and every block's place in `all`; nil where each rank has all blocks.
  private let exchange: (own: [Range<Int>], places: [Int], gather: any PreparedAllGather)?
  private let mine: DoubleStorage
  private let all: DoubleStorage

  /// Divides a gradient into blocks, and tells the ranks which of them are theirs.
  ///
  /// - Parameters:
  ///   - count: Number of values of the gradient.
  ///   - sum: The sum over the ranks behind which each rank has its own parts of the gradient; nil
  ///     where each has the whole.
  ///   - communicator: The ranks that exchange their blocks' sums of squares.
  /// - Throws: `Fault` where the exchange cannot be set up.
  init(count: Int, sum: (any OrderedSum)?, communicator: any Communicator) throws {
    let block = OrderedSumParts.block
    blocks = (count + block - 1) / block
    guard let sum else {
      mine = DoubleStorage(count: blocks)
      all = mine
      exchange = nil
      return
    }
    let owned = (0..<communicator.size).map { rank in
      sum.parts(ofRank: rank).map { $0.lowerBound / block..<($0.upperBound + block - 1) / block }
    }
    let most = owned.map { $0.reduce(0) { $0 + $1.count } }.max() ?? 0
    var places = [Int](repeating: 0, count: blocks)
    for (rank, ranges) in owned.enumerated() {
      for (index, block) in ranges.joined().enumerated() { places[block] = rank * most + index }
    }
    mine = DoubleStorage(count: most)
    all = DoubleStorage(count: communicator.size * most)
    exchange = (
      owned[communicator.rank], places,
      try communicator.makeAllGather(UnsafeBufferPointer(mine.buffer), into: all.buffer)
    )
  }

  /// The sum of squares: the same on every rank, which all call together.
  func sumOfSquares(_ gradient: FloatBuffer) throws -> Double {
    guard let exchange else {
      for block in 0..<blocks { mine.pointer[block] = squares(gradient, block) }
      return mine.buffer.reduce(0, +)
    }
    var index = 0
    for range in exchange.own {
      for block in range {
        mine.pointer[index] = squares(gradient, block)
        index += 1
      }
    }
    try exchange.gather()
    return exchange.places.reduce(0) { $0 + all.pointer[$1] }
  }

  private func squares(_ gradient: FloatBuffer, _ block: Int) -> Double {
    let first = block * OrderedSumParts.block
    return Elementwise.sumOfSquares(
      FloatBuffer(rebasing: gradient[first..<min(first + OrderedSumParts.block, gradient.count)]))
  }
}
