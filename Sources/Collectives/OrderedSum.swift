import Base

/// A sum over ranks in the order of a reduction tree, with its buffers.
///
/// It has two halves, between which every rank has the sum of its own parts of the vector only:
/// what is made of the sum value by value (an optimizer's step) then takes each rank its share of
/// the time.
package protocol OrderedSum: AnyObject {
  /// The parts of the vector that a rank adds up: every value is in one part of one rank.
  ///
  /// They begin at multiples of `OrderedSumParts.block`.
  func parts(ofRank rank: Int) -> [Range<Int>]

  /// Replaces this rank's parts of `vector` by the sum of all ranks' vectors: leaf r of the tree is
  /// rank r's. The other parts are undefined then.
  ///
  /// A call costs least with the vector of the call before.
  func reduce(_ vector: MutableFloatBuffer) throws

  /// Gives all ranks every rank's parts of `vector`.
  ///
  /// A few vectors in turn cost no more than one.
  func share(_ vector: MutableFloatBuffer) throws
}

extension OrderedSum {
  /// Replaces `vector` on every rank by the sum of all ranks' vectors.
  package func callAsFunction(_ vector: MutableFloatBuffer) throws {
    try reduce(vector)
    try share(vector)
  }
}

/// How vectors are cut into parts.
package enum OrderedSumParts {
  /// Values that stay in one part.
  package static let block = 2048

  /// Part `index` of `count` of a range that begins with a block.
  package static func part(_ index: Int, of count: Int, in range: Range<Int>) -> Range<Int> {
    let blocks = (range.count + block - 1) / block
    func start(_ index: Int) -> Int {
      min(range.lowerBound + index * blocks / count * block, range.upperBound)
    }
    return start(index)..<start(index + 1)
  }
}
